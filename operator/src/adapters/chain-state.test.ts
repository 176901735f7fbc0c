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
  encodeSpare,
  encodeSwap,
  leafKeys,
} from "@quorate/node/ledger/leaves";
import { encodeLiveness } from "@quorate/node/ledger/liveness-leaf";
import { freshLiveness, type Spare } from "@quorate/node/ledger/state";
import { describe, expect, test } from "vitest";
import { keyOf, ownerKeyOf } from "../../test/scene.ts";
import { type ChainClient, ChainMemory } from "./chain-state.ts";

const CHAIN_ID = "c".repeat(64);
const OWN = [0, 1, 2, 3, 4].map(keyOf);

const setOf = (epoch: number, indices: readonly number[]): ValidatorSet =>
  validatorSet(
    epoch,
    indices.map((index) => ({
      key: keyOf(index),
      networkKey: keyOf(index),
      address: `10.96.0.${index}:7001`,
      owner: ownerKeyOf(0),
      power: 1_000_000n,
      muted: false,
    })),
  );

const SPARE: Spare = {
  key: keyOf(4),
  networkKey: keyOf(4),
  owner: ownerKeyOf(0),
  address: "10.96.0.4:7001",
  bond: 1_000_000n,
  registeredAt: 1,
  sponsored: 0n,
  order: 1,
  registeredMs: 10,
  endorsed: true,
  attested: 99,
};

type Leaves = ReadonlyMap<string, Uint8Array>;

/** State of a chain in epoch 1 + swaps: swap i takes out member i, in comes member 4 + i. */
function leavesAt(height: number, swaps: number): Leaves {
  const seated = [0, 1, 2, 3].map((index) => (index < swaps ? index + 4 : index));
  const set = setOf(1 + swaps, seated);
  const liveness = new Map(set.members.map(({ key }) => [key, freshLiveness(1, 1, 0)]));
  const state = {
    chainId: CHAIN_ID,
    set,
    height,
    timestampMs: height * 10,
    clockMs: height * 10,
    protocol: { version: 1, activation: { version: 2, height: 900 } },
    slashedPot: 0n,
    deposited: 0n,
    withdrawn: 0n,
    genesisMoney: 0n,
    depositWindow: { fromMs: 0, amount: 0n },
    registrations: 1,
    rewardPot: 0n,
    rewardsFromMs: 0,
    staked: 0n,
    liveness,
    proposedAt: new Map(),
  };
  const gone = [0, 1, 2, 3].filter((index) => index < swaps);
  return new Map([
    [leafKeys.set, encodeSet(set)],
    [leafKeys.chain, encodeChain(state as unknown as Parameters<typeof encodeChain>[0])],
    [leafKeys.liveness, encodeLiveness(state as unknown as Parameters<typeof encodeLiveness>[0])],
    ...(swaps === 0 ? [[leafKeys.spare(keyOf(4)), encodeSpare(SPARE)] as const] : []),
    ...OWN.map((key) => [leafKeys.known(key), encodeKnownKey(1)] as const),
    ...gone.map((index): [string, Uint8Array] => {
      const epoch = index + 2;
      const record = {
        epoch,
        height: 100,
        cause: "silence" as const,
        leaver: keyOf(index),
        newcomer: keyOf(index + 4),
        proof: "a".repeat(64),
        newcomerRegisteredAt: 1,
        power: 1_000_000n,
      };
      return [leafKeys.swap(epoch), encodeSwap(record)];
    }),
  ]);
}

/** Answers each read from the height that `heightOf` names for it. */
function client(
  at: (height: number) => Leaves,
  heightOf: (key: string, reads: number) => number,
): ChainClient & { reads: number } {
  const fake = {
    reads: 0,
    chainId: CHAIN_ID,
    genesis: { parameters: PRODUCTION, genesisTimeMs: 0 },
    spares: async () => [],
    state: async (key: string) => {
      fake.reads += 1;
      const height = heightOf(key, fake.reads);
      await Promise.resolve();
      return { value: at(height).get(key), height, timestampMs: height * 10 };
    },
  };
  return fake as unknown as ChainClient & { reads: number };
}

const swapAt101 = (height: number): Leaves => leavesAt(height, height > 100 ? 1 : 0);

describe("a view of the chain", () => {
  test("never has leaves of two sides of a swap: the voter just seated is a member", async () => {
    // Set, chain and counts of the first pass are of height 100, the spare's leaf is of 101.
    const torn = client(swapAt101, (key, reads) =>
      key.startsWith("spare/") || reads > 14 ? 101 : 100,
    );
    const view = await new ChainMemory(() => torn).read(OWN);
    expect(view.set.epoch).toBe(2);
    expect(view.protocol).toEqual({ version: 1, activation: { version: 2, height: 900 } });
    expect(view.set.members.map(({ key }) => key)).toContain(keyOf(4));
    expect([...(view.left ?? [])]).toEqual([keyOf(0)]);
  });

  test("at every moment of a swap has each of our keys as member, spare or proven leaver", async () => {
    for (let change = 1; change <= 60; change += 1) {
      const moving = client(swapAt101, (_, reads) => (reads >= change ? 101 : 100));
      const view = await new ChainMemory(() => moving).read(OWN);
      const places = OWN.map((key) => [
        view.set.members.some((member) => member.key === key),
        view.left?.has(key) === true,
        view.spares.some((spare) => spare.key === key),
      ]);
      for (const place of places) expect(place.filter((is) => is)).toHaveLength(1);
      expect(view.swaps).toHaveLength(view.set.epoch - 1);
      expect(view.setHash).toBe(validatorSetHash(view.set));
    }
  });

  test("is none where the leaves never come from one epoch", async () => {
    const torn = client(swapAt101, (key) => (key.startsWith("spare/") ? 101 : 100));
    await expect(new ChainMemory(() => torn).read(OWN)).rejects.toThrow("the set changed");
  });

  test("has every swap once, however many reads run at once", async () => {
    const still = client(
      () => leavesAt(100, 4),
      () => 100,
    );
    const memory = new ChainMemory(() => still);
    const views = await Promise.all([memory.read([]), memory.read([]), memory.read([])]);
    for (const { swaps } of [...views, await memory.read([])]) {
      expect(swaps.map(({ epoch }) => epoch)).toEqual([2, 3, 4, 5]);
    }
  });

  test("names a key that the chain jailed as one that has left, though no swap names it", async () => {
    const jailed = (height: number): Leaves =>
      new Map([
        ...[...leavesAt(height, 0)].filter(([name]) => !name.startsWith("spare/")),
        [leafKeys.jailed(keyOf(4)), new Uint8Array([1])],
      ]);
    const still = client(jailed, () => 100);
    const view = await new ChainMemory(() => still).read(OWN);
    expect([...(view.left ?? [])]).toEqual([keyOf(4)]);
    const open = client(swapAt101, () => 100);
    expect((await new ChainMemory(() => open).read(OWN)).left?.size).toBe(0);
  });
});
