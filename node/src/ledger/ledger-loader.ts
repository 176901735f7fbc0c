import { assert, defined } from "../kernel/assert.ts";
import { DecodeError } from "../kernel/codec.ts";
import { PersistentMap } from "../kernel/persistent-map.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Digest, Height, Round } from "../kernel/scalars.ts";
import type { AttestedResult } from "../kernel/statements.ts";
import { atOnce, type Steps } from "../kernel/steps.ts";
import { validatorSetHash } from "../kernel/validator-set.ts";
import {
  finishMarginLoad,
  type LoadingMargin,
  MARGIN_KINDS,
  type MarginOrigin,
  openMarginLoad,
} from "../margin/load-state.ts";
import type { MarginState } from "../margin/state.ts";
import { LEAVES_PER_STEP, readChunk } from "./chunk.ts";
import { markBlock } from "./clock.ts";
import type { Genesis } from "./genesis-file.ts";
import { emptyLeaves, type LoadedLeaves } from "./leaf-kind.ts";
import { LEAF_KINDS } from "./leaf-kinds.ts";
import { decodeChainHead, leafKeys } from "./leaves.ts";
import { findProtocol, PROTOCOLS, type Protocols } from "./protocol.ts";
import type { SnapshotManifest } from "./snapshot-manifest.ts";
import type { BlockMark, LedgerState } from "./state.ts";
import { joinSubtrees, type StateTree, treeRoot } from "./state-tree.ts";
import { SWAPS_HELD } from "./swap.ts";
import { recordKey, recordValue } from "./tree-page.ts";

/** What a loader trusts: the genesis, and a result with its quorum's certificate. */
export interface LoaderContext {
  readonly genesis: Genesis;
  readonly chainId: Digest;
  /** Verified against `certified`. */
  readonly manifest: SnapshotManifest;
  readonly certified: AttestedResult;
  /** The block of that height: its hash is in the result. */
  readonly block: { readonly round: Round };
  /** Versions that the binary holds. */
  readonly protocols?: Protocols;
}

/** Takes chunks in any order, one at a time, so that the caller can yield between them. */
export interface LedgerLoader {
  /** A chunk that was taken before is taken again without effect; empty chunks need not come. */
  add(index: number, bytes: Uint8Array): Result<void, Refusal>;
  /** The same in steps of about a millisecond: for a process that has other work. */
  addSteps(index: number, bytes: Uint8Array): Steps<Result<void, Refusal>>;
  /** The state, once all chunks are there. */
  finish(): Result<LedgerState, Refusal>;
  finishSteps(): Steps<Result<LedgerState, Refusal>>;
}

const KINDS = new Map(LEAF_KINDS.map((kind) => [kind.prefix, kind]));

export class Loader implements LedgerLoader {
  readonly #context: LoaderContext;
  readonly #trees: (StateTree | "missing")[];
  readonly #margin = openMarginLoad();
  /** The ledger's own leaves wait: their layouts depend on the version in the chain's leaf. */
  readonly #own: { readonly key: string; readonly value: Uint8Array }[] = [];

