import type { ConnectOptions } from "@quorate/client/connect-options";
import { PRODUCTION } from "@quorate/node/kernel/parameters";
import {
  type ValidatorSet,
  validatorSet,
  validatorSetHash,
} from "@quorate/node/kernel/validator-set";
import {
  encodeChain,
  encodeKnownKey,
  encodeSet,
  encodeSwap,
  leafKeys,
} from "@quorate/node/ledger/leaves";
import { encodeLiveness } from "@quorate/node/ledger/liveness-leaf";
import { freshLiveness } from "@quorate/node/ledger/state";
import { VirtualClock } from "@quorate/runtime/virtual-clock";
import { describe, expect, test } from "vitest";
import { keyOf, ownerKeyOf } from "../../test/scene.ts";
import type { ChainRequest, VerifiedChain } from "../ports.ts";
import type { ChainClient } from "./chain-state.ts";
import { LightClientChain } from "./light-client-chain.ts";

const HOUR_MS = 3_600_000;
const TRUST_MS = 100 * HOUR_MS;

/** Epoch e: members e, e+1, e+2, e+3. */
const setOf = (epoch: number, first = epoch): ValidatorSet =>
  validatorSet(
    epoch,
    [0, 1, 2, 3].map((offset) => ({
      key: keyOf(first + offset),
      networkKey: keyOf(first + offset),
      address: `10.96.0.${first + offset}:7001`,
      owner: ownerKeyOf(0),
      power: 1_000_000n,
      muted: false,
    })),
  );
const hexOf = (set: ValidatorSet): string => Buffer.from(encodeSet(set)).toString("hex");

/** The true chain, and what its nodes can prove. */
class World {
  readonly clock = new VirtualClock();
  readonly genesisTimeMs = this.clock.now();
  epoch = 1;
  height = 100;
  timeMs = this.clock.now();
  /** Hand-overs from genesis are still there to be had. */
  provesFromGenesis = true;
  opened: number[] = [];

  operator(): LightClientChain {
    return new LightClientChain(this.clock, async (options) => this.#client(options));
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }

  /** While a node that lags is asked again. */
  async waitFor<T>(reading: Promise<T>): Promise<T> {
    await this.clock.advance(5_000);
    return reading;
  }

  /** A block now. */
  commit(): void {
    this.height += 1;
    this.timeMs = this.clock.now();
  }

  request(change: Partial<ChainRequest> = {}): ChainRequest {
    return {
      identity: { name: "ns/val", uid: "uid" },
      genesis: new Uint8Array([1]),
      endpoints: ["10.0.0.1:7002"],
      checkpoint: "",
      checkpointTimeMs: 0,
      trustPeriodMs: TRUST_MS,
      keys: [],
      ...change,
    };
  }

  #client({ checkpoint }: ConnectOptions): ChainClient {
    const start = checkpoint ?? setOf(1);
    this.opened.push(start.epoch);
    const proven = new Map([[start.epoch, start]]);
    let trusted = start;
    const follow = async (to: number): Promise<ValidatorSet> => {
      const isTrue = validatorSetHash(start) === validatorSetHash(setOf(start.epoch));
      const proves = isTrue && (start.epoch > 1 || this.provesFromGenesis);
      while (proves && trusted.epoch < Math.min(to, this.epoch)) {
        trusted = setOf(trusted.epoch + 1);
        proven.set(trusted.epoch, trusted);
      }
      return trusted;
    };
    const fake = {
      chainId: "c".repeat(64),
      genesis: { parameters: PRODUCTION, genesisTimeMs: this.genesisTimeMs },
      get trustedSet() {
        return trusted;
      },
      setOf: (epoch: number) => proven.get(epoch),
      follow,
      spares: async () => [],
      evidence: async () => [],
      close: () => undefined,
      state: async (key: string) => {
        await follow(this.epoch);
        if (validatorSetHash(trusted) !== validatorSetHash(setOf(this.epoch))) {
          throw new Error(`epoch ${trusted.epoch} does not lead to the chain`);
        }
        const { height, timeMs } = this;
        return { value: this.#leaf(key), height, timestampMs: timeMs };
      },
    };
    return fake as unknown as ChainClient;
  }

  #leaf(key: string): Uint8Array | undefined {
    const set = setOf(this.epoch);
    const state = {
      chainId: "c".repeat(64),
      set,
      height: this.height,
      timestampMs: this.timeMs,
      clockMs: this.timeMs,
      protocol: { version: 1, activation: undefined },
      slashedPot: 0n,
      deposited: 0n,
      withdrawn: 0n,
      genesisMoney: 0n,
      depositWindow: { fromMs: 0, amount: 0n },
      registrations: 1,
      rewardPot: 0n,
      rewardsFromMs: 0,
      staked: 0n,
      liveness: new Map(set.members.map((each) => [each.key, freshLiveness(1, 1, 0)])),
      proposedAt: new Map(),
    };
    if (key === leafKeys.set) return encodeSet(set);
    if (key === leafKeys.chain) return encodeChain(state as never);
    if (key === leafKeys.liveness) return encodeLiveness(state as never);
    if (key.startsWith("key/")) return encodeKnownKey(1);
    if (!key.startsWith("swap/")) return undefined;
    const epoch = Number(key.slice(5));
    return encodeSwap({
      epoch,
      height: epoch * 10,
      cause: "silence",
      leaver: keyOf(epoch - 1),
      newcomer: keyOf(epoch + 3),
      proof: "a".repeat(64),
      newcomerRegisteredAt: 1,
      power: 1_000_000n,
    });
  }
}

