import { emptyDigestMap, getDigest, setDigest } from "../kernel/digest-map.ts";
import type { Digest } from "../kernel/scalars.ts";
import { PLACES_MAX } from "./limits.ts";
import type { Places, TransactionPlace } from "./types.ts";

export function emptyPlaces(): Places {
  return { newer: emptyDigestMap(), older: emptyDigestMap() };
}

export function findPlace(places: Places, id: Digest): TransactionPlace | undefined {
  return getDigest(places.newer, id) ?? getDigest(places.older, id);
}

/** What a receipt of this code says about the same bytes in a later block. */
export function settles(code: string): boolean {
  return code === "OK" || code === "DUPLICATE";
}

/**
 * The first place that settles a transaction stays: resubmission returns that receipt. A refusal
 * gives way to whatever comes later: anyone may put the bytes into a lane too early.
 */
export function recordPlace(places: Places, id: Digest, place: TransactionPlace): Places {
  if (findPlace(places, id)?.settled === true) return places;
  if (places.newer.size < PLACES_MAX / 2) {
    return { ...places, newer: setDigest(places.newer, id, place) };
  }
  return { newer: setDigest(emptyDigestMap(), id, place), older: places.newer };
}
