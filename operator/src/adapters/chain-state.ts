import type { QuorateClient } from "@quorate/client/client";
import { type CertifiedLeaf, readLeaf } from "@quorate/client/leaf";
import {
  findMember,
  type ValidatorSet,
  validatorSetHash,
} from "@quorate/node/kernel/validator-set";
import {
  type ChainLeaf,
  decodeChain,
  decodeSet,
  decodeSpare,
  decodeSwap,
  leafKeys,
} from "@quorate/node/ledger/leaves";
import { decodeLiveness, type LivenessLeaf } from "@quorate/node/ledger/liveness-leaf";
import { silenceOf } from "@quorate/node/ledger/silence";
import type { Spare } from "@quorate/node/ledger/state";
import { coolDownMs } from "@quorate/node/ledger/swap";
import type { SwapRecord } from "@quorate/node/ledger/types";
import type { ChainLiveness, ChainSpare, ChainView } from "../observe/observation.ts";

/** The chain says less than a chain has: this program is older than the chain, or the reverse. */
export class ChainIncompleteError extends Error {
  override readonly name = "ChainIncompleteError";
}

/** The set changed under every read, or nodes answered from before it: nothing can be decided. */
export class ChainMovedError extends Error {
  override readonly name = "ChainMovedError";
}

/** What is read of the chain, each answer verified. */
export type ChainClient = Pick<
  QuorateClient,
  | "chainId"
  | "genesis"
  | "trustedSet"
  | "setOf"
  | "state"
  | "spares"
  | "evidence"
  | "follow"
  | "submit"
  | "close"
>;

interface Snapshot {
  readonly chain: ChainLeaf;
  readonly liveness: LivenessLeaf;
  readonly set: ValidatorSet;
}

/** Everything that one view is made of, all of it of one epoch. */
interface Reading extends Snapshot {
  readonly spares: readonly Spare[];
  readonly known: ReadonlySet<string>;
  readonly left: ReadonlySet<string>;
  readonly swaps: readonly SwapRecord[];
  readonly condemned: ReadonlySet<string>;
}

/** Leaves of one height come from one answer each; blocks go on between them. */
const SNAPSHOT_TRIES = 4;
/** So often a view is read again whose leaves lie on two sides of a change of the set. */
const VIEW_TRIES = 3;
/** Verified heights are remembered this long, for the age of spares' attestations. */
const MARKS_MS = 60_000;

function defined<T>(leaf: CertifiedLeaf<T>, name: string): T {
  if (leaf.value === undefined) throw new ChainIncompleteError(`the state has no leaf ${name}`);
  return leaf.value;
}

/** Remembers between which heights a view was read. */
class Leaves {
  readonly genesis: ChainClient["genesis"];
  readonly #client: ChainClient;
  lowest = Number.POSITIVE_INFINITY;
  highest = 0;

  constructor(client: ChainClient) {
    this.#client = client;
    this.genesis = client.genesis;
  }

