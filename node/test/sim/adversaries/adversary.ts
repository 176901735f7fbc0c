import type { PeerBody, PeerMessage, SignedBlock } from "../../../src/consensus/types.ts";
import { sha256Hex } from "../../../src/crypto/sha256.ts";
import { asciiBytes } from "../../../src/kernel/bytes.ts";
import type { Digest } from "../../../src/kernel/scalars.ts";
import type { SignedStatement } from "../../../src/kernel/statements.ts";
import type { ReplicaState } from "../../../src/replica/types.ts";
import type { Random } from "../random.ts";
import type { SimNode } from "../sim-node.ts";
import type { Forge } from "./forge.ts";

/** One message as the liar really sends it. */
export interface Posting {
  readonly message: PeerMessage;
  readonly delayMs: number;
}

/** What stands between a liar's replica, which is production code, and everybody else. */
export interface Adversary {
  /** What this peer gets instead of the message that the replica sends; empty: nothing. */
  outgoing(to: SimNode, message: PeerMessage): readonly Posting[];
  /** Hears what the replica hears. */
  incoming(message: PeerMessage): void;
  /** Changes the replica's state before an input. */
  meddle(state: ReplicaState): ReplicaState;
  /** Some ten times in a silence window: sends what no replica would send. */
  act(): void;
}

/** What an adversary may touch of its world. */
export interface Accomplice {
  readonly node: SimNode;
  readonly forge: Forge;
  readonly random: Random;
  /** Second blocks that liars signed, by epoch and round: they vote for each other's. */
  readonly rivals: Map<string, SignedBlock>;
  now(): number;
  isActive(): boolean;
  state(): ReplicaState | undefined;
  count(name: string): void;
  /** Sends to every peer, past the replica. */
  broadcast(body: PeerBody): void;
  send(to: SimNode, body: PeerBody): void;
  /** Somebody saw both signatures: the pair may reach the chain by any client. */
  accuse(first: SignedStatement, second: SignedStatement): void;
  /** Puts transactions into the own lane, unchecked. */
  fillLane(transactions: readonly Uint8Array[]): void;
}

export const HONEST: Adversary = {
  outgoing: (_, message) => [{ message, delayMs: 0 }],
  incoming: () => undefined,
  meddle: (state) => state,
  act: () => undefined,
};

/** A name for what a message is about. */
export function kindOf(body: PeerBody): string {
  return body.kind === "statement" ? body.signed.statement.kind : body.kind;
}

export function randomDigest(random: Random): Digest {
  return sha256Hex(asciiBytes(`lie/${random.next()}`));
}

export function pass(message: PeerMessage, body: PeerBody = message.body): readonly Posting[] {
  return [{ message: body === message.body ? message : { ...message, body }, delayMs: 0 }];
}