function epochOf({ reading }: VerifiedChain): number | string {
  return reading.kind === "verified" ? reading.chain.set.epoch : reading.kind;
}

/** What status holds after this answer. */
function statusOf(answer: VerifiedChain): Partial<ChainRequest> {
  if (answer.reading.kind !== "verified") throw new Error(answer.reading.kind);
  return {
    checkpoint: answer.checkpoint,
    checkpointTimeMs: answer.checkpointTimeMs,
    checkpointEpoch: answer.checkpointEpoch,
    verified: { height: answer.reading.chain.height },
  };
}

const FORGED = {
  checkpoint: hexOf(setOf(1_000, 70)),
  checkpointEpoch: 1_000,
  verified: { height: 1_000_000 },
};

describe("rule VERIFIED-READ: what status says is a start and no more", () => {
  test("one set's status is no root of trust for another set of the same chain", async () => {
    const world = new World();
    const operator = world.operator();
    const mine = world.request();
    const theirs = { ...mine, ...FORGED, checkpointTimeMs: world.timeMs };
    expect(epochOf(await operator.read(mine))).toBe(1);
    await operator.read({ ...theirs, identity: { name: "other/val", uid: "2" } });
    expect(epochOf(await operator.read({ ...mine, endpoints: ["10.0.0.2:7002"] }))).toBe(1);
  });

  test("a running client's own set wins over a newer one in status", async () => {
    const world = new World();
    const operator = world.operator();
    await operator.read(world.request());
    const endpoints = ["10.0.0.2:7002"];
    const forged = world.request({ ...FORGED, checkpointTimeMs: world.timeMs, endpoints });
    expect(epochOf(await operator.read(forged))).toBe(1);
    expect(world.opened).toEqual([1, 1]);
  });

  test("a forged checkpoint gives way to hand-overs from genesis, and its heights with it", async () => {
    const world = new World();
    world.epoch = 3;
    const forged = world.request({ ...FORGED, checkpointTimeMs: world.timeMs });
    expect(epochOf(await world.operator().read(forged))).toBe(3);
    const older = { ...FORGED, checkpoint: hexOf(setOf(2, 70)), checkpointEpoch: 2 };
    const request = world.request({ ...older, checkpointTimeMs: world.timeMs });
    expect(epochOf(await world.operator().read(request))).toBe(3);
  });

  test("a true checkpoint is the start where nobody proves the way from genesis", async () => {
    const world = new World();
    world.epoch = 3;
    world.provesFromGenesis = false;
    expect(epochOf(await world.operator().read(world.request()))).toBe("unreachable");
    const checkpoint = hexOf(setOf(2));
    const request = world.request({ checkpoint, checkpointTimeMs: world.timeMs });
    expect(epochOf(await world.operator().read(request))).toBe(3);
  });

  test("a set that was made anew under the same name starts from its own status", async () => {
    const world = new World();
    const operator = world.operator();
    await operator.read(world.request());
    world.height = 50;
    expect(epochOf(await world.waitFor(operator.read(world.request())))).toBe("unreachable");
    const anew = world.request({ identity: { name: "ns/val", uid: "uid-2" } });
    expect(epochOf(await operator.read(anew))).toBe(1);
  });

  test("after a restart a height below the verified one of status is a rumour", async () => {
    const world = new World();
    const status = statusOf(await world.operator().read(world.request()));
    world.height -= 1;
    const answer = await world.waitFor(world.operator().read(world.request(status)));
    expect(answer.reading).toMatchObject({ kind: "unreachable" });
    world.height += 1;
    expect(epochOf(await world.operator().read(world.request(status)))).toBe(1);
  });

  test("after a restart a chain that stands still is seen to at once", async () => {
    const world = new World();
    const status = statusOf(await world.operator().read(world.request()));
    await world.advance(60_000);
    const operator = world.operator();
    for (const request of [world.request(status), world.request(status)]) {
      const { reading } = await operator.read(request);
      expect(reading).toMatchObject({ kind: "verified", chain: { sinceProgressMs: 60_000 } });
    }
    world.commit();
    const { reading } = await operator.read(world.request(status));
    expect(reading).toMatchObject({ kind: "verified", chain: { sinceProgressMs: 0 } });
  });
});

