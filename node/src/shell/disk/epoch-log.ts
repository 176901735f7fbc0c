import { assert } from "../../kernel/assert.ts";
import { type EpochProof, readEpochProof, writeEpochProof } from "../../kernel/certificates.ts";
import { Reader, Writer } from "../../kernel/codec.ts";
import type { Epoch } from "../../kernel/scalars.ts";
import type { FileSystem } from "./file-system.ts";
import { corrupt, decodeRecord, openLog, type RecordLog } from "./record-log.ts";

const NAME = "epochs.log";

/** A genesis opens this epoch. */
const FIRST_EPOCH: Epoch = 1;

function newestOf(proofs: readonly EpochProof[]): Epoch {
  return proofs.at(-1)?.nextSet.epoch ?? FIRST_EPOCH;
}

function encode(proof: EpochProof): Uint8Array {
  const writer = new Writer();
  writeEpochProof(writer, proof);
  return writer.finish();
}

function decode(bytes: Uint8Array): EpochProof {
  const reader = new Reader(bytes);
  const proof = readEpochProof(reader, "proof");
  reader.end();
  return proof;
}

export interface EpochLogOptions {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  /** 16 random bytes for a new file. */
  readonly salt: Uint8Array;
}

/**
 * The proof of every end of an epoch since genesis, kept for ever: with them alone a newcomer knows
 * today's set, however far back the rest of the chain log is pruned.
 */
export class EpochLog {
  readonly #log: RecordLog;
  readonly #proofs: EpochProof[];
  #last: Promise<unknown> = Promise.resolve();

  private constructor(log: RecordLog, proofs: EpochProof[]) {
    this.#log = log;
    this.#proofs = proofs;
  }

  static async open(options: EpochLogOptions): Promise<EpochLog> {
    const proofs: EpochProof[] = [];
    const path = `${options.folder}/${NAME}`;
    const log = await openLog({ ...options, name: NAME }, (record) => {
      const proof = decodeRecord(path, record, decode);
      const last = newestOf(proofs);
      // The place in the list is the epoch: a gap would have certificates checked by another set.
      if (proof.nextSet.epoch > last + 1) throw corrupt(path, record.place.offset);
      if (proof.nextSet.epoch === last + 1) proofs.push(proof);
    });
    return new EpochLog(log, proofs);
  }

  /** Newest epoch whose set is known from here; that of genesis without any proof. */
  get newest(): Epoch {
    return newestOf(this.#proofs);
  }

  get proofs(): readonly EpochProof[] {
    return this.#proofs;
  }

  /** The proof of this epoch's end. */
  of(epoch: Epoch): EpochProof | undefined {
    const first = this.#proofs[0]?.nextSet.epoch;
    return first === undefined ? undefined : this.#proofs[epoch + 1 - first];
  }

  /**
   * Durable when this returns. One that is here already is not written again: state sync and the
   * chain itself may bring the same one at once.
   */
  append(proof: EpochProof): Promise<void> {
    const done = this.#last.then(() => this.#append(proof));
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #append(proof: EpochProof): Promise<void> {
    const { epoch } = proof.nextSet;
    const last = this.newest;
    if (epoch <= last) return;
    assert(epoch === last + 1, `the end of epoch ${epoch - 1} follows that of ${last - 1}`);
    await this.#log.append([encode(proof)]);
    this.#proofs.push(proof);
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
}
