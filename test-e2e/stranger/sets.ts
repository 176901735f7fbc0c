import { sha256 } from "./bytes.ts";
import { flag, i128, join, key, list, text, u64 } from "./layout.ts";

export interface Member {
  readonly key: string;
  readonly networkKey: string;
  readonly address: string;
  readonly owner: string;
  readonly power: bigint;
  readonly muted: boolean;
}

export interface ValidatorSet {
  readonly epoch: number;
  readonly members: readonly Member[];
}

/** node/spec/encoding.md, Validator set. */
export function setBytes(set: ValidatorSet): Uint8Array {
  return join(
    u64(set.epoch),
    list(set.members, (member) =>
      join(
        key(member.key),
        key(member.networkKey),
        text(member.address),
        key(member.owner),
        i128(member.power),
        flag(member.muted),
      ),
    ),
  );
}

export function setHash(set: ValidatorSet): string {
  return sha256(text("quorate/v1/validator-set"), setBytes(set));
}

export function totalPower(set: ValidatorSet): bigint {
  return set.members.reduce((total, { power }) => total + power, 0n);
}

export function powerOf(set: ValidatorSet, keys: ReadonlySet<string>): bigint {
  return set.members.reduce((total, m) => (keys.has(m.key) ? total + m.power : total), 0n);
}

/** Q = floor(2W/3)+1. */
export function quorum(set: ValidatorSet): bigint {
  return (2n * totalPower(set)) / 3n + 1n;
}