  constructor(context: LoaderContext) {
    this.#context = context;
    this.#trees = context.manifest.chunks.map(({ kind }) =>
      kind === "empty" ? undefined : "missing",
    );
  }

  add(index: number, bytes: Uint8Array): Result<void, Refusal> {
    return atOnce(this.addSteps(index, bytes));
  }

  *addSteps(index: number, bytes: Uint8Array): Steps<Result<void, Refusal>> {
    const chunk = yield* readChunk(this.#context.manifest, index, bytes);
    if (!chunk.ok) return chunk;
    // Two peers may have sent it: from here on its leaves are taken by one alone.
    if (this.#trees[index] !== "missing") return ok(undefined);
    this.#trees[index] = chunk.value.tree;
    for (const [at, { record }] of chunk.value.items.entries()) {
      if (at % LEAVES_PER_STEP === 0) yield;
      const added = this.#addLeaf(recordKey(record), recordValue(record));
      if (!added.ok) {
        this.#trees[index] = "missing";
        return added;
      }
    }
    return ok(undefined);
  }

  #addLeaf(key: string, value: Uint8Array): Result<void, Refusal> {
    const { prefix, name } = splitKey(key);
    const load = MARGIN_KINDS.get(prefix);
    if (load !== undefined) return decoding(key, () => load(this.#margin, name, value));
    const kind = KINDS.get(prefix);
    if (kind === undefined || (name === "") !== kind.isSingle) {
      const fix = "no state has such a leaf: is this binary older than the chain?";
      return refuse("LEAF_UNKNOWN", key, fix);
    }
    const { check } = kind;
    if (check !== undefined) return decoding(key, () => check(name, value));
    this.#own.push({ key, value: value.slice() });
    return ok(undefined);
  }

  finish(): Result<LedgerState, Refusal> {
    return atOnce(this.finishSteps());
  }

  *finishSteps(): Steps<Result<LedgerState, Refusal>> {
    const trees: StateTree[] = [];
    for (const [index, tree] of this.#trees.entries()) {
      if (tree === "missing") {
        return refuse("CHUNK_MISSING", `chunks[${index}]`, "add every chunk before you finish");
      }
      trees.push(tree);
    }
    const { manifest, genesis } = this.#context;
    const tree = yield* joinSubtrees(trees, manifest.bits);
    assert(treeRoot(tree) === manifest.stateRoot, "verified chunks fold to the verified root");
    yield;
    const own = this.#loadOwn();
    if (!own.ok) return own;
    const { parameters, genesisTimeMs } = genesis;
    const origin = { parameters: parameters.margin, genesisTimeMs };
    const margin = yield* loadingMargin(this.#margin, origin);
    return margin.ok ? this.#assemble(own.value, tree, margin.value) : margin;
  }

  #loadOwn(): Result<LoadedLeaves, Refusal> {
    const { protocols = PROTOCOLS, chainId } = this.#context;
    const chain = this.#own.find(({ key }) => key === leafKeys.chain);
    if (chain === undefined) return missingLeaf(leafKeys.chain);
    const head = decoding(leafKeys.chain, () => decodeChainHead(chain.value));
    if (!head.ok) return head;
    if (head.value.chainId !== chainId) {
      const fix = `it is of chain ${head.value.chainId}: take a snapshot of this chain`;
      return refuse("STATE_FOREIGN", leafKeys.chain, fix);
    }
    const { version } = head.value;
    const protocol = findProtocol(protocols, version);
    if (protocol === undefined) {
      const fix = `the state is of version ${version}: start a binary that holds it`;
      return refuse("STATE_VERSION", leafKeys.chain, fix);
    }
    const into = emptyLeaves();
    for (const { key, value } of this.#own) {
      const { prefix, name } = splitKey(key);
      const kind = defined(KINDS.get(prefix), `kind ${prefix}`);
      const loaded = decoding(key, () => {
        kind.load(into, { name, value, layouts: protocol.layouts });
      });
      if (!loaded.ok) return loaded;
    }
    return ok(into);
  }

  /** Everything at once: what contradicts the certificate or itself is refused. */
  #assemble(own: LoadedLeaves, tree: StateTree, margin: MarginState): Result<LedgerState, Refusal> {
    const { genesis, chainId, certified, block } = this.#context;
    const { chain, set, lists, leavers, ordering } = own;
    if (chain === undefined) return missingLeaf(leafKeys.chain);
    if (set === undefined) return missingLeaf(leafKeys.set);
    if (lists === undefined) return missingLeaf(leafKeys.liveness);
    if (leavers === undefined) return missingLeaf(leafKeys.leavers);
    if (ordering === undefined) return missingLeaf(leafKeys.ordering);
    const { epoch, lastSilenceSwapMs, lastMisconductMs, ...counts } = chain;
    const isOf = chain.height === certified.height && chain.timestampMs === certified.timestampMs;
    if (!isOf || set.epoch !== epoch || !marksFit(own.marks, chain.height)) {
      const fix = "height, time, epoch, set and marks of the state do not fit: report a bug";
      return refuse("STATE_CONTRADICTION", leafKeys.chain, fix);
    }
    const { seats, spares, jailed, unbonding, tombstones, condemned, owners } = own;
    const { readiness, knownKeys, voids, epochEnds, marks, swaps } = own;
    const state: LedgerState = {
      ...{ genesis, tree, margin, set, leavers, ordering, ...counts, chainId },
      ...{ seats, spares, jailed, unbonding, tombstones, condemned, owners },
      ...{ readiness, knownKeys, voids, epochEnds, ...lists },
      stateRoot: certified.stateRoot,
      setHash: validatorSetHash(set),
      marks: marks.sort((one, two) => one.height - two.height),
      sessions: PersistentMap.of(own.sessions),
      swaps: swaps.sort((one, two) => one.epoch - two.epoch).slice(-SWAPS_HELD),
      lastSilenceSwapMs: lastSilenceSwapMs === 0 ? undefined : lastSilenceSwapMs,
      lastMisconductMs: lastMisconductMs === 0 ? undefined : lastMisconductMs,
    };
    return ok(markBlock(state, block.round, certified.epoch));
  }
}

function* loadingMargin(
  loading: LoadingMargin,
  origin: MarginOrigin,
): Steps<Result<MarginState, Refusal>> {
  try {
    return ok(yield* finishMarginLoad(loading, origin));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse("LEAF_MISSING", error.field, `${error.message}: report a bug with this snapshot`);
  }
}

/** The heights before this one, without a gap. */
function marksFit(marks: readonly BlockMark[], height: Height): boolean {
  const heights = new Set(marks.map((mark) => mark.height));
  return marks.every((_, index) => heights.has(height - 1 - index));
}

function splitKey(key: string): { readonly prefix: string; readonly name: string } {
  const slash = key.indexOf("/");
  if (slash === -1) return { prefix: key, name: "" };
  return { prefix: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** A certified leaf that does not decode is a bug here or in the quorum, no fault of the sender. */
function decoding<T>(key: string, read: () => T): Result<T, Refusal> {
  try {
    return ok(read());
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse("LEAF_MALFORMED", key, `${error.message}: report a bug with this leaf`);
  }
}

function missingLeaf(key: string): Result<never, Refusal> {
  return refuse("LEAF_MISSING", key, "a state has this leaf: report a bug with this snapshot");
}
