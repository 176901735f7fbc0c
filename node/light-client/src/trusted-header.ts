import { fromHex, isHex, toHex } from "@quorate/node/kernel/bytes";
import { Reader, Writer } from "@quorate/node/kernel/codec";
import { ok, type Refusal, type Result, refuse } from "@quorate/node/kernel/result";
import type { Digest, Height, Millis } from "@quorate/node/kernel/scalars";
import {
  readValidatorSet,
  type ValidatorSet,
  validatorSet,
  validatorSetHash,
  writeValidatorSet,
} from "@quorate/node/kernel/validator-set";

/** What a light client starts from: a set, and until when it was known to be the chain's. */
export interface TrustedHeader {
  readonly chainId: Digest;
  readonly set: ValidatorSet;
  /** Newest height that a quorum of this set certified and its holder verified; 0 at genesis. */
  readonly height: Height;
  /** Block time of that height: the trust period counts from here. */
  readonly timestampMs: Millis;
}

const KIND = "quorate.dev/trusted-header/v1";

/** As people keep it in a file: JSON, the set in its canonical bytes and by its hash. */
export function encodeTrustedHeader(header: TrustedHeader): string {
  const { chainId, set, height, timestampMs } = header;
  const writer = new Writer();
  writeValidatorSet(writer, set);
  const document = {
    kind: KIND,
    chainId,
    epoch: set.epoch,
    height,
    timestampMs,
    setHash: validatorSetHash(set),
    set: toHex(writer.finish()),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function malformed(field: string, fix: string): Result<never, Refusal> {
  return refuse("TRUSTED_HEADER_MALFORMED", field, fix);
}

function isCounter(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Members in order, each once, each with power: what every set of the chain is. */
export function readCanonicalSet(hex: string): ValidatorSet | undefined {
  if (!/^(?:[0-9a-f]{2})+$/.test(hex)) return undefined;
  try {
    const reader = new Reader(fromHex(hex));
    const set = readValidatorSet(reader, "set");
    reader.end();
    // It asserts what makes a set one; the order of the bytes is compared below.
    const canonical = validatorSet(set.epoch, set.members);
    return validatorSetHash(canonical) === validatorSetHash(set) ? set : undefined;
  } catch {
    return undefined;
  }
}

/** Refusals: TRUSTED_HEADER_MALFORMED, with the field. */
export function parseTrustedHeader(text: string): Result<TrustedHeader, Refusal> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return malformed("file", "it is not JSON; give a file that `quorate verify` has written");
  }
  if (typeof document !== "object" || document === null) {
    return malformed("file", "it holds no JSON object");
  }
  const {
    kind,
    chainId,
    height,
    timestampMs,
    setHash,
    set: hex,
  } = document as Partial<Record<string, unknown>>;
  if (kind !== KIND) return malformed("kind", `expected ${KIND}`);
  if (typeof chainId !== "string" || !isHex(chainId, 32)) {
    return malformed("chainId", "expected the genesis hash, 64 lower-case hex characters");
  }
  if (!isCounter(height)) return malformed("height", "expected a whole number from 0");
  if (!isCounter(timestampMs)) return malformed("timestampMs", "expected milliseconds since 1970");
  const set = typeof hex === "string" ? readCanonicalSet(hex) : undefined;
  if (set === undefined) return malformed("set", "expected the canonical bytes of a set as hex");
  if (setHash !== validatorSetHash(set)) {
    return malformed("setHash", `the set in this file hashes to ${validatorSetHash(set)}`);
  }
  return ok({ chainId, set, height, timestampMs });
}
