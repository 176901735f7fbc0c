import type { ChainReading, VerifiedProof } from "./observe/observation.ts";

/** Where a chain is and what of it is trusted already. */
export interface ChainRequest {
  /**
   * Whose chain this is: `namespace/name` of the ValidatorSet and its uid. What is trusted is kept
   * for each set by itself.
   */
  readonly identity: { readonly name: string; readonly uid: string };
  /** Exact bytes of the genesis file. */
  readonly genesis: Uint8Array;
  /** host:port of query listeners. */
  readonly endpoints: readonly string[];
  /** Canonical bytes of the newest set that was verified before, hex; empty at first. */
  readonly checkpoint: string;
  /** Block time of that checkpoint, ms; 0 at first. One of the future is refused. */
  readonly checkpointTimeMs: number;
  readonly checkpointEpoch?: number;
  /**
   * The newest header that status says was verified: what nodes show below its height is a rumour.
   */
  readonly verified?: { readonly height: number };
  readonly trustPeriodMs: number;
  /**
   * A person's checkpoint: the set of this epoch must have this hash. It makes an old starting
   * point good again, because what leads there is compared with what the person verified.
   */
  readonly person?: { readonly epoch: number; readonly setHash: string };
  /** Consensus keys of the set's own members: whether each is a spare is asked by name. */
  readonly keys: readonly string[];
}

export interface VerifiedChain {
  readonly reading: ChainReading;
  /** Verified here: signatures, chain, set. */
  readonly proofs: readonly VerifiedProof[];
  /** The checkpoint to keep in status, hex; empty where nothing was verified. */
  readonly checkpoint: string;
  /** Its epoch, and the block time of the newest verified header, ms; 0 where nothing was. */
  readonly checkpointEpoch: number;
  readonly checkpointTimeMs: number;
}

/** What became of a transaction. */
export type SubmitOutcome =
  | { readonly kind: "executed"; readonly code: string; readonly height: number }
  /** Every node refused it at its door: it was never ordered. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  /** Nobody knows: ask the chain in the next pass (S16). */
  | { readonly kind: "unknown"; readonly message: string };

/** The chain, through the light client. */
export interface ChainPort {
  read(request: ChainRequest): Promise<VerifiedChain>;
  submit(request: ChainRequest, transaction: Uint8Array): Promise<SubmitOutcome>;
}

export interface NodeIdentity {
  readonly consensusKey: string;
  readonly networkKey: string;
  /** host:port as the node advertises it. */
  readonly address: string;
  /** Empty before a genesis is pinned. */
  readonly genesisHash: string;
}

/** What a node signs of its own registration. */
export interface NodeRegistration {
  readonly nonce: number;
  readonly possession: string;
  readonly networkSignature: string;
}

/** A node's control listener, at the address that the API server gives. */
export interface NodeControlPort {
  /** Both proofs are verified over (set UID, pod UID, one-time token) (rule GENESIS). */
  identity(
    address: string,
    ask: { readonly setUid: string; readonly podUid: string },
  ): Promise<NodeIdentity>;
  signRegistration(
    address: string,
    networkKey: string,
    registration: { readonly owner: string; readonly address: string; readonly bond: string },
  ): Promise<NodeRegistration>;
}

/** The operator's control client key (rule LISTENERS): kept in a Secret, opened here. */
export interface ControlKeys {
  /** A new private key, PKCS #8 PEM. */
  create(): string;
  /** 64 hex characters: what nodes pin. Throws where the PEM holds no Ed25519 private key. */
  publicKey(pem: string): string;
  open(pem: string): NodeControlPort;
}

/** Plain reads of metrics and of Prometheus. Throws where no answer came in time. */
export interface HttpPort {
  get(
    url: string,
    options: {
      readonly timeoutMs: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly ca?: string;
    },
  ): Promise<{ readonly status: number; readonly body: string }>;
}
