import { Reader, Writer } from "../kernel/codec.ts";
import type { Digest, Epoch, Height, MicroUsd, Millis, PublicKey } from "../kernel/scalars.ts";
import { readValidatorSet, type ValidatorSet, writeValidatorSet } from "../kernel/validator-set.ts";
import { readChoice } from "./action-codec.ts";
import type {
  BlockMark,
  Candidate,
  Condemned,
  EpochEnd,
  EvidenceKind,
  Jailed,
  LedgerState,
  Owner,
  ProtocolState,
  Readiness,
  Seat,
  Spare,
  Tombstone,
  Unbonding,
} from "./state.ts";
import { readSwap, writeSwap } from "./swap-codec.ts";
import { ADDRESS_LENGTH_MAX } from "./transaction-codec.ts";
import type { SwapRecord } from "./types.ts";

/** Keys of the ledger's leaves; layouts of the values in node/spec/encoding.md, State. */
export const leafKeys = {
  chain: "chain",
  set: "set",
  liveness: "liveness",
  ordering: "ordering",
  leavers: "leavers",
  seat: (key: PublicKey): string => `seat/${key}`,
  spare: (key: PublicKey): string => `spare/${key}`,
  jailed: (key: PublicKey): string => `jailed/${key}`,
  unbonding: (key: PublicKey): string => `unbonding/${key}`,
  tombstone: (key: PublicKey): string => `tombstone/${key}`,
  condemned: (key: PublicKey): string => `condemned/${key}`,
  readiness: (key: PublicKey): string => `readiness/${key}`,
  sessions: (account: PublicKey): string => `session/${account}`,
  owner: (key: PublicKey): string => `owner/${key}`,
  known: (key: PublicKey): string => `key/${key}`,
  voids: (epoch: string): string => `void/${epoch}`,
  swap: (epoch: Epoch): string => `swap/${epoch}`,
  epochEnd: (epoch: Epoch): string => `epoch-end/${epoch}`,
  mark: (height: Height): string => `mark/${height}`,
  /** Scopes: `bundle/<account>`, `faucet/<account>`, `deposit`, `owner/<owner>`, `session/<id>`. */
  nonce: (scope: string): string => `nonce/${scope}`,
} as const;

/** One swap an epoch, and those of two epochs are held: with room for rules to come. */
const LEAVERS_MAX = 1_024;

export function decodeLeaf<T>(bytes: Uint8Array, read: (reader: Reader) => T): T {
  const reader = new Reader(bytes);
  const value = read(reader);
  reader.end();
  return value;
}

function writeCandidate(writer: Writer, candidate: Candidate): void {
  writer.hex32(candidate.owner).hex32(candidate.key).hex32(candidate.networkKey);
  writer.text(candidate.address).i128(candidate.bond).u64(candidate.registeredAt);
  writer.i128(candidate.sponsored);
}

function readCandidate(reader: Reader): Candidate {
  return {
    owner: reader.hex32("owner"),
    key: reader.hex32("key"),
    networkKey: reader.hex32("networkKey"),
    address: reader.text("address", ADDRESS_LENGTH_MAX),
    bond: reader.i128("bond"),
    registeredAt: reader.u64("registeredAt"),
    sponsored: reader.i128("sponsored"),
  };
}

export function encodeSeat(seat: Seat): Uint8Array {
  const writer = new Writer();
  writeCandidate(writer, seat);
  writer.i128(seat.power).bool(seat.muted).u64(seat.seatedAtMs).bool(seat.endorsed);
  const offence = seat.reportOffence ?? { epoch: 0, index: 0 };
  writer.u64(offence.epoch).u64(offence.index).u64(seat.reportsJailedUntilMs);
  return writer.u64(seat.mutes).u64(seat.mutedAtMs).finish();
}

export function decodeSeat(bytes: Uint8Array): Seat {
  return decodeLeaf(bytes, (reader) => {
    const seat = {
      ...readCandidate(reader),
      power: reader.i128("power"),
      muted: reader.bool("muted"),
      seatedAtMs: reader.u64("seatedAtMs"),
      endorsed: reader.bool("endorsed"),
    };
    const offence = { epoch: reader.u64("offence.epoch"), index: reader.u64("offence.index") };
    return {
      ...seat,
      reportOffence: offence.epoch === 0 ? undefined : offence,
      reportsJailedUntilMs: reader.u64("reportsJailedUntilMs"),
      mutes: reader.u64("mutes"),
      mutedAtMs: reader.u64("mutedAtMs"),
    };
  });
}

export function encodeSpare(spare: Spare): Uint8Array {
  const writer = new Writer();
  writeCandidate(writer, spare);
  writer.u64(spare.order).u64(spare.registeredMs).bool(spare.endorsed).u64(spare.attested);
  return writer.finish();
}

export function decodeSpare(bytes: Uint8Array): Spare {
  return decodeLeaf(bytes, (reader) => ({
    ...readCandidate(reader),
    order: reader.u64("order"),
    registeredMs: reader.u64("registeredMs"),
    endorsed: reader.bool("endorsed"),
    attested: reader.u64("attested"),
  }));
}

