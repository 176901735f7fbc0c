import { describe, expect, test } from "vitest";
import { sha256 } from "../crypto/sha256.ts";
import { concatBytes, equalBytes, fromHex } from "./bytes.ts";
import {
  type AuthorSignature,
  type EpochProof,
  verifyEpochProof,
  verifyResultCertificate,
} from "./certificates.ts";
import { repairStatement } from "./repair.ts";
import { ZERO_DIGEST } from "./scalars.ts";
import { type AttestedResult, type SignatureScheme, signingBytes } from "./statements.ts";
import { type Member, validatorSet, validatorSetHash } from "./validator-set.ts";

/** A keyed hash stands for a signature: what is tested here is who may sign, not the curve. */
function sign(author: string, message: Uint8Array): Uint8Array {
  const half = sha256(fromHex(author), message);
  return concatBytes([half, half]);
}
const scheme: SignatureScheme = {
  verify: (author, message, signature) => equalBytes(sign(author, message), signature),
};

const chainId = "ab".repeat(32);
const keys = [1, 2, 3, 4].map((digit) => `${digit}`.repeat(64));
function member(key: string, power: bigint): Member {
  return { key, networkKey: key, address: "127.0.0.1:1", owner: key, power, muted: false };
}
const set = validatorSet(
  1,
  keys.map((key) => member(key, 10n)),
);
const result: AttestedResult = {
  epoch: 1,
  height: 7,
  blockId: "cd".repeat(32),
  timestampMs: 1_000,
  stateRoot: "01".repeat(32),
  receiptsRoot: "02".repeat(32),
  nextSetHash: ZERO_DIGEST,
};

function signatures(
  signed: AttestedResult,
  authors: readonly string[],
  chain = chainId,
): AuthorSignature[] {
  const message = signingBytes(chain, { kind: "attestation", result: signed });
  return authors.map((author) => ({ author, signature: sign(author, message) }));
}
function code(authors: readonly AuthorSignature[], of: AttestedResult = result): string {
  const checked = verifyResultCertificate(scheme, chainId, set, {
    result: of,
    signatures: authors,
  });
  return checked.ok ? "OK" : checked.error.code;
}

describe("result certificates", () => {
  test("a quorum of the epoch's power certifies; each fault has its own code", () => {
    const [one = "", two = "", three = ""] = keys;
    expect(code(signatures(result, keys.slice(0, 3)))).toBe("OK");
    expect(code(signatures(result, keys.slice(0, 2)))).toBe("POWER_BELOW_QUORUM");
    expect(code(signatures(result, [one, two, two]))).toBe("DUPLICATE_SIGNER");
    expect(code(signatures(result, [one, two, three, "9".repeat(64)]))).toBe("FOREIGN_SIGNER");
    expect(code(signatures(result, keys.slice(0, 3), "ef".repeat(32)))).toBe("BAD_SIGNATURE");
    expect(code(signatures({ ...result, epoch: 2 }, keys), { ...result, epoch: 2 })).toBe(
      "FOREIGN_EPOCH",
    );
  });

  test("many signers without the power are no quorum", () => {
    const heavy = validatorSet(
      1,
      keys.map((key, index) => member(key, index === 0 ? 30n : 10n)),
    );
    const certificate = { result, signatures: signatures(result, keys.slice(1)) };
    const checked = verifyResultCertificate(scheme, chainId, heavy, certificate);
    expect(checked).toMatchObject({ ok: false, error: { code: "POWER_BELOW_QUORUM" } });
  });

  test("rule EPOCH: an epoch proof binds exactly the next set", () => {
    const nextSet = validatorSet(
      2,
      keys.map((key) => member(key, 10n)),
    );
    const last = { ...result, nextSetHash: validatorSetHash(nextSet) };
    const certificate = { result: last, signatures: signatures(last, keys.slice(1)) };
    expect(verifyEpochProof(scheme, chainId, set, { certificate, nextSet }).ok).toBe(true);
    const muted = {
      ...nextSet,
      members: nextSet.members.map((seat) => ({ ...seat, muted: true })),
    };
    expect(verifyEpochProof(scheme, chainId, set, { certificate, nextSet: muted })).toMatchObject({
      error: { code: "SET_HASH_MISMATCH" },
    });
    const skipped = { ...nextSet, epoch: 3 };
    expect(verifyEpochProof(scheme, chainId, set, { certificate, nextSet: skipped })).toMatchObject(
      {
        error: { code: "EPOCH_SKIPPED" },
      },
    );
  });

  test("rule SPLIT: a repair is a quorum's word for one result, one version and the same set", () => {
    const nextSet = { ...set, epoch: 2 };
    const voucher = (over: AttestedResult, signers: readonly string[], version = 1) => {
      const statement = repairStatement(chainId, { epoch: 1, result: over, version });
      const message = signingBytes(chainId, statement);
      const signed = signers.map((author) => ({ author, signature: sign(author, message) }));
      return { version, signatures: signed };
    };
    const certificate = { result, signatures: signatures(result, keys.slice(1)) };
    const good = { certificate, nextSet, repair: voucher(result, keys.slice(1)) };
    const judge = (proof: EpochProof, trusted = set) => {
      const checked = verifyEpochProof(scheme, chainId, trusted, proof);
      return checked.ok ? "OK" : checked.error.code;
    };
    expect(judge(good)).toBe("OK");
    expect(judge({ ...good, repair: voucher(result, keys.slice(2)) })).toBe("POWER_BELOW_QUORUM");
    expect(judge({ ...good, repair: { ...good.repair, version: 2 } })).toBe("BAD_SIGNATURE");
    const other = { ...result, stateRoot: "ef".repeat(32) };
    expect(judge({ ...good, certificate: { ...certificate, result: other } })).toBe(
      "BAD_SIGNATURE",
    );
    const alone = { ...certificate, signatures: certificate.signatures.slice(1) };
    expect(judge({ ...good, certificate: alone })).toBe("POWER_BELOW_QUORUM");
    const members = nextSet.members.map((seat) => ({ ...seat, muted: true }));
    expect(judge({ ...good, nextSet: { ...nextSet, members } })).toBe("REPAIR_CHANGES_SET");
    const ends = { ...result, nextSetHash: "ab".repeat(32) };
    const ended = { certificate: { ...certificate, result: ends }, nextSet };
    expect(judge({ ...ended, repair: voucher(ends, keys) })).toBe("REPAIR_FOREIGN_RESULT");
    // The split was in the first block of the epoch: it goes on from where the epoch began.
    const born = { ...result, epoch: 0, nextSetHash: validatorSetHash(set) };
    const first = { certificate: { result: born, signatures: [] }, nextSet };
    expect(judge({ ...first, repair: voucher(born, keys) })).toBe("OK");
    // A second repair from where the first went on; never from the end of an epoch of other seats.
    const again = { certificate: { result: { ...result, epoch: 0 }, signatures: [] }, nextSet };
    expect(judge({ ...again, repair: voucher(again.certificate.result, keys) })).toBe("OK");
    const older = { ...born, nextSetHash: validatorSetHash({ ...set, epoch: 2 }) };
    const foreign = { certificate: { result: older, signatures: [] }, nextSet };
    expect(judge({ ...foreign, repair: voucher(older, keys) })).toBe("REPAIR_FOREIGN_RESULT");
    const future = { certificate: { result: { ...result, epoch: 2 }, signatures: [] }, nextSet };
    expect(judge({ ...future, repair: voucher({ ...result, epoch: 2 }, keys) })).toBe(
      "REPAIR_FOREIGN_RESULT",
    );
  });
});
