import * as wire from "@quorate/proto/consensus/v1/consensus";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeBatch, encodeBlock, openBatch, openBlock } from "../../consensus/codec.ts";
import type {
  CommitProof,
  PeerBody,
  PeerMessage,
  QuorumCertificate,
  TimeoutCertificate,
} from "../../consensus/types.ts";
import type { EpochProof, ResultCertificate } from "../../kernel/certificates.ts";
import type { SignedStatement, Statement } from "../../kernel/statements.ts";
import { messageFromWire, messageToWire } from "./peer-wire.ts";

const hex = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((b) => Buffer.from(b).toString("hex"));
const signature = fc.uint8Array({ minLength: 64, maxLength: 64 }).map((b) => new Uint8Array(b));
const count = fc.nat({ max: 2 ** 31 - 1 });
const authored = fc.record({ author: hex, signature });
const some = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 3 });
const place = { epoch: count, round: count, blockId: hex };

const result = fc.record({
  epoch: count,
  height: count,
  blockId: hex,
  timestampMs: count,
  stateRoot: hex,
  receiptsRoot: hex,
  nextSetHash: hex,
});
const statement: fc.Arbitrary<Statement> = fc.oneof(
  fc.record({ kind: fc.constantFrom("proposal" as const, "order-vote" as const), ...place }),
  fc.record({ kind: fc.constant("vote" as const), ...place, qcRound: count }),
  fc.record({ kind: fc.constant("timeout" as const), epoch: count, round: count, hqcRound: count }),
  fc.record({ kind: fc.constant("batch" as const), sequence: count, digest: hex }),
  fc.record({ kind: fc.constant("attestation" as const), result }),
  fc.record({
    kind: fc.constant("heartbeat" as const),
    epoch: count,
    height: count,
    stateRoot: hex,
  }),
  fc.record({
    kind: fc.constant("oracle-report" as const),
    epoch: count,
    market: fc.nat({ max: 1023 }),
    slot: count,
    price: fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n }),
  }),
  fc.record({ kind: fc.constant("endorsement" as const), nonce: count, subject: hex }),
);
const signed: fc.Arbitrary<SignedStatement> = fc.record({ statement, author: hex, signature });
const qc: fc.Arbitrary<QuorumCertificate> = fc.record({
  ...place,
  qcRound: count,
  signatures: some(authored),
});
const tc: fc.Arbitrary<TimeoutCertificate> = fc.record({
  epoch: count,
  round: count,
  timeouts: some(fc.record({ author: hex, signature, hqcRound: count })),
  highestQc: qc,
});
const order = fc.record({ ...place, signatures: some(authored) });
const certificate: fc.Arbitrary<ResultCertificate> = fc.record({
  result,
  signatures: some(authored),
});
const reference = fc.record({ author: hex, sequence: count, digest: hex });
const block = fc
  .record({
    epoch: count,
    round: count,
    height: count,
    proposer: hex,
    timestampMs: count,
    qc,
    tc: fc.option(tc, { nil: undefined }),
    cut: some(reference),
    signsOfLife: some(signed),
  })
  .chain((made) => signature.map((by) => openBlock(encodeBlock(made), by)));
const batch = fc
  .record({
    author: hex,
    sequence: count,
    previous: hex,
    transactions: some(fc.uint8Array({ minLength: 1, maxLength: 40 })),
  })
  .chain((made) => signature.map((by) => openBatch(encodeBatch(made), by)));
const proof: fc.Arbitrary<CommitProof> = fc.oneof(
  fc.record({ kind: fc.constant("order" as const), certificate: order }),
  fc.record({ kind: fc.constant("two-chain" as const), child: block, qc }),
  fc.record({ kind: fc.constant("attested" as const), certificate }),
);
const member = fc.record({
  key: hex,
  networkKey: hex,
  address: fc.constantFrom("127.0.0.1:7001", "node-1.example:443"),
  owner: hex,
  power: fc.bigInt({ min: 1n, max: 2n ** 100n }),
  muted: fc.boolean(),
});
const ended = { certificate, nextSet: fc.record({ epoch: count, members: some(member) }) };
const repair = fc.record({ version: count, signatures: some(authored) });
const epochProof: fc.Arbitrary<EpochProof> = fc.oneof(
  fc.record(ended),
  fc.record({ ...ended, repair }),
);
const segment = fc.record({
  epoch: count,
  blocks: some(block),
  batches: some(batch),
  proof,
  epochProof: fc.option(epochProof, { nil: undefined }),
});

const path = fc.array(fc.constantFrom("0", "1")).map((steps) => steps.join(""));
const node = fc.oneof(
  fc.record({ kind: fc.constant("empty" as const) }),
  fc.record({ kind: fc.constant("leaf" as const), keyHash: hex, valueHash: hex }),
  fc.record({ kind: fc.constant("inner" as const), left: hex, right: hex }),
);

