import type { PeerBody } from "../consensus/types.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import type { ReplicaInput, Submission } from "../replica/types.ts";

/** What one peer may have waiting; beyond it a message is dropped and sent again later. */
export const PEER_WEIGHT_MAX = 8_192;
/** Clients' transactions that may wait for their first step. */
export const CLIENTS_WEIGHT_MAX = 8_192;

/**
 * Transactions of one step: about 4 ms of signatures to verify (110 us each). A client that sends a
 * thousand at once holds up no vote for longer than that.
 */
const SUBMISSIONS_A_STEP = 32;

/** About 8 KiB weigh one, so that the bound holds for memory as well as for steps. */
function weightOf(kind: PeerBody["kind"]): number {
  switch (kind) {
    case "proposal":
    case "block-response":
    case "batch":
      return 8;
    case "chain-response":
      return 1_024;
    default:
      return 1;
  }
}

interface Waiting {
  readonly input: ReplicaInput;
  readonly weight: number;
}

/** First in first out. The array is cut only now and then: shift() on a long one costs a step. */
class Lane {
  #waiting: Waiting[] = [];
  #next = 0;
  #weight = 0;

  get length(): number {
    return this.#waiting.length - this.#next;
  }
  get weight(): number {
    return this.#weight;
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#weight += waiting.weight;
  }

  take(): ReplicaInput | undefined {
    const first = this.#waiting[this.#next];
    if (first === undefined) return undefined;
    this.#next += 1;
    this.#weight -= first.weight;
    if (this.#next > 1_024 || this.#next === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    return first.input;
  }
}

const CLIENTS = "clients";

/**
 * What waits for the replica. The node's own inputs go first, in order: timers, signatures, what
 * the disk gave. Then every peer, and all clients together, have one input each in turn: whoever
 * sends without end fills its own lane and takes nobody else's turn.
 */
export class InputQueue {
  readonly #own = new Lane();
  /** In the order of their next turn; an empty lane is no lane. */
  readonly #lanes = new Map<PublicKey | typeof CLIENTS, Lane>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** False where the lane is full: only messages and submissions are ever refused. */
  push(input: ReplicaInput): boolean {
    if (input.kind === "message") {
      const weight = weightOf(input.message.body.kind);
      return this.#pushTo(input.from, { input, weight }, PEER_WEIGHT_MAX);
    }
    if (input.kind === "submit") return this.#pushSubmissions(input.submissions);
    // Behind its submission, and never refused: each ends a call that was let in.
    if (input.kind === "abandon") return this.#pushTo(CLIENTS, { input, weight: 0 }, Infinity);
    this.#own.push({ input, weight: 0 });
    this.#length += 1;
    return true;
  }

  take(): ReplicaInput | undefined {
    const input = this.#own.take() ?? this.#takeInTurn();
    if (input !== undefined) this.#length -= 1;
    return input;
  }

  #takeInTurn(): ReplicaInput | undefined {
    const [first] = this.#lanes;
    if (first === undefined) return undefined;
    const [name, lane] = first;
    const input = lane.take();
    this.#lanes.delete(name);
    if (lane.length > 0) this.#lanes.set(name, lane);
    return input;
  }

  /** All of them, or none, in steps of a bounded size. */
  #pushSubmissions(submissions: readonly Submission[]): boolean {
    const weight = this.#lanes.get(CLIENTS)?.weight ?? 0;
    if (weight + submissions.length > CLIENTS_WEIGHT_MAX) return false;
    for (let at = 0; at < submissions.length; at += SUBMISSIONS_A_STEP) {
      const step = submissions.slice(at, at + SUBMISSIONS_A_STEP);
      const input: ReplicaInput = { kind: "submit", submissions: step };
      this.#pushTo(CLIENTS, { input, weight: step.length }, CLIENTS_WEIGHT_MAX);
    }
    return true;
  }

  #pushTo(name: PublicKey | typeof CLIENTS, waiting: Waiting, weightMax: number): boolean {
    const lane = this.#lanes.get(name) ?? new Lane();
    if (lane.weight + waiting.weight > weightMax) return false;
    lane.push(waiting);
    this.#lanes.set(name, lane);
    this.#length += 1;
    return true;
  }
}
