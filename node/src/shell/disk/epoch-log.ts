import { type EpochProof, readEpochProof, writeEpochProof } from "../../kernel/certificates.ts";
import { Reader, Writer } from "../../kernel/codec.ts";
import type { Epoch } from "../../kernel/scalars.ts";
import type { FileSystem } from "./file-system.ts";
import { openLog, type RecordLog } from "./record-log.ts";

const NAME = "epochs.log";

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

  private constructor(log: RecordLog, proofs: EpochProof[]) {
    this.#log = log;
    this.#proofs = proofs;
  }

  static async open(options: EpochLogOptions): Promise<EpochLog> {
    const proofs: EpochProof[] = [];
    const log = await openLog({ ...options, name: NAME }, ({ bytes }) =>
      proofs.push(decode(bytes)),
    );
    return new EpochLog(log, proofs);
  }

  get proofs(): readonly EpochProof[] {
    return this.#proofs;
  }

  /** The proof of this epoch's end. */
  of(epoch: Epoch): EpochProof | undefined {
    const first = this.#proofs[0]?.nextSet.epoch;
    return first === undefined ? undefined : this.#proofs[epoch + 1 - first];
  }

  /** Durable when this returns. One that is here already is not written again. */
  async append(proof: EpochProof): Promise<void> {
    const last = this.#proofs.at(-1)?.nextSet.epoch ?? 0;
    if (proof.nextSet.epoch <= last) return;
    await this.#log.append([encode(proof)]);
    this.#proofs.push(proof);
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
}