  async state(key: string): Promise<CertifiedLeaf<Uint8Array>> {
    return this.saw(await this.#client.state(key));
  }

  async spares(): Promise<readonly CertifiedLeaf<Spare>[]> {
    return (await this.#client.spares()).map((leaf) => this.saw(leaf));
  }

  saw<T>(leaf: CertifiedLeaf<T>): CertifiedLeaf<T> {
    this.lowest = Math.min(this.lowest, leaf.height);
    this.highest = Math.max(this.highest, leaf.height);
    return leaf;
  }
}

/** What never changes once it was verified, kept over passes. */
export class ChainMemory {
  readonly #client: () => ChainClient;
  readonly #swaps = new Map<number, SwapRecord>();
  readonly #known = new Set<string>();
  #marks: readonly { readonly height: number; readonly clockMs: number }[] = [];

  constructor(client: () => ChainClient) {
    this.#client = client;
  }

  /**
   * Reads the chain as far as an operator decides on it; every leaf is verified, and all of them
   * are of one epoch: else a spare that has just been seated would be neither spare nor member.
   * Throws ChainMovedError.
   */
  async read(keys: readonly string[]): Promise<Omit<ChainView, "sinceProgressMs">> {
    const client = this.#client();
    for (let tries = 1; tries <= VIEW_TRIES; tries += 1) {
      const reading = await this.#readOnce(client, keys);
      if (reading !== undefined) return this.#view(client, reading);
    }
    throw new ChainMovedError(`the set changed in each of ${VIEW_TRIES} reads: asked again soon`);
  }

  /**
   * The set is read first and last. Epochs only rise, so where both are one, every leaf between
   * their heights belongs to it.
   */
  async #readOnce(client: ChainClient, keys: readonly string[]): Promise<Reading | undefined> {
    const leaves = new Leaves(client);
    const before = await readLeaf(leaves, leafKeys.set, decodeSet);
    const [snapshot, spares, known] = await Promise.all([
      readSnapshot(leaves),
      readNamedSpares(leaves, keys),
      this.#readKnown(leaves, keys),
    ]);
    const [swaps, condemned] = await Promise.all([
      this.#readSwaps(leaves, snapshot.set),
      readCondemned(leaves, snapshot),
    ]);
    const present = { set: snapshot.set, spares, known, swaps };
    const left = await readLeft(leaves, keys, present);
    const after = await readLeaf(leaves, leafKeys.set, decodeSet);
    const hashes = [before, after].map((leaf) => validatorSetHash(defined(leaf, leafKeys.set)));
    const isOneSet = hashes.every((hash) => hash === validatorSetHash(snapshot.set));
    const isBetween = leaves.lowest === before.height && leaves.highest === after.height;
    if (!isOneSet || !isBetween || snapshot.chain.epoch !== snapshot.set.epoch) return undefined;
    for (const swap of swaps) this.#swaps.set(swap.epoch, swap);
    for (const key of known) this.#known.add(key);
    return { ...snapshot, ...present, left, condemned };
  }

  #view(client: ChainClient, reading: Reading): Omit<ChainView, "sinceProgressMs"> {
    const { chain, liveness, set, spares, known, left, swaps } = reading;
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
      protocol: chain.protocol,
      liveness: new Map(
        set.members.flatMap(({ key }) => {
          const entry = livenessOf(counted, key, reading.condemned);
          return entry === undefined ? [] : [[key, entry] as const];
        }),
      ),
      spares: spares.map((spare) => this.#spareView(spare, parameters.rotation, chain)),
      known,
      left,
      swaps,
      coolDownMs: coolDownMs({ lastSilenceSwapMs: last, clockMs, genesis }),
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
  async #readSwaps(leaves: Leaves, { epoch }: ValidatorSet): Promise<readonly SwapRecord[]> {
    const swaps: SwapRecord[] = [];
    for (let next = 2; next <= epoch; next += 1) {
      const name = leafKeys.swap(next);
      const known = this.#swaps.get(next);
      swaps.push(known ?? defined(await readLeaf(leaves, name, decodeSwap), name));
    }
    return swaps;
  }

  async #readKnown(leaves: Leaves, keys: readonly string[]): Promise<ReadonlySet<string>> {
    const known = await Promise.all(
      keys.map(async (key) => {
        if (this.#known.has(key)) return [key];
        const { value } = await leaves.state(leafKeys.known(key));
        return value === undefined ? [] : [key];
      }),
    );
    return new Set(known.flat());
  }
}

function livenessOf(
  state: Parameters<typeof silenceOf>[0],
  key: string,
  condemned: ReadonlySet<string>,
): ChainLiveness | undefined {
  const count = state.liveness.get(key);
  const silence = silenceOf(state, key);
  if (count === undefined || silence === undefined) return undefined;
  return {
    count,
    msSilent: silence.ms,
    isSilent: silence.isSilent,
    isAbsent: count.absentUntilMs > state.clockMs,
    isCondemned: condemned.has(key),
  };
}

/** Chain, counts and set of one height; where blocks are quicker than we, of neighbouring ones. */
async function readSnapshot(leaves: Leaves): Promise<Snapshot> {
  for (let tries = 1; ; tries += 1) {
    const [chain, liveness, set] = await Promise.all([
      readLeaf(leaves, leafKeys.chain, decodeChain),
      readLeaf(leaves, leafKeys.liveness, decodeLiveness),
      readLeaf(leaves, leafKeys.set, decodeSet),
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
async function readNamedSpares(leaves: Leaves, keys: readonly string[]): Promise<readonly Spare[]> {
  const [named, own] = await Promise.all([
    leaves.spares(),
    Promise.all(
      [...new Set(keys)].map((key) => readLeaf(leaves, leafKeys.spare(key), decodeSpare)),
    ),
  ]);
  const spares = [...named, ...own].flatMap(({ value }) => value ?? []);
  const byKey = new Map(spares.map((spare) => [spare.key, spare]));
  return [...byKey.values()].toSorted((left, right) => left.order - right.order);
}

/** Tombstones of the set's keys, where the chain has had a proof of misconduct at all. */
async function readCondemned(
  leaves: Leaves,
  { chain, set }: Snapshot,
): Promise<ReadonlySet<string>> {
  if (chain.lastMisconductMs === 0) return new Set();
  return keysWithLeaf(
    leaves,
    set.members.map(({ key }) => key),
    [leafKeys.tombstone],
  );
}

/** Leavers of proven swaps, and our own keys that the chain keeps out. */
async function readLeft(
  leaves: Leaves,
  keys: readonly string[],
  present: Pick<Reading, "set" | "spares" | "known" | "swaps">,
): Promise<ReadonlySet<string>> {
  const isThere = (key: string): boolean =>
    findMember(present.set, key) !== undefined || present.spares.some((each) => each.key === key);
  const leavers = new Set(
    present.swaps.flatMap(({ leaver }) => (leaver === undefined ? [] : [leaver])),
  );
  const unclear = keys.filter(
    (key) => present.known.has(key) && !isThere(key) && !leavers.has(key),
  );
  const out = await keysWithLeaf(leaves, unclear, [leafKeys.jailed, leafKeys.tombstone]);
  return new Set([...leavers, ...out].filter((key) => !isThere(key)));
}

async function keysWithLeaf(
  leaves: Leaves,
  keys: readonly string[],
  names: readonly ((key: string) => string)[],
): Promise<ReadonlySet<string>> {
  const found = await Promise.all(
    keys.map(async (key) => {
      const answers = await Promise.all(names.map((name) => leaves.state(name(key))));
      return answers.some(({ value }) => value !== undefined) ? [key] : [];
    }),
  );
  return new Set(found.flat());
}
