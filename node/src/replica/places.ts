import type { Digest } from "../kernel/scalars.ts";
import { emptyDigestMap, getDigest, setDigest } from "./digest-map.ts";
import { PLACES_MAX } from "./limits.ts";
import type { Places, TransactionPlace } from "./types.ts";

export function emptyPlaces(): Places {
  return { newer: emptyDigestMap(), older: emptyDigestMap() };
}

export function findPlace(places: Places, id: Digest): TransactionPlace | undefined {
  return getDigest(places.newer, id) ?? getDigest(places.older, id);
}

/** The first place of a transaction stays: resubmission returns the first receipt. */
export function recordPlace(places: Places, id: Digest, place: TransactionPlace): Places {
  if (findPlace(places, id) !== undefined) return places;
  if (places.newer.size < PLACES_MAX / 2) {
    return { ...places, newer: setDigest(places.newer, id, place) };
  }
  return { newer: setDigest(emptyDigestMap(), id, place), older: places.newer };
}
