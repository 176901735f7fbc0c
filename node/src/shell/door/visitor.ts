import { setTimeout } from "node:timers/promises";
import type { Millis } from "../../kernel/scalars.ts";
import type { Answer } from "../../replica/types.ts";
import { Door, type DoorLimits, type DoorReason, type DoorRefusal, guestOf } from "./door.ts";

export interface VisitorPorts {
  readonly door: Door;
  readonly now: () => Millis;
  readonly pause: (ms: Millis) => Promise<void>;
  /** Counted; addresses are in no metric. */
  readonly refused: (reason: DoorReason) => void;
}

/** The door of a running node. */
export function openDoor(
  limits: DoorLimits,
  now: () => Millis,
  refused: (reason: DoorReason) => void,
): VisitorPorts {
  return { door: new Door(limits), now, pause: (ms) => setTimeout(ms), refused };
}

/** What was executed before and is asked for again is no fault. */
const NO_FAULT: ReadonlySet<string> = new Set(["RECEIPT_NOT_HELD", "TOO_MANY_WAITERS"]);

/** The bytes were looked at and refused; a refusal of field `node` says nothing of the sender. */
function isOwnFault(answer: Answer): boolean {
  if (answer.kind !== "refused") return false;
  return answer.refusal.field !== "node" && !NO_FAULT.has(answer.refusal.code);
}

/** One address at the door, for one call. */
export class Visitor {
  readonly #ports: VisitorPorts;
  readonly #address: string;

  /** `peer` as gRPC gives it: address and port. */
  constructor(peer: string, ports: VisitorPorts) {
    this.#ports = ports;
    this.#address = guestOf(peer);
  }

  now(): Millis {
    return this.#ports.now();
  }

  /** Takes all of them, or none. Each ends with one call of `leave`. */
  enter(transactions: readonly Uint8Array[]): DoorRefusal | undefined {
    const bytes = transactions.reduce((sum, each) => sum + each.length, 0);
    const party = { count: transactions.length, bytes };
    return this.#counted(this.#ports.door.enter(this.#address, party, this.now()));
  }

  /** One transaction waits no more: its answer, or undefined where the client went away. */
  leave(transaction: Uint8Array, sinceMs: Millis, answer: Answer | undefined): void {
    const { door } = this.#ports;
    const now = this.now();
    const party = { count: 1, bytes: transaction.length };
    if (answer?.kind === "certified") {
      door.answered(this.#address, { ...party, latencyMs: now - sinceMs }, now);
      return;
    }
    door.left(this.#address, party, now);
    if (answer !== undefined && isOwnFault(answer)) door.refusedByLedger(this.#address, 1, now);
  }

  ask(cost: number): DoorRefusal | undefined {
    return this.#counted(this.#ports.door.ask(this.#address, cost, this.now()));
  }

  pause(ms: Millis): Promise<void> {
    return this.#ports.pause(ms);
  }

  call(): DoorRefusal | undefined {
    return this.#counted(this.#ports.door.call(this.#address, this.now()));
  }

  hangUp(): void {
    this.#ports.door.hangUp(this.#address);
  }

  #counted(refusal: DoorRefusal | undefined): DoorRefusal | undefined {
    if (refusal !== undefined) this.#ports.refused(refusal.reason);
    return refusal;
  }
}
