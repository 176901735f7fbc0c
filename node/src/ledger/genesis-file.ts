import type { Parameters } from "../kernel/parameters.ts";
import type { MicroUsd, Millis, Power, PublicKey } from "../kernel/scalars.ts";
import type { MarginGenesis } from "../margin/types.ts";

/** An owner of seats and spares: its key is kept off the cluster, its sponsor key places bonds. */
export interface GenesisOwner {
  readonly key: PublicKey;
  readonly sponsorKey: PublicKey;
  /** Pays the bonds of the owner's spares; bonds return here. */
  readonly treasury: MicroUsd;
}

export interface GenesisSeat {
  readonly owner: PublicKey;
  readonly key: PublicKey;
  readonly networkKey: PublicKey;
  /** host:port of the peer listener. */
  readonly address: string;
  /** Also the seat's bond, in micro-USD. */
  readonly power: Power;
}

export interface KeyValueGenesis {
  /** Longest value of one put, in bytes. */
  readonly valueBytesMax: number;
}

/** The chain's birth: its identity is the hash of the file's bytes (rule GENESIS). */
export interface Genesis {
  /** Printable ASCII, 1 to 64 characters. */
  readonly name: string;
  /** Alone may shorten times below PRODUCTION, and has a faucet. */
  readonly dev: boolean;
  /** Unix time; block times are above it, oracle slots count from it. */
  readonly genesisTimeMs: Millis;
  readonly parameters: Parameters;
  /** Whose keys may become spares: owners named here, or whoever pays fee and bond. */
  readonly candidates: "owners" | "open";
  /** What the seats that serve are rewarded of, at birth. */
  readonly rewardPot: MicroUsd;
  readonly owners: readonly GenesisOwner[];
  /** More than two thirds of these deposit together (rule MINT). Empty: nobody deposits. */
  readonly custodians: readonly PublicKey[];
  readonly seats: readonly GenesisSeat[];
  readonly margin: MarginGenesis;
  /** Switches on the transaction `put`, for benches; only where `dev` is true. */
  readonly keyValue?: KeyValueGenesis;
}
