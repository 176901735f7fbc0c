import type { QuorateClient } from "@quorate/client/client";
import { type CertifiedLeaf, readLeaf } from "@quorate/client/leaf";
import { readSpares } from "@quorate/client/seat-reads";
import { type ValidatorSet, validatorSetHash } from "@quorate/node/kernel/validator-set";
import {
  type ChainLeaf,
  decodeChain,
  decodeLiveness,
  decodeSet,
  decodeSwap,
  type LivenessLeaf,
  leafKeys,
} from "@quorate/node/ledger/leaves";
import { silenceOf } from "@quorate/node/ledger/silence";
import type { Spare } from "@quorate/node/ledger/state";
import { coolDownMs } from "@quorate/node/ledger/swap";
import type { SwapRecord } from "@quorate/node/ledger/types";
import type { ChainLiveness, ChainSpare, ChainView } from "../observe/observation.ts";

/** The chain says less than a chain has: this program is older than the chain, or the reverse. */
export class ChainIncompleteError extends Error {
  override readonly name = "ChainIncompleteError";
}

interface Snapshot {
  readonly chain: ChainLeaf;
  readonly liveness: LivenessLeaf;
  readonly set: ValidatorSet;
}

/** Leaves of one height come from one answer each; blocks go on between them. */
const SNAPSHOT_TRIES = 4;
/** Verified heights are remembered this long, for the age of spares' attestations. */
const MARKS_MS = 60_000;

function defined<T>(leaf: CertifiedLeaf<T>, name: string): T {
  if (leaf.value === undefined) throw new ChainIncompleteError(`the state has no leaf ${name}`);
  return leaf.value;
}

