import {
  type DigestMap,
  deleteDigest,
  digestEntries,
  emptyDigestMap,
  getDigest,
  noteAll,
  type Survey,
  setDigest,
  sumSteps,
  unsettledEntries,
} from "./digest-map.ts";
import type { Digest } from "./scalars.ts";
import type { Steps } from "./steps.ts";

/**
 * A digest map to be read like any other map: a copy with one entry replaced shares all the rest,
 * so that the states of many heights keep millions of entries once. In order of the keys.
 */
export class PersistentMap<V> implements ReadonlyMap<Digest, V> {
  readonly #map: DigestMap<V>;

  constructor(map: DigestMap<V> = emptyDigestMap()) {
    this.#map = map;
  }

  static of<V>(entries: Iterable<readonly [Digest, V]>): PersistentMap<V> {
    let map = emptyDigestMap<V>();
    for (const [key, value] of entries) map = setDigest(map, key, value);
    return new PersistentMap(map);
  }

  get size(): number {
    return this.#map.size;
  }

  get(key: Digest): V | undefined {
    return getDigest(this.#map, key);
  }

  has(key: Digest): boolean {
    return this.get(key) !== undefined;
  }

  with(key: Digest, value: V): PersistentMap<V> {
    return new PersistentMap(setDigest(this.#map, key, value));
  }

  without(key: Digest): PersistentMap<V> {
    return new PersistentMap(deleteDigest(this.#map, key));
  }

  /** See `unsettledEntries`. */
  unsettled<N>(survey: Survey<V, N>): readonly (readonly [Digest, V])[] {
    return unsettledEntries(this.#map, survey);
  }

  /** See `noteAll`. */
  noteAll<N>(survey: Survey<V, N>): Steps<void> {
    return noteAll(this.#map, survey);
  }

  /** See `sumSteps`. */
  sumSteps(of: (value: V) => bigint): Steps<bigint> {
    return sumSteps(this.#map, of);
  }

  forEach(visit: (value: V, key: Digest, map: ReadonlyMap<Digest, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }

  *entries(): MapIterator<[Digest, V]> {
    for (const [key, value] of digestEntries(this.#map)) yield [key, value];
  }

  *keys(): MapIterator<Digest> {
    for (const [key] of digestEntries(this.#map)) yield key;
  }

  *values(): MapIterator<V> {
    for (const [, value] of digestEntries(this.#map)) yield value;
  }

  [Symbol.iterator](): MapIterator<[Digest, V]> {
    return this.entries();
  }
}
