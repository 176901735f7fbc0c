import { readdirSync, readFileSync } from "node:fs";
import { ed25519 } from "@quorate/node/crypto/ed25519";
import { describe, expect, test } from "vitest";
import { makeVectors, type Vector } from "../test/vectors.ts";
import { parseProofFile } from "./proof-file.ts";
import { parseTrustedHeader } from "./trusted-header.ts";
import { verifyProof } from "./verify-proof.ts";

const FOLDER = new URL("../vectors/", import.meta.url);

function readVectors(): readonly Vector[] {
  return readdirSync(FOLDER).map((file) => JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")));
}

function verdict({ trusted, proof, nowMs, trustPeriodMs }: Vector): string {
  const header = parseTrustedHeader(trusted);
  if (!header.ok) return header.error.code;
  const file = parseProofFile(proof);
  if (!file.ok) return file.error.code;
  const trustPeriod = { ms: trustPeriodMs, now: () => nowMs };
  const verified = verifyProof({ scheme: ed25519, trusted: header.value, trustPeriod }, file.value);
  return verified.ok ? "OK" : verified.error.code;
}

describe("vectors of the light client", () => {
  test.each(readVectors())("$name: $about ($expect)", (vector) => {
    expect(verdict(vector)).toBe(vector.expect);
  });

  test("the files are what their program writes", () => {
    const byName = (left: Vector, right: Vector) => (left.name < right.name ? -1 : 1);
    expect(readVectors().toSorted(byName)).toEqual([...makeVectors()].toSorted(byName));
  });

  test("a proof is refused after any flip of a byte of it that parses", () => {
    const vectors = readVectors().filter(({ expect: code }) => code === "OK");
    for (const vector of vectors) {
      const { proof } = vector;
      for (let at = 0; at < proof.length; at += 97) {
        const digit = proof.charAt(at);
        if (!/[0-9a-f]/.test(digit)) continue;
        const changed = proof.slice(0, at) + (digit === "0" ? "1" : "0") + proof.slice(at + 1);
        expect(verdict({ ...vector, proof: changed }), `${vector.name} at ${at}`).not.toBe("OK");
      }
    }
  });
});
