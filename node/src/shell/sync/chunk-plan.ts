import type { PublicKey } from "../../kernel/scalars.ts";

/** Chunks that one peer is asked for at once: enough to keep its disk and the link busy. */
export const CHUNKS_OF_PEER_MAX = 4;

/**
 * Who is asked for which chunk. A chunk is asked of one peer at a time; when all are asked for, one
 * that is still under way is asked of a second peer too, so that a slow one does not hold up the
 * end. A peer whose chunk did not verify is asked for nothing more.
 */
export class ChunkPlan {
  readonly #open: number[];
  readonly #asked = new Map<number, Set<PublicKey>>();
  readonly #dropped = new Set<PublicKey>();
  readonly #missing: Set<number>;

  /** `missing` in the order in which they are asked for. */
  constructor(missing: readonly number[]) {
    this.#open = missing.toReversed();
    this.#missing = new Set(missing);
  }

  get missing(): number {
    return this.#missing.size;
  }

  isDropped(peer: PublicKey): boolean {
    return this.#dropped.has(peer);
  }

  /** The next chunk for this peer; undefined if it has enough to do, or nothing is left for it. */
  next(peer: PublicKey): number | undefined {
    if (this.#dropped.has(peer)) return undefined;
    const under = [...this.#asked].filter(([, peers]) => peers.has(peer));
    if (under.length >= CHUNKS_OF_PEER_MAX) return undefined;
    const index = this.#open.pop() ?? this.#slow(peer);
    if (index === undefined) return undefined;
    this.#asked.set(index, (this.#asked.get(index) ?? new Set()).add(peer));
    return index;
  }

  /** True the first time: it was not here yet. */
  got(index: number): boolean {
    this.#asked.delete(index);
    return this.#missing.delete(index);
  }

  /** No answer, or one that says nothing: another peer may be asked, and later this one again. */
  failed(peer: PublicKey, index: number): void {
    const peers = this.#asked.get(index);
    if (peers?.delete(peer) !== true || peers.size > 0) return;
    this.#asked.delete(index);
    if (this.#missing.has(index)) this.#open.push(index);
  }

  /** The peer lies: what it was asked for is asked of others. */
  drop(peer: PublicKey): void {
    this.#dropped.add(peer);
    for (const index of [...this.#asked.keys()]) this.failed(peer, index);
  }

  #slow(peer: PublicKey): number | undefined {
    for (const [index, peers] of this.#asked) {
      if (peers.size === 1 && !peers.has(peer)) return index;
    }
    return undefined;
  }
}
