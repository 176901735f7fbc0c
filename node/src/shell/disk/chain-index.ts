import type { ChainRecord, CommitProof } from "../../consensus/types.ts";
import { assert, defined } from "../../kernel/assert.ts";
import type { Digest, Epoch, Height, PublicKey, Round } from "../../kernel/scalars.ts";
import type { RecordPlace } from "./record-log.ts";

/** What is kept in memory of a block on disk. */
export interface BlockEntry {
  readonly place: RecordPlace;
  readonly parent: Digest;
  readonly epoch: Epoch;
  readonly round: Round;
  readonly height: Height;
  readonly batches: readonly Digest[];
}

/** What a record is about: whether a later segment still needs it is decided from this alone. */
type Note =
  | { readonly kind: "block" | "committed" | "certified" | "epoch"; readonly height: Height }
  | { readonly kind: "batch"; readonly digest: Digest }
  | { readonly kind: "round"; readonly epoch: Epoch; readonly round: Round };

interface BatchEntry {
  readonly place: RecordPlace;
  readonly author: PublicKey;
  readonly sequence: number;
}

/** Block that a commit proof commits; for `attested` the certified block itself. */
function committedId(proof: CommitProof): Digest {
  switch (proof.kind) {
    case "order":
      return proof.certificate.blockId;
    case "two-chain":
      return proof.child.block.qc.blockId;
    case "attested":
      return proof.certificate.result.blockId;
    default:
      return proof;
  }
}

/** Where one segment of the chain log has what: everything above its base. */
export class ChainIndex {
  readonly base: Height;
  readonly #blocks = new Map<Digest, BlockEntry>();
  readonly #batches = new Map<Digest, BatchEntry>();
  readonly #orderedAt = new Map<Digest, Height>();
  readonly #heights: Digest[] = [];
  readonly #proofs = new Map<Height, RecordPlace>();
  readonly #certificates = new Map<Height, RecordPlace>();
  readonly #notes: { readonly place: RecordPlace; readonly note: Note }[] = [];

  constructor(base: Height) {
    this.base = base;
  }

  /** Newest committed height; the base before the first. */
  get height(): Height {
    return this.base + this.#heights.length;
  }

  blockAt(height: Height): BlockEntry | undefined {
    return this.#blocks.get(this.#heights[height - this.base - 1] ?? "");
  }

  batchAt(digest: Digest): RecordPlace | undefined {
    return this.#batches.get(digest)?.place;
  }

  proofAt(height: Height): RecordPlace | undefined {
    return this.#proofs.get(height);
  }

  certificateAt(height: Height): RecordPlace | undefined {
    return this.#certificates.get(height);
  }

  /**
   * The records that say something about heights above this one, or may come to be ordered there,
   * in their order. The height is certified: nothing at or below it ever changes again.
   */
  above(height: Height): readonly RecordPlace[] {
    const last = this.blockAt(height);
    const lanes = this.#lanesAt(height);
    const isAbove = (note: Note): boolean => {
      switch (note.kind) {
        case "round":
          if (last === undefined || note.epoch > last.epoch) return true;
          return note.epoch === last.epoch && note.round >= last.round;
        case "batch":
          return this.#isOpen(note.digest, height, lanes);
        // Its proof may hold the only copy of a child and its certificate.
        case "committed":
          return note.height >= height;
        default:
          return note.height > height;
      }
    };
    return this.#notes.filter(({ note }) => isAbove(note)).map(({ place }) => place);
  }

  note(record: ChainRecord, place: RecordPlace): void {
    switch (record.kind) {
      case "block": {
        const { block, id } = record.block;
        const batches = block.cut.map(({ digest }) => digest);
        const { epoch, round, height } = block;
        this.#blocks.set(id, { place, parent: block.qc.blockId, epoch, round, height, batches });
        this.#remember(place, { kind: "block", height });
        return;
      }
      case "batch": {
        const { batch, digest } = record.batch;
        const { author, sequence } = batch;
        this.#batches.set(digest, { place, author, sequence });
        this.#remember(place, { kind: "batch", digest });
        return;
      }
      case "committed":
        this.#noteCommitted(record.height, record.proof, place);
        this.#remember(place, { kind: "committed", height: record.height });
        return;
      case "certified": {
        const { height } = record.certificate.result;
        this.#certificates.set(height, place);
        this.#remember(place, { kind: "certified", height });
        return;
      }
      case "epoch": {
        const { height } = record.proof.certificate.result;
        this.#noteEpoch(height);
        this.#remember(place, { kind: "epoch", height });
        return;
      }
      case "qc":
        this.#remember(place, { kind: "round", ...placeInEpoch(record.qc) });
        return;
      case "tc":
        this.#remember(place, { kind: "round", ...placeInEpoch(record.tc) });
        return;
      default:
        record satisfies never;
    }
  }

  #remember(place: RecordPlace, note: Note): void {
    this.#notes.push({ place, note });
  }

  /** Newest sequence of each lane that the blocks up to the height have ordered. */
  #lanesAt(height: Height): ReadonlyMap<PublicKey, number> {
    const lanes = new Map<PublicKey, number>();
    for (const [digest, at] of this.#orderedAt) {
      const batch = this.#batches.get(digest);
      if (batch === undefined || at > height) continue;
      lanes.set(batch.author, Math.max(batch.sequence, lanes.get(batch.author) ?? 0));
    }
    return lanes;
  }

  #isOpen(digest: Digest, height: Height, lanes: ReadonlyMap<PublicKey, number>): boolean {
    const at = this.#orderedAt.get(digest);
    if (at !== undefined) return at > height;
    const batch = this.#batches.get(digest);
    return batch !== undefined && batch.sequence > (lanes.get(batch.author) ?? 0);
  }

  /**
   * Rule EPOCH: what was ordered after the block that ends the epoch is void, its heights are free,
   * and its batches may be ordered again.
   */
  #noteEpoch(end: Height): void {
    for (let at = this.height; at > Math.max(end, this.base); at -= 1) {
      this.#proofs.delete(at);
      for (const digest of this.blockAt(at)?.batches ?? []) this.#orderedAt.delete(digest);
    }
    this.#heights.splice(Math.max(end - this.base, 0));
  }

  /** A commit proof commits the ancestors too: walks back to the newest committed height. */
  #noteCommitted(height: Height, proof: CommitProof, place: RecordPlace): void {
    if (height <= this.base) return;
    const path: Digest[] = [];
    let id = committedId(proof);
    for (let at = height; at > this.height; at -= 1) {
      const entry = this.#blocks.get(id);
      assert(entry?.height === at, `block ${id} of height ${at} was stored before its commit`);
      path.push(id);
      id = entry.parent;
    }
    for (const each of path.reverse()) {
      this.#heights.push(each);
      const { batches } = defined(this.#blocks.get(each), `block ${each}`);
      for (const digest of batches) this.#orderedAt.set(digest, this.height);
    }
    this.#proofs.set(height, place);
  }
}

function placeInEpoch({ epoch, round }: { readonly epoch: Epoch; readonly round: Round }) {
  return { epoch, round };
}