export function encodeJailed(jailed: Jailed): Uint8Array {
  const writer = new Writer();
  writeCandidate(writer, jailed);
  return writer.u64(jailed.untilMs).i128(jailed.power).finish();
}

export function decodeJailed(bytes: Uint8Array): Jailed {
  return decodeLeaf(bytes, (reader) => ({
    ...readCandidate(reader),
    untilMs: reader.u64("untilMs"),
    power: reader.i128("power"),
  }));
}

export function encodeUnbonding(entry: Unbonding): Uint8Array {
  const writer = new Writer().hex32(entry.owner).hex32(entry.key);
  return writer
    .i128(entry.amount)
    .i128(entry.sponsored)
    .u64(entry.releaseMs)
    .i128(entry.power)
    .finish();
}

export function decodeUnbonding(bytes: Uint8Array): Unbonding {
  return decodeLeaf(bytes, (reader) => ({
    owner: reader.hex32("owner"),
    key: reader.hex32("key"),
    amount: reader.i128("amount"),
    sponsored: reader.i128("sponsored"),
    releaseMs: reader.u64("releaseMs"),
    power: reader.i128("power"),
  }));
}

export const EVIDENCE_KINDS = [
  "E1",
  "E2",
  "E3",
  "E4",
  "E5",
  "E7",
  "E8",
  "E6",
  "E10",
] as const satisfies readonly EvidenceKind[];

export function encodeTombstone(tombstone: Tombstone): Uint8Array {
  const { key, evidence, height, proof, sinceMs, power, bond, slashed } = tombstone;
  const writer = new Writer().hex32(key).u8(EVIDENCE_KINDS.indexOf(evidence));
  writer.u64(height).hex32(proof).u64(sinceMs);
  return writer.i128(power).i128(bond).i128(slashed).finish();
}

export function decodeTombstone(bytes: Uint8Array): Tombstone {
  return decodeLeaf(bytes, (reader) => ({
    key: reader.hex32("key"),
    evidence: readChoice(reader, "evidence", EVIDENCE_KINDS),
    height: reader.u64("height"),
    proof: reader.hex32("proof"),
    sinceMs: reader.u64("sinceMs"),
    power: reader.i128("power"),
    bond: reader.i128("bond"),
    slashed: reader.i128("slashed"),
  }));
}

export function encodeCondemned(entry: Condemned): Uint8Array {
  const writer = new Writer().hex32(entry.key).hex32(entry.proof).u64(entry.sinceMs);
  writer.bool(entry.needsApproval).list(entry.approvals, (out, owner) => out.hex32(owner));
  return writer.finish();
}

export function decodeCondemned(bytes: Uint8Array): Condemned {
  return decodeLeaf(bytes, (reader) => ({
    key: reader.hex32("key"),
    proof: reader.hex32("proof"),
    sinceMs: reader.u64("sinceMs"),
    needsApproval: reader.bool("needsApproval"),
    approvals: reader.list("approvals", 128, (input, field) => input.hex32(field)),
  }));
}

export function encodeOwner({ key, sponsorKey, treasury, sponsored }: Owner): Uint8Array {
  return new Writer().hex32(key).hex32(sponsorKey).i128(treasury).i128(sponsored).finish();
}

export function decodeOwner(bytes: Uint8Array): Owner {
  return decodeLeaf(bytes, (reader) => ({
    key: reader.hex32("key"),
    sponsorKey: reader.hex32("sponsorKey"),
    treasury: reader.i128("treasury"),
    sponsored: reader.i128("sponsored"),
  }));
}

export function encodeReadiness({ version, height }: Readiness): Uint8Array {
  return new Writer().u64(version).u64(height).finish();
}

export function decodeReadiness(bytes: Uint8Array): Readiness {
  return decodeLeaf(bytes, (reader) => ({
    version: reader.u64("version"),
    height: reader.u64("height"),
  }));
}

export function encodeKnownKey(height: Height): Uint8Array {
  return new Writer().u64(height).finish();
}

export function encodeVoid(height: Height): Uint8Array {
  return new Writer().u64(height).finish();
}

export function decodeVoid(bytes: Uint8Array): Height {
  return decodeLeaf(bytes, (reader) => reader.u64("height"));
}

export function decodeKnownKey(bytes: Uint8Array): Height {
  return decodeLeaf(bytes, (reader) => reader.u64("height"));
}

export function encodeEpochEnd({ atMs, height }: EpochEnd): Uint8Array {
  return new Writer().u64(atMs).u64(height).finish();
}

export function decodeEpochEnd(bytes: Uint8Array): EpochEnd {
  return decodeLeaf(bytes, (reader) => ({
    atMs: reader.u64("atMs"),
    height: reader.u64("height"),
  }));
}

/** The height is in the key. */
export function encodeMark(mark: BlockMark): Uint8Array {
  const writer = new Writer().u64(mark.epoch).u64(mark.round).u64(mark.timestampMs);
  return writer.u64(mark.clockMs).hex32(mark.stateRoot).finish();
}

