import { describe, expect, test } from "vitest";
import {
  decodeBatch,
  decodeBlock,
  decodeChainRecord,
  encodeBatch,
  encodeBlock,
  encodeChainRecord,
} from "../../src/consensus/codec.ts";
import { decodePeerMessage, encodePeerMessage } from "../../src/consensus/message-codec.ts";
import { decodeOrdering } from "../../src/consensus/ordering.ts";
import { readEpochProof, readResultCertificate } from "../../src/kernel/certificates.ts";
import { DecodeError, Reader } from "../../src/kernel/codec.ts";
import { readSignedStatement } from "../../src/kernel/statements.ts";
import { readMarginEvent } from "../../src/ledger/event-codec.ts";
import { parseGenesis } from "../../src/ledger/genesis.ts";
import { readBlockRounds } from "../../src/ledger/invalid-vote.ts";
import * as ledger from "../../src/ledger/leaves.ts";
import { decodeLiveness, encodeLiveness } from "../../src/ledger/liveness-leaf.ts";
import { decodeNonces } from "../../src/ledger/nonces.ts";
import { decodeReceiptLeaf } from "../../src/ledger/receipt.ts";
import { readManifest } from "../../src/ledger/snapshot-manifest.ts";
import { decodeTransaction, encodeTransaction } from "../../src/ledger/transaction.ts";
import * as margin from "../../src/margin/leaves.ts";
import { decodeJournalEntry, encodeJournalEntry } from "../../src/shell/disk/journal-codec.ts";
import { FatalError } from "../../src/shell/fatal-error.ts";
import { keyOf } from "../ledger/test-chain.ts";
import { createRandom, type Random } from "../sim/random.ts";
import { SoloReplica } from "./solo-replica.ts";

type Decoder = (bytes: Uint8Array) => unknown;

const reading =
  (read: (reader: Reader) => unknown): Decoder =>
  (bytes) => {
    const reader = new Reader(bytes);
    read(reader);
    reader.end();
  };

/** Everything that reads bytes of a peer, a client or a disk. */
const DECODERS: Readonly<Record<string, Decoder>> = {
  block: decodeBlock,
  batch: decodeBatch,
  "chain record": decodeChainRecord,
  "peer message": decodePeerMessage,
  ordering: decodeOrdering,
  "journal entry": decodeJournalEntry,
  "signed statement": reading((reader) => readSignedStatement(reader, "signed")),
  "result certificate": reading((reader) => readResultCertificate(reader, "certificate")),
  "epoch proof": reading((reader) => readEpochProof(reader, "proof")),
  "margin event": reading(readMarginEvent),
  "receipt leaf": decodeReceiptLeaf,
  "rounds of a block": readBlockRounds,
  manifest: reading(readManifest),
  seat: ledger.decodeSeat,
  spare: ledger.decodeSpare,
  jailed: ledger.decodeJailed,
  unbonding: ledger.decodeUnbonding,
  tombstone: ledger.decodeTombstone,
  condemned: ledger.decodeCondemned,
  owner: ledger.decodeOwner,
  readiness: ledger.decodeReadiness,
  swap: ledger.decodeSwap,
  set: ledger.decodeSet,
  nonces: decodeNonces,
  liveness: decodeLiveness,
  chain: ledger.decodeChain,
  account: margin.decodeAccount,
  position: margin.decodePosition,
  order: margin.decodeOrder,
  market: margin.decodeMarket,
  fund: margin.decodeFund,
};

/** What a chain of one validator really writes and says, and some leaves of its state. */
function corpus(): Uint8Array[] {
  const found: Uint8Array[] = [];
  const author = keyOf("seat0");
  const signature = new Uint8Array(64).fill(5);
  const solo = new SoloReplica((effect) => {
    if (effect.kind === "store") {
      found.push(encodeChainRecord(effect.record));
      if (effect.record.kind === "block") found.push(encodeBlock(effect.record.block.block));
      if (effect.record.kind === "batch") found.push(encodeBatch(effect.record.batch.batch));
    }
    if (effect.kind === "sign") {
      const { statement, safety } = effect;
      const record = { statement, author, signature, safety };
      found.push(encodeJournalEntry({ kind: "signature", record }));
    }
    if (effect.kind === "broadcast") found.push(encodePeerMessage(effect.message));
  });
  solo.certifyTo(6);
  const { ledger: state } = solo.state;
  found.push(ledger.encodeChain(state), encodeLiveness(state), ledger.encodeSet(state.set));
  for (const seat of state.seats.values()) found.push(ledger.encodeSeat(seat));
  for (const owner of state.owners.values()) found.push(ledger.encodeOwner(owner));
  const faucet = { kind: "faucet", account: author, amount: 5n, nonce: 7 } as const;
  found.push(encodeTransaction(faucet));
  found.push(encodeJournalEntry({ kind: "genesis", chainId: author }));
  found.push(encodeJournalEntry({ kind: "burnt", reason: "seen" }));
  return found;
}

/** Valid bytes with something wrong, or mostly zeros: those get far into a decoder. */
function broken(valid: readonly Uint8Array[], random: Random): Uint8Array {
  const isSparse = random.chance(0.4);
  const source = isSparse ? new Uint8Array(random.integer(0, 600)) : random.pick(valid).slice();
  const bytes = random.chance(0.3) ? source.subarray(0, random.integer(0, source.length)) : source;
  for (let changes = random.integer(0, 6); changes > 0 && bytes.length > 0; changes -= 1) {
    const at = random.integer(0, bytes.length - 1);
    bytes[at] = random.pick([0, 1, 2, 3, 0x7f, 0x80, 0xff, random.integer(0, 255)]);
  }
  return bytes;
}

/** Undefined for a value or a typed refusal; else what was thrown. */
function outcome(decode: Decoder, bytes: Uint8Array): unknown {
  try {
    decode(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof DecodeError) return error.field === "" ? "no field named" : undefined;
    if (error instanceof FatalError && error.code === "JOURNAL_UNKNOWN_RECORD") return undefined;
    return error;
  }
}

const SEEDS = 2_500;

describe("broken bytes", () => {
  const valid = corpus();

  test.each(Object.keys(DECODERS))(
    "%s: a value or a typed refusal, never another error",
    (name) => {
      const decode = DECODERS[name];
      if (decode === undefined) throw new Error(`no decoder ${name}`);
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const bytes = broken(valid, createRandom(seed));
        expect(outcome(decode, bytes), `seed ${seed}`).toBeUndefined();
      }
    },
  );

  test("a transaction and a genesis: a value or a refusal with field and fix", () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const bytes = broken(valid, createRandom(seed));
      for (const result of [decodeTransaction(bytes), parseGenesis(bytes)]) {
        if (result.ok) continue;
        expect(result.error.field, `seed ${seed}`).not.toBe("");
        expect(result.error.fix, `seed ${seed}`).not.toBe("");
      }
    }
  });

  test("the corpus is what the decoders are for: most of them read some of it", () => {
    const readers = Object.values(DECODERS).filter((decode) =>
      valid.some((bytes) => {
        try {
          decode(bytes);
          return true;
        } catch {
          return false;
        }
      }),
    );
    expect(readers.length).toBeGreaterThanOrEqual(9);
  });

  test("a count that the bytes cannot hold sets nothing aside", () => {
    const reader = () => new Reader(Uint8Array.of(0, 0x0f, 0x42, 0x40, 1, 2, 3));
    const read = () => reader().list("items", 1_000_000, (each) => each.u8("item"));
    expect(read).toThrow("items: 1000000 items, 3 bytes are left");
  });
});