const body: fc.Arbitrary<PeerBody> = fc.oneof(
  fc.record({ kind: fc.constant("proposal" as const), block }),
  fc.record({ kind: fc.constant("statement" as const), signed }),
  fc.record({ kind: fc.constant("order-vote" as const), signed, qc }),
  fc.record({
    kind: fc.constant("timeout" as const),
    signed,
    highestQc: qc,
    lastTc: fc.option(tc, { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant("certificates" as const),
    qc: fc.option(qc, { nil: undefined }),
    tc: fc.option(tc, { nil: undefined }),
    order: fc.option(order, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant("batch" as const), batch }),
  fc.record({ kind: fc.constant("block-request" as const), epoch: count, blockId: hex }),
  fc.record({ kind: fc.constant("block-response" as const), block }),
  fc.record({ kind: fc.constant("batch-request" as const), references: some(reference) }),
  fc.record({ kind: fc.constant("chain-request" as const), fromHeight: count }),
  fc.record({ kind: fc.constant("chain-response" as const), segment }),
  fc.record({ kind: fc.constant("epoch-proof" as const), proof: epochProof }),
  fc.record({ kind: fc.constant("result-certificate" as const), certificate }),
  fc.record({ kind: fc.constant("state-request" as const), height: count, path }),
  fc.record({ kind: fc.constant("state-response" as const), height: count, path, node }),
);
const message: fc.Arbitrary<PeerMessage> = fc.record({
  status: fc.record({ epoch: count, round: count, qcRound: count, committedHeight: count }),
  body,
});

function overTheWire(bytes: Uint8Array) {
  return messageFromWire(wire.PeerMessage.decode(bytes));
}

function refusedField(change: (made: wire.PeerMessage) => void, kind: PeerBody): string {
  const made = messageToWire({
    status: { epoch: 1, round: 1, qcRound: 0, committedHeight: 0 },
    body: kind,
  });
  change(made);
  const decoded = messageFromWire(made);
  return decoded.ok ? "accepted" : `${decoded.error.code} ${decoded.error.field}`;
}

describe("the wire of peers", () => {
  test("every kind of message comes back as it was", () => {
    fc.assert(
      fc.property(message, (sent) => {
        const bytes = wire.PeerMessage.encode(messageToWire(sent)).finish();
        expect(overTheWire(bytes)).toEqual({ ok: true, value: sent });
      }),
      { numRuns: 300 },
    );
  });

  test("garbage and broken messages are refusals by field, never exceptions", () => {
    const mutated = fc.tuple(message, fc.nat(), fc.nat({ max: 255 })).map(([sent, at, value]) => {
      const bytes = wire.PeerMessage.encode(messageToWire(sent)).finish();
      bytes[at % bytes.length] = value;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        let parsed: wire.PeerMessage;
        try {
          parsed = wire.PeerMessage.decode(bytes);
        } catch {
          // gRPC itself ends the stream with INTERNAL: no message reaches us.
          return;
        }
        const decoded = messageFromWire(parsed);
        if (!decoded.ok) {
          expect(decoded.error.code).toBe("MALFORMED");
          expect(decoded.error.field).not.toBe("");
        }
      }),
      { numRuns: 500 },
    );
  });

  test("args: what is wrong is named as in the .proto file", () => {
    const request: PeerBody = { kind: "block-request", epoch: 1, blockId: "aa".repeat(32) };
    const short = (made: wire.PeerMessage): void => {
      if (made.body?.$case === "blockRequest") made.body.value.blockId = Buffer.alloc(31);
    };
    expect(refusedField(short, request)).toBe("MALFORMED block_request.block_id");
    const large = (made: wire.PeerMessage): void => {
      if (made.body?.$case === "blockRequest") made.body.value.epoch = 2n ** 53n;
    };
    expect(refusedField(large, request)).toBe("MALFORMED block_request.epoch");
    const bare = (made: wire.PeerMessage): void => {
      made.status = undefined;
    };
    expect(refusedField(bare, request)).toBe("MALFORMED status");
    const empty = (made: wire.PeerMessage): void => {
      made.body = undefined;
    };
    expect(refusedField(empty, request)).toBe("MALFORMED body");
  });

  test("args: a block that is no canonical block is refused by its inner field", () => {
    const decoded = messageFromWire({
      status: { epoch: 1n, round: 1n, qcRound: 0n, committedHeight: 0n },
      body: {
        $case: "proposal",
        value: { block: Buffer.from([1, 2, 3]), signature: Buffer.alloc(64) },
      },
    });
    expect(decoded).toMatchObject({ error: { code: "MALFORMED", field: "proposal.block.domain" } });
  });
});