export function decodeMark(bytes: Uint8Array): Omit<BlockMark, "height"> {
  return decodeLeaf(bytes, (reader) => ({
    epoch: reader.u64("epoch"),
    round: reader.u64("round"),
    timestampMs: reader.u64("timestampMs"),
    clockMs: reader.u64("clockMs"),
    stateRoot: reader.hex32("stateRoot"),
  }));
}

export function encodeLeavers(leavers: LedgerState["leavers"]): Uint8Array {
  const writer = new Writer().list(leavers, (out, leaver) => {
    writeCandidate(out, leaver);
    out.u64(leaver.epoch);
  });
  return writer.finish();
}

export function decodeLeavers(bytes: Uint8Array): LedgerState["leavers"] {
  return decodeLeaf(bytes, (reader) =>
    reader.list("leavers", LEAVERS_MAX, (input, field) => ({
      ...readCandidate(input),
      epoch: input.u64(`${field}.epoch`),
    })),
  );
}

export function encodeSwap(swap: SwapRecord): Uint8Array {
  const writer = new Writer();
  writeSwap(writer, swap);
  return writer.finish();
}

export function decodeSwap(bytes: Uint8Array): SwapRecord {
  return decodeLeaf(bytes, (reader) => readSwap(reader, "swap"));
}

export function encodeSet(set: ValidatorSet): Uint8Array {
  const writer = new Writer();
  writeValidatorSet(writer, set);
  return writer.finish();
}

export function decodeSet(bytes: Uint8Array): ValidatorSet {
  return decodeLeaf(bytes, (reader) => readValidatorSet(reader, "set"));
}

/** Money and clocks of the chain as a whole. */
export interface ChainLeaf {
  readonly chainId: Digest;
  readonly protocol: ProtocolState;
  readonly epoch: Epoch;
  readonly height: Height;
  readonly timestampMs: Millis;
  readonly clockMs: Millis;
  readonly slashedPot: MicroUsd;
  readonly deposited: MicroUsd;
  readonly withdrawn: MicroUsd;
  readonly genesisMoney: MicroUsd;
  readonly depositWindow: { readonly fromMs: Millis; readonly amount: MicroUsd };
  readonly registrations: number;
  /** 0 if there was none. */
  readonly lastSilenceSwapMs: Millis;
  readonly lastMisconductMs: Millis;
  readonly rewardPot: MicroUsd;
  readonly rewardsFromMs: Millis;
  readonly staked: MicroUsd;
}

export function encodeChain(state: LedgerState): Uint8Array {
  const { version, activation } = state.protocol;
  // Chain id and version come first in every version: so an older binary can name what it lacks.
  const writer = new Writer().hex32(state.chainId).u64(version);
  writer.u64(activation?.version ?? 0).u64(activation?.height ?? 0);
  writer.u64(state.set.epoch).u64(state.height);
  writer.u64(state.timestampMs).u64(state.clockMs).i128(state.slashedPot);
  writer.i128(state.deposited).i128(state.withdrawn).i128(state.genesisMoney);
  writer.u64(state.depositWindow.fromMs).i128(state.depositWindow.amount);
  writer.u64(state.registrations).u64(state.lastSilenceSwapMs ?? 0);
  writer.u64(state.lastMisconductMs ?? 0);
  return writer.i128(state.rewardPot).u64(state.rewardsFromMs).i128(state.staked).finish();
}

/** What is first in the chain's leaf of every version. */
export function decodeChainHead(bytes: Uint8Array): {
  readonly chainId: Digest;
  readonly version: number;
} {
  const reader = new Reader(bytes);
  return { chainId: reader.hex32("chainId"), version: reader.u64("version") };
}

function readProtocol(reader: Reader): ProtocolState {
  const version = reader.u64("version");
  const activation = {
    version: reader.u64("activation.version"),
    height: reader.u64("activation.height"),
  };
  return { version, activation: activation.version === 0 ? undefined : activation };
}

export function decodeChain(bytes: Uint8Array): ChainLeaf {
  return decodeLeaf(bytes, (reader) => ({
    chainId: reader.hex32("chainId"),
    protocol: readProtocol(reader),
    epoch: reader.u64("epoch"),
    height: reader.u64("height"),
    timestampMs: reader.u64("timestampMs"),
    clockMs: reader.u64("clockMs"),
    slashedPot: reader.i128("slashedPot"),
    deposited: reader.i128("deposited"),
    withdrawn: reader.i128("withdrawn"),
    genesisMoney: reader.i128("genesisMoney"),
    depositWindow: {
      fromMs: reader.u64("depositWindow.fromMs"),
      amount: reader.i128("depositWindow.amount"),
    },
    registrations: reader.u64("registrations"),
    lastSilenceSwapMs: reader.u64("lastSilenceSwapMs"),
    lastMisconductMs: reader.u64("lastMisconductMs"),
    rewardPot: reader.i128("rewardPot"),
    rewardsFromMs: reader.u64("rewardsFromMs"),
    staked: reader.i128("staked"),
  }));
}
