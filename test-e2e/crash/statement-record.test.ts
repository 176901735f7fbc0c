import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { keyPair } from "../stranger/keys.ts";
import { type Signed, type Statement, signedBytes } from "../stranger/statements.ts";
import type { Floor } from "./journal-file.ts";
import { StatementRecord } from "./statement-record.ts";

const CHAIN = "ab".repeat(32);
const secret = generateKeyPairSync("ed25519").privateKey;
const key = keyPair(secret.export({ type: "pkcs8", format: "pem" }).toString());

function heartbeat(epoch: number, height: number, root = "00"): Signed {
  const statement: Statement = { kind: "heartbeat", epoch, height, stateRoot: root.repeat(32) };
  return { statement, author: key.publicKey, signature: key.sign(signedBytes(CHAIN, statement)) };
}

/** Violations after these left and the journal was read. */
function judged(left: readonly Signed[], signatures: readonly Signed[], floors: Floor[] = []) {
  const record = new StatementRecord(CHAIN, [key.publicKey]);
  for (const signed of left) record.note(signed, "wire");
  record.noteJournal(key.publicKey, {
    ...{ chainId: CHAIN, burnt: undefined, tornBytes: 0 },
    ...{ signatures, floors },
  });
  return record.violations;
}

test("rule JOURNAL: what left and is not in the journal is a violation", () => {
  expect(judged([heartbeat(1, 5)], [heartbeat(1, 5)])).toEqual([]);
  expect(judged([heartbeat(1, 5)], [heartbeat(1, 4)])).toEqual([
    expect.stringContaining("its heartbeat at epoch 1, index 5 left, and its journal lacks it"),
  ]);
});

test("rule JOURNAL: a shortened journal lacks what its floor covers, and keeps the newest", () => {
  // The last of an epoch stays, the floor lies above it.
  const kept = [heartbeat(1, 9), heartbeat(3, 30)];
  const floor: Floor = { kind: "heartbeat", epoch: 3, index: 29 };
  expect(judged([heartbeat(1, 8), heartbeat(2, 20), heartbeat(3, 29)], kept, [floor])).toEqual([]);
  expect(judged([heartbeat(3, 31)], kept, [floor])).toHaveLength(1);
  expect(judged([heartbeat(2, 20)], kept, [{ ...floor, kind: "vote" }])).toHaveLength(1);
  expect(judged([heartbeat(2, 20)], kept)).toHaveLength(1);
  // A floor over an empty journal hides nothing.
  expect(judged([heartbeat(3, 29)], [], [floor])).toHaveLength(1);
});

test("rule JOURNAL: two statements of one place are a violation wherever they are seen", () => {
  const twice = judged([heartbeat(1, 5)], [heartbeat(1, 5, "11")]);
  expect(twice[0]).toContain("signed two heartbeats at epoch 1, index 5");
});