/** What never changes once it was verified, kept over passes. */
export class ChainMemory {
  readonly #client: () => QuorateClient;
  readonly #swaps: SwapRecord[] = [];
  readonly #known = new Set<string>();
  #condemned: { readonly lastMs: number; readonly epoch: number; readonly keys: Set<string> } = {
    lastMs: 0,
    epoch: 0,
    keys: new Set(),
  };
  #marks: readonly { readonly height: number; readonly clockMs: number }[] = [];

  constructor(client: () => QuorateClient) {
    this.#client = client;
  }

  /** Reads the chain as far as an operator decides on it; every leaf is verified. */
  async read(keys: readonly string[]): Promise<Omit<ChainView, "sinceProgressMs">> {
    const client = this.#client();
    const [snapshot, spares] = await Promise.all([
      readSnapshot(client),
      readNamedSpares(client, keys),
      this.#learnKnown(client, keys),
    ]);
    const { chain, liveness, set } = snapshot;
    await Promise.all([this.#learnSwaps(client, set), this.#learnCondemned(client, snapshot)]);
    this.#mark(chain);
    const { parameters } = client.genesis;
    const genesis = { parameters };
    const { height, clockMs, timestampMs } = chain;
    const last = chain.lastSilenceSwapMs === 0 ? undefined : chain.lastSilenceSwapMs;
    const counted = { ...liveness, height, clockMs, set, genesis };
    return {
      chainId: client.chainId,
      parameters,
      height,
      timeMs: timestampMs,
      set,
      setHash: validatorSetHash(set),
      liveness: new Map(
        set.members.flatMap(({ key }) => {
          const entry = this.#livenessOf(counted, key);
          return entry === undefined ? [] : [[key, entry] as const];
        }),
      ),
      spares: spares.map((spare) => this.#spareView(spare, parameters.rotation, chain)),
      known: new Set(keys.filter((key) => this.#known.has(key))),
      swaps: [...this.#swaps],
      coolDownMs: coolDownMs({ lastSilenceSwapMs: last, clockMs, genesis }),
    };
  }

  #livenessOf(state: Parameters<typeof silenceOf>[0], key: string): ChainLiveness | undefined {
    const count = state.liveness.get(key);
    const silence = silenceOf(state, key);
    if (count === undefined || silence === undefined) return undefined;
    return {
      count,
      msSilent: silence.ms,
      isSilent: silence.isSilent,
      isAbsent: count.absentUntilMs > state.clockMs,
      isCondemned: this.#condemned.keys.has(key),
    };
  }

  /**
   * FIT as far as leaves show it: by blocks, or by a verified mark at or below the attested height,
   * whose age is at least the attestation's.
   */
  #spareView(
    { key, owner, endorsed, attested }: Spare,
    { fitBlocks, fitMs }: { readonly fitBlocks: number; readonly fitMs: number },
    { height, clockMs }: ChainLeaf,
  ): ChainSpare {
    const mark = this.#marks.findLast((each) => each.height <= attested);
    const byTime = mark !== undefined && clockMs - mark.clockMs <= fitMs;
    const fit = attested > 0 && (height - attested <= fitBlocks || byTime);
    return { key, owner, fit, endorsed };
  }

  #mark({ height, clockMs }: ChainLeaf): void {
    if ((this.#marks.at(-1)?.height ?? -1) >= height) return;
    const young = this.#marks.filter((each) => clockMs - each.clockMs <= MARKS_MS);
    this.#marks = [...young, { height, clockMs }];
  }

  /** Swaps are kept in the state for ever, one for each epoch: each is read once. */
  async #learnSwaps(client: QuorateClient, { epoch }: ValidatorSet): Promise<void> {
    for (let next = this.#swaps.length + 2; next <= epoch; next += 1) {
      const leaf = await readLeaf(client, leafKeys.swap(next), decodeSwap);
      this.#swaps.push(defined(leaf, leafKeys.swap(next)));
    }
  }

  async #learnKnown(client: QuorateClient, keys: readonly string[]): Promise<void> {
    await Promise.all(
      keys
        .filter((key) => !this.#known.has(key))
        .map(async (key) => {
          const { value } = await client.state(leafKeys.known(key));
          if (value !== undefined) this.#known.add(key);
        }),
    );
  }

  /** Tombstones of the set's keys; asked again only after a newer proof or a new set. */
  async #learnCondemned(client: QuorateClient, { chain, set }: Snapshot): Promise<void> {
    const { lastMisconductMs: lastMs } = chain;
    const { epoch } = set;
    if (lastMs === 0) return;
    if (lastMs === this.#condemned.lastMs && epoch === this.#condemned.epoch) return;
    const keys = new Set<string>();
    await Promise.all(
      set.members.map(async ({ key }) => {
        const { value } = await client.state(leafKeys.tombstone(key));
        if (value !== undefined) keys.add(key);
      }),
    );
    this.#condemned = { lastMs, epoch, keys };
  }
}

/** Chain, counts and set of one height; where blocks are quicker than we, of neighbouring ones. */
async function readSnapshot(client: QuorateClient): Promise<Snapshot> {
  for (let tries = 1; ; tries += 1) {
    const [chain, liveness, set] = await Promise.all([
      readLeaf(client, leafKeys.chain, decodeChain),
      readLeaf(client, leafKeys.liveness, decodeLiveness),
      readLeaf(client, leafKeys.set, decodeSet),
    ]);
    const isOne = chain.height === liveness.height && chain.height === set.height;
    if (!isOne && tries < SNAPSHOT_TRIES) continue;
    return {
      chain: defined(chain, leafKeys.chain),
      liveness: defined(liveness, leafKeys.liveness),
      set: defined(set, leafKeys.set),
    };
  }
}

/** Those that a node names, and our own by name: a node that hides a spare hides nothing. */
async function readNamedSpares(
  client: QuorateClient,
  keys: readonly string[],
): Promise<readonly Spare[]> {
  const [named, own] = await Promise.all([client.spares(), readSpares(client, keys)]);
  const spares = [...named, ...own].flatMap(({ value }) => value ?? []);
  const byKey = new Map(spares.map((spare) => [spare.key, spare]));
  return [...byKey.values()].toSorted((left, right) => left.order - right.order);
}
