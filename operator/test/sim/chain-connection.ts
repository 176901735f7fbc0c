import { genesisHash } from "@quorate/node/ledger/genesis";
import type { ChainPort, ChainRequest, SubmitOutcome, VerifiedChain } from "../../src/ports.ts";
import type { FakeChain } from "./fake-chain.ts";
import type { OperatorProcess } from "./operator-process.ts";
import type { World } from "./world.ts";

const TOTAL_MS = 6_000;
/**
 * A node that lags behind what was verified is asked again, as adapters/light-client-chain does.
 */
const LAG_TRIES = 4;
const LAG_MS = 250;
const NOTHING = { proofs: [], checkpoint: "", checkpointEpoch: 0, checkpointTimeMs: 0 } as const;

function unreachable(message: string): VerifiedChain {
  return { reading: { kind: "unreachable", message }, ...NOTHING };
}

/**
 * One process's light client: it asks nodes that it reaches and never believes less than it saw.
 */
export class ChainConnection implements ChainPort {
  readonly #world: World;
  readonly #process: OperatorProcess;
  #newest = { height: -1, seenAt: 0 };

  constructor(world: World, process: OperatorProcess) {
    this.#world = world;
    this.#process = process;
  }

  read(request: ChainRequest): Promise<VerifiedChain> {
    return this.#process.guard(this.#read(request));
  }

  submit(request: ChainRequest, transaction: Uint8Array): Promise<SubmitOutcome> {
    this.#world.checks.submit(this.#process, transaction);
    const death = this.#process.deathAtWrite;
    if (death !== undefined) {
      death.left -= 1;
      if (death.left <= 0) {
        this.#process.deathAtWrite = undefined;
        if (death.afterEffect) void this.#submit(request, transaction);
        this.#world.killed(this.#process, "at a submit");
        return new Promise(() => undefined);
      }
    }
    return this.#process.guard(this.#submit(request, transaction));
  }

  async #read(request: ChainRequest): Promise<VerifiedChain> {
    const { clock, network, weather, counts } = this.#world;
    await clock.sleep(network.integer(2, 40));
    const chain = this.#reached(request);
    if (chain === undefined || weather.chainUnreachable) {
      counts.add("chain: unreachable");
      await clock.sleep(network.pick([5, 1_500, TOTAL_MS]));
      return unreachable("no node answers");
    }
    if (weather.chainExpired) {
      counts.add("chain: checkpoint expired");
      return { reading: { kind: "checkpoint-expired", ageMs: 1_300_000_000 }, ...NOTHING };
    }
    let { checkpoint, ...view } = chain.view(network.integer(0, 3));
    for (let tries = 1; view.height < this.#newest.height; tries += 1) {
      counts.add("chain: a node lags");
      if (tries > LAG_TRIES) return unreachable(`nodes show height ${view.height}, not more`);
      await clock.sleep(LAG_MS);
      ({ checkpoint, ...view } = chain.view(network.integer(0, 3)));
    }
    this.#world.checks.chainRead(this.#process, view.height);
    const now = clock.monotonic();
    if (view.height > this.#newest.height) this.#newest = { height: view.height, seenAt: now };
    const sinceProgressMs = now - this.#newest.seenAt;
    const known = new Set(request.keys.filter((key) => view.known.has(key)));
    return {
      reading: { kind: "verified", chain: { ...view, known, sinceProgressMs } },
      proofs: [...chain.proofs],
      checkpoint,
      checkpointEpoch: view.set.epoch,
      checkpointTimeMs: view.timeMs,
    };
  }

  /** The chain of the genesis that is asked for, where one of its nodes answers. */
  #reached({ endpoints, genesis }: ChainRequest): FakeChain | undefined {
    const { cluster, chain } = this.#world;
    if (chain === undefined || genesisHash(genesis) !== chain.id) return undefined;
    const answers = endpoints.some((endpoint) => {
      const process = cluster.at(endpoint.slice(0, endpoint.lastIndexOf(":")));
      if (process === undefined || this.#process.unreachable.has(process.member)) return false;
      return process.volume.pinned === chain.id;
    });
    return answers ? chain : undefined;
  }

  async #submit(request: ChainRequest, transaction: Uint8Array): Promise<SubmitOutcome> {
    const { clock, network, weather, counts } = this.#world;
    await clock.sleep(network.integer(2, 60));
    const chain = this.#reached(request);
    if (chain === undefined || weather.chainUnreachable) {
      if (network.chance(0.3)) throw new Error("connect: no node answers");
      return { kind: "unknown", message: "no node answers" };
    }
    const done = new AbortController();
    const late = clock.sleep(TOTAL_MS, done.signal).then(
      () => undefined,
      () => undefined,
    );
    const receipt = await Promise.race([chain.submit(transaction, this.#process.name), late]);
    done.abort();
    if (receipt === undefined) return { kind: "unknown", message: "no receipt in time" };
    if (network.chance(weather.submitsLost)) {
      counts.add("chain: answer of a submit lost");
      return { kind: "unknown", message: "the connection broke" };
    }
    const { code, height } = receipt;
    if (code !== "OK" && network.chance(0.3)) return { kind: "refused", code, message: code };
    return { kind: "executed", code, height };
  }
}
