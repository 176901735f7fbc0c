import * as ledger from "@quorate/proto/ledger/v1/ledger";
import {
  type PeerView,
  type ProtocolStatus,
  Role,
  type SplitStatus,
  type Status,
} from "@quorate/proto/query/v1/query";
import type { PublicKey } from "../../kernel/scalars.ts";
import { validatorSetHash } from "../../kernel/validator-set.ts";
import type { ProtocolView } from "../../ledger/protocol.ts";
import type { SwapRecord } from "../../ledger/types.ts";
import type { ReplicaStatus } from "../../replica/queries.ts";
import { bytesOf, memberToWire, resultToWire, setToWire } from "./ledger-wire.ts";

const CAUSES: Readonly<Record<SwapRecord["cause"], ledger.SwapCause>> = {
  silence: ledger.SwapCause.SWAP_CAUSE_SILENCE,
  misconduct: ledger.SwapCause.SWAP_CAUSE_MISCONDUCT,
  owner: ledger.SwapCause.SWAP_CAUSE_OWNER,
  mute: ledger.SwapCause.SWAP_CAUSE_MUTE,
  unmute: ledger.SwapCause.SWAP_CAUSE_UNMUTE,
  grow: ledger.SwapCause.SWAP_CAUSE_GROW,
  shrink: ledger.SwapCause.SWAP_CAUSE_SHRINK,
};

const ROLES: Readonly<Record<ReplicaStatus["role"], Role>> = {
  member: Role.ROLE_MEMBER,
  spare: Role.ROLE_SPARE,
  observer: Role.ROLE_OBSERVER,
};

function seatsToWire({ seats, liveness }: ReplicaStatus): ledger.Seat[] {
  const counts = new Map(liveness.map((count) => [count.key, count]));
  return seats.map((seat) => {
    const count = counts.get(seat.key);
    return {
      member: memberToWire(seat),
      bond: seat.bond.toString(),
      silentBlocks: BigInt(count?.blocksSilent ?? 0),
      silentMs: BigInt(count?.msSilent ?? 0),
      silentProposerPower: (count?.proposerPower ?? 0n).toString(),
      silent: count?.silent ?? false,
      equivocated: seat.condemned,
      registeredAtHeight: BigInt(seat.registeredAt),
      absent: count?.absent ?? false,
    };
  });
}

function sparesToWire({ spares }: ReplicaStatus): ledger.Spare[] {
  return spares.map((spare) => ({
    key: bytesOf(spare.key),
    networkKey: bytesOf(spare.networkKey),
    address: spare.address,
    owner: bytesOf(spare.owner),
    bond: spare.bond.toString(),
    registeredAtHeight: BigInt(spare.registeredAt),
    attestedHeight: BigInt(spare.attested),
    fit: spare.fit,
    endorsed: spare.endorsed,
  }));
}

function swapToWire(swap: SwapRecord): ledger.SwapRecord {
  return {
    epoch: BigInt(swap.epoch),
    height: BigInt(swap.height),
    cause: CAUSES[swap.cause],
    leaver: bytesOf(swap.leaver ?? ""),
    newcomer: bytesOf(swap.newcomer ?? ""),
    proof: bytesOf(swap.proof),
    newcomerRegisteredAtHeight: BigInt(swap.newcomerRegisteredAt),
    power: swap.power.toString(),
  };
}

function protocolToWire({ version, activation, held, ready }: ProtocolView): ProtocolStatus {
  return {
    version: BigInt(version),
    activationVersion: BigInt(activation?.version ?? 0),
    activationHeight: BigInt(activation?.height ?? 0),
    held: held.map(BigInt),
    ready: ready.map(({ key, version: newest }) => ({
      key: bytesOf(key),
      version: BigInt(newest),
    })),
  };
}

function splitToWire({ split, difference }: ReplicaStatus): SplitStatus | undefined {
  return (
    split && {
      height: BigInt(split.height),
      groups: split.groups.map(({ result, members }) => ({
        stateRoot: bytesOf(result.stateRoot),
        receiptsRoot: bytesOf(result.receiptsRoot),
        members: members.map(bytesOf),
      })),
      firstDifference: difference ?? "",
    }
  );
}

/** What only the process knows. */
export interface ProcessStatus {
  readonly networkKey: PublicKey;
  /** Undefined where the node signs. */
  readonly notSigning: string | undefined;
  readonly peers: readonly PeerView[];
  readonly version: string;
}

export function statusToWire(status: ReplicaStatus, process: ProcessStatus): Status {
  return {
    genesisHash: bytesOf(status.chainId),
    key: bytesOf(status.self),
    networkKey: bytesOf(process.networkKey),
    role: ROLES[status.role],
    epoch: BigInt(status.epoch),
    round: BigInt(status.round),
    height: BigInt(status.height),
    certified: status.certified === undefined ? undefined : resultToWire(status.certified),
    set: setToWire(status.set),
    setHash: bytesOf(validatorSetHash(status.set)),
    seats: seatsToWire(status),
    spares: sparesToWire(status),
    swaps: status.swaps.map(swapToWire),
    queued: BigInt(status.queued),
    signing: process.notSigning === undefined,
    notSigningReason: process.notSigning ?? "",
    peers: [...process.peers],
    version: process.version,
    protocol: protocolToWire(status.protocol),
    split: splitToWire(status),
  };
}
