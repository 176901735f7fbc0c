import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import type { Height, Millis } from "@quorate/node/kernel/scalars";
import type { Genesis } from "@quorate/node/ledger/genesis-file";

/** A leaf of the state, or its absence, under a certificate that this client verified. */
export interface CertifiedLeaf<T> {
  readonly value: T | undefined;
  readonly height: Height;
  /** Block time of that height. */
  readonly timestampMs: Millis;
  readonly certificate: ResultCertificate;
}

/** What typed reads need of the client. */
export interface StateReader {
  readonly genesis: Genesis;
  state(key: string): Promise<CertifiedLeaf<Uint8Array>>;
}

/**
 * Reads and decodes. A quorum certified these bytes, so a decoder that fails means that this client
 * is older than the chain: DecodeError goes through to the caller.
 */
export async function readLeaf<T>(
  reader: StateReader,
  key: string,
  decode: (bytes: Uint8Array) => T,
): Promise<CertifiedLeaf<T>> {
  const { value, ...certified } = await reader.state(key);
  return { ...certified, value: value === undefined ? undefined : decode(value) };
}
