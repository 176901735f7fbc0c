import type { Reader, Writer } from "../kernel/codec.ts";
import { ZERO_DIGEST } from "../kernel/scalars.ts";
import { readChoice } from "./action-codec.ts";
import type { SwapRecord } from "./types.ts";

const CAUSES = [
  "silence",
  "misconduct",
  "owner",
  "mute",
  "unmute",
  "grow",
  "shrink",
] as const satisfies readonly SwapRecord["cause"][];

/** Layout: node/spec/encoding.md, Swap record. Who is missing is 32 zero bytes. */
export function writeSwap(writer: Writer, swap: SwapRecord): void {
  writer.u64(swap.epoch).u64(swap.height).u8(CAUSES.indexOf(swap.cause));
  writer
    .hex32(swap.leaver ?? ZERO_DIGEST)
    .hex32(swap.newcomer ?? ZERO_DIGEST)
    .hex32(swap.proof);
  writer.u64(swap.newcomerRegisteredAt).i128(swap.power);
}

export function readSwap(reader: Reader, field: string): SwapRecord {
  const epoch = reader.u64(`${field}.epoch`);
  const height = reader.u64(`${field}.height`);
  const cause = readChoice(reader, `${field}.cause`, CAUSES);
  const leaver = reader.hex32(`${field}.leaver`);
  const newcomer = reader.hex32(`${field}.newcomer`);
  const proof = reader.hex32(`${field}.proof`);
  return {
    epoch,
    height,
    cause,
    leaver: leaver === ZERO_DIGEST ? undefined : leaver,
    newcomer: newcomer === ZERO_DIGEST ? undefined : newcomer,
    proof,
    newcomerRegisteredAt: reader.u64(`${field}.newcomerRegisteredAt`),
    power: reader.i128(`${field}.power`),
  };
}