describe("rule VERIFIED-READ: the trust period", () => {
  const person = { epoch: 1, setHash: validatorSetHash(setOf(1)) };

  async function old(): Promise<{ world: World; status: Partial<ChainRequest> }> {
    const world = new World();
    const status = statusOf(await world.operator().read(world.request()));
    await world.advance(TRUST_MS + 1);
    world.commit();
    return { world, status };
  }

  test("an old checkpoint holds until a person names the set", async () => {
    const { world, status } = await old();
    const operator = world.operator();
    const request = world.request(status);
    expect(epochOf(await operator.read(request))).toBe("checkpoint-expired");
    expect(epochOf(await operator.read({ ...request, person }))).toBe(1);
    const wrong = { ...person, setHash: "0".repeat(64) };
    expect(epochOf(await world.operator().read({ ...request, person: wrong }))).not.toBe(1);
  });

  test("a person's checkpoint grows old as well: it holds again one trust period later", async () => {
    const { world, status } = await old();
    const operator = world.operator();
    const request = world.request({ ...status, person });
    expect(epochOf(await operator.read(request))).toBe(1);
    await world.advance(TRUST_MS);
    expect(epochOf(await operator.read(request))).toBe(1);
    await world.advance(1);
    expect(epochOf(await operator.read(request))).toBe("checkpoint-expired");
    world.commit();
    expect(epochOf(await operator.read(request))).toBe("checkpoint-expired");
    // Named anew: taken away and given again.
    await operator.read(world.request(status));
    expect(epochOf(await operator.read(request))).toBe(1);
  });

  test("a person's checkpoint that leads to an old header only is as old as that", async () => {
    const { world, status } = await old();
    world.timeMs -= TRUST_MS + 1;
    const answer = await world.operator().read(world.request({ ...status, person }));
    expect(epochOf(answer)).toBe("checkpoint-expired");
  });

  test("a person's checkpoint older than the verified one makes nothing good again", async () => {
    const { world, status } = await old();
    world.epoch = 2;
    const checkpoint = hexOf(setOf(2));
    const request = world.request({ ...status, checkpoint, checkpointEpoch: 2, person });
    expect(epochOf(await world.operator().read(request))).toBe("checkpoint-expired");
  });

  test("a checkpoint of the future is refused: the age counts from genesis", async () => {
    const { world, status } = await old();
    const checkpointTimeMs = world.clock.now() + 365 * 24 * HOUR_MS;
    const answer = await world.operator().read(world.request({ ...status, checkpointTimeMs }));
    expect(epochOf(answer)).toBe("checkpoint-expired");
  });
});
