import { compareText } from "../kernel/bytes.ts";
import { type Reader, Writer } from "../kernel/codec.ts";
import type { Height, PublicKey } from "../kernel/scalars.ts";
import { decodeLeaf } from "./leaves.ts";
import type { LedgerState, Liveness } from "./state.ts";

function writeLiveness(writer: Writer, key: PublicKey, liveness: Liveness): void {
  writer.hex32(key).u64(liveness.sinceHeight).u64(liveness.sinceMs);
  writer.u64(liveness.votedHeight).u64(liveness.votedMs);
  writer.bool(liveness.votingSinceMs !== undefined).u64(liveness.votingSinceMs ?? 0);
  writer.u64(liveness.heartbeat).u64(liveness.roundsEpoch).u64(liveness.voteRound);
  writer.u64(liveness.orderVoteRound).u64(liveness.timeoutRound);
  writer.u64(liveness.absentFromMs).u64(liveness.absentUntilMs).u64(liveness.servedMs);
}

function readLiveness(reader: Reader, field: string): readonly [PublicKey, Liveness] {
  const u64 = (name: string): number => reader.u64(`${field}.${name}`);
  const key = reader.hex32(`${field}.key`);
  const head = {
    sinceHeight: u64("sinceHeight"),
    sinceMs: u64("sinceMs"),
    votedHeight: u64("votedHeight"),
    votedMs: u64("votedMs"),
  };
  const isVoting = reader.bool(`${field}.isVoting`);
  const votingSinceMs = u64("votingSinceMs");
  const tail = {
    heartbeat: u64("heartbeat"),
    roundsEpoch: u64("roundsEpoch"),
    voteRound: u64("voteRound"),
    orderVoteRound: u64("orderVoteRound"),
    timeoutRound: u64("timeoutRound"),
    absentFromMs: u64("absentFromMs"),
    absentUntilMs: u64("absentUntilMs"),
    servedMs: u64("servedMs"),
  };
  return [key, { ...head, votingSinceMs: isVoting ? votingSinceMs : undefined, ...tail }];
}

/** The chain's own record of every member's signs of life, and when each last proposed; by key. */
export function encodeLiveness(state: Pick<LedgerState, "liveness" | "proposedAt">): Uint8Array {
  const byKey = (left: readonly [string, unknown], right: readonly [string, unknown]): number =>
    compareText(left[0], right[0]);
  const writer = new Writer().list([...state.liveness].toSorted(byKey), (out, [key, liveness]) => {
    writeLiveness(out, key, liveness);
  });
  writer.list([...state.proposedAt].toSorted(byKey), (out, [key, height]) =>
    out.hex32(key).u64(height),
  );
  return writer.finish();
}

export interface LivenessLeaf {
  readonly liveness: ReadonlyMap<PublicKey, Liveness>;
  readonly proposedAt: ReadonlyMap<PublicKey, Height>;
}

export function decodeLiveness(bytes: Uint8Array): LivenessLeaf {
  return decodeLeaf(bytes, (reader) => ({
    liveness: new Map(reader.list("liveness", 128, readLiveness)),
    proposedAt: new Map(
      reader.list(
        "proposedAt",
        128,
        (input, field) => [input.hex32(`${field}.key`), input.u64(`${field}.height`)] as const,
      ),
    ),
  }));
}
