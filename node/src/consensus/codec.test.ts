import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchOf, qcOf, Solo, seal, tcOf } from "../../test/consensus/craft.ts";
import { Network } from "../../test/consensus/network.ts";
import { keyOf, setOf, signStub } from "../../test/consensus/stub-keys.ts";
import { DecodeError } from "../kernel/codec.ts";
import {
  decodeBatch,
  decodeBlock,
  decodeChainRecord,
  encodeBatch,
  encodeBlock,
  encodeChainRecord,
  openBlock,
} from "./codec.ts";
import { decodePeerMessage, encodePeerMessage } from "./message-codec.ts";
import type { Block } from "./types.ts";

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
});
const counter = fc.nat();
const signature = fc.uint8Array({ minLength: 64, maxLength: 64 });
const signatures = fc.array(fc.record({ author: digest, signature }), { maxLength: 4 });
const qc = fc.record({
  epoch: counter,
  round: counter,
  blockId: digest,
  qcRound: counter,
  signatures,
});
const tc = fc.record({
  epoch: counter,
  round: counter,
  timeouts: fc.array(fc.record({ author: digest, signature, hqcRound: counter }), { maxLength: 4 }),
  highestQc: qc,
});
const reference = fc.record({ author: digest, sequence: counter, digest });
const statement = fc.oneof(
  fc.record({
    kind: fc.constant("vote" as const),
    epoch: counter,
    round: counter,
    blockId: digest,
    qcRound: counter,
  }),
  fc.record({
    kind: fc.constant("heartbeat" as const),
    epoch: counter,
    height: counter,
    stateRoot: digest,
  }),
);
const block: fc.Arbitrary<Block> = fc.record({
  epoch: counter,
  round: counter,
  height: counter,
  proposer: digest,
  timestampMs: counter,
  qc,
  tc: fc.option(tc, { nil: undefined }),
  cut: fc.array(reference, { maxLength: 4 }),
  signsOfLife: fc.array(fc.record({ statement, author: digest, signature }), { maxLength: 3 }),
});
const batch = fc.record({
  author: digest,
  sequence: counter,
  previous: digest,
  transactions: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }),
});

describe("codec", () => {
  test("codec: a block has one encoding, and the encoding has one block", () => {
    fc.assert(
      fc.property(block, block, (left, right) => {
        const bytes = encodeBlock(left);
        expect(decodeBlock(bytes)).toEqual(left);
        expect(encodeBlock(decodeBlock(bytes))).toEqual(bytes);
        const same = Buffer.from(bytes).equals(encodeBlock(right));
        expect(same).toBe(JSON.stringify(left) === JSON.stringify(right));
      }),
    );
  });

  test("codec: a batch has one encoding, and the encoding has one batch", () => {
    fc.assert(
      fc.property(batch, (value) => {
        const bytes = encodeBatch(value);
        expect(decodeBatch(bytes)).toEqual(value);
        expect(encodeBatch(decodeBatch(bytes))).toEqual(bytes);
      }),
    );
  });

  test("codec: garbage, a lost byte and a byte too many are refused with the field", () => {
    fc.assert(
      fc.property(block, fc.nat(), (value, position) => {
        const bytes = encodeBlock(value);
        expect(() => decodeBlock(bytes.slice(0, position % bytes.length))).toThrow(DecodeError);
        expect(() => decodeBlock(Uint8Array.of(...bytes, 0))).toThrow(DecodeError);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const decode of [decodeBlock, decodeBatch, decodeChainRecord, decodePeerMessage]) {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        }
      }),
    );
  });

  test("codec: another byte anywhere is another block or none", () => {
    const bytes = encodeBlock(new Solo().block().block);
    const { id } = openBlock(bytes, new Uint8Array(64));
    for (let index = 0; index < bytes.length; index += 1) {
      const other = bytes.map((byte, at) => (at === index ? byte ^ 1 : byte));
      let otherId: string | undefined;
      try {
        otherId = openBlock(other, new Uint8Array(64)).id;
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
      expect(otherId).not.toBe(id);
    }
  });

  test("codec: every record and message of a real run survives the round trip", () => {
    const names = ["a", "b", "c", "d", "late"];
    const network = new Network({
      set: setOf(1, { a: 1n, b: 1n, c: 1n, d: 1n }),
      names,
      nextSet: ({ block: { height } }) =>
        height === 9 ? setOf(2, { a: 1n, b: 1n, c: 1n, late: 1n }) : undefined,
    });
    network.start("a", "b", "c", "d");
    network.submit("a", "payment");
    network.run(1_500);
    network.crash("b");
    network.run(2_500);
    network.start("late");
    network.run(2_000);
    const kinds = new Set<string>();
    for (const node of network.nodes.values()) {
      for (const record of node.disk.chain) {
        kinds.add(record.kind);
        expect(decodeChainRecord(encodeChainRecord(record))).toEqual(record);
      }
      for (const effect of node.effects) {
        if (effect.kind !== "broadcast" && effect.kind !== "send") continue;
        kinds.add(effect.message.body.kind);
        expect(decodePeerMessage(encodePeerMessage(effect.message))).toEqual(effect.message);
      }
    }
    for (const kind of ["block", "batch", "qc", "committed", "certified", "epoch"]) {
      expect(kinds).toContain(kind);
    }
    for (const kind of ["proposal", "timeout", "chain-response", "epoch-proof", "certificates"]) {
      expect(kinds).toContain(kind);
    }
  });

  test("codec: requests survive the round trip", () => {
    const solo = new Solo();
    const status = { epoch: 1, round: 2, qcRound: 1, committedHeight: 7 };
    const signed = solo.block();
    const { digest: batchDigest } = batchOf("a", 1, "payment");
    const bodies = [
      { kind: "block-request", epoch: 1, blockId: signed.id },
      { kind: "block-response", block: seal(signed.block) },
      {
        kind: "batch-request",
        references: [{ author: keyOf("a"), sequence: 1, digest: batchDigest }],
      },
      { kind: "batch", batch: batchOf("a", 1, "payment") },
      {
        kind: "timeout",
        signed: signStub(keyOf("b"), { kind: "timeout", epoch: 1, round: 2, hqcRound: 1 }),
        highestQc: qcOf(["b", "c", "d"], signed),
        lastTc: tcOf(1, { b: 0, c: 0, d: 0 }, solo.state.epoch.highestQc),
      },
    ] as const;
    for (const body of bodies) {
      const message = { status, body };
      expect(decodePeerMessage(encodePeerMessage(message))).toEqual(message);
    }
  });
});
