import type { ConsensusEvent } from "../../src/consensus/effects.ts";
import { type ResultCertificate, resultDigest } from "../../src/kernel/certificates.ts";
import type { Digest, PublicKey } from "../../src/kernel/scalars.ts";
import type { SignedStatement } from "../../src/kernel/statements.ts";
import { classify } from "../../src/ledger/evidence.ts";
import type { ExecutionResult } from "../../src/ledger/types.ts";
import type { CertifiedReceipt, ReplicaEffect } from "../../src/replica/types.ts";
import type { Counts } from "./counts.ts";
import type { Plan } from "./plan.ts";
import type { RunChecker } from "./run-checker.ts";
import type { SimNode } from "./sim-node.ts";
import { ODD } from "./split-fault.ts";
import { demand, Violation } from "./violation.ts";

interface Options {
  readonly plan: Plan;
  readonly run: RunChecker;
  readonly counts: Counts;
  /** See `WorldOptions.splits`. */
  readonly splits: boolean;
  /** Members whose binary comes, or came, to other results. */
  readonly odd: ReadonlySet<PublicKey | undefined>;
  /** Virtual ms since the start. */
  readonly now: () => number;
}

/** Counts what honest nodes report by their effects, and holds it against the rules of the run. */
export class EffectChecker {
  /** Newest certified height of a run whose members may differ. */
  certifiedHeight = 0;
  readonly #certified = new Map<number, string>();
  /** When a member that does not drop evidence first held some after the healing, by accused. */
  readonly evidenceMs = new Map<PublicKey, number>();
  readonly #plan: Plan;
  readonly #run: RunChecker;
  readonly #counts: Counts;
  readonly #splits: boolean;
  readonly #odd: ReadonlySet<PublicKey | undefined>;
  readonly #now: () => number;

  constructor({ plan, run, counts, splits, odd, now }: Options) {
    this.#plan = plan;
    this.#run = run;
    this.#counts = counts;
    this.#splits = splits;
    this.#odd = odd;
    this.#now = now;
  }

  check(node: SimNode, effect: ReplicaEffect): void {
    switch (effect.kind) {
      case "executed":
        // A binary that is known to be wrong is no witness of what the chain is.
        if (this.#splits || node.protocols === ODD) return;
        this.#checkExecution(node, effect.execution);
        return;
      case "certified":
        if (this.#splits) {
          this.#checkCertified(node, effect.certificate);
          return;
        }
        this.#run.certified(node.name, effect.certificate);
        return;
      case "epoch-started":
        if (this.#splits || effect.proof.repair === undefined) return;
        this.#run.repaired(node.name, effect.proof);
        return;
      case "misconduct-found":
        this.#counts.add(`evidence found: ${offenceName(effect.first, effect.second)}`);
        this.#run.evidence(node.name, effect.first, effect.second ?? effect.first);
        this.#noteEvidence(node, effect.first.author);
        return;
      case "protocol-unsupported":
        this.#counts.add("refused: PROTOCOL_UNSUPPORTED");
        return;
      case "restart":
        this.#counts.add("restarts by a repair");
        return;
      case "halt":
        // A swap may have left the others a quorum: then the wrong binary stops, as it has to.
        if (node.protocols === ODD) {
          this.#counts.add("halted: a binary that differs");
          return;
        }
        if (this.#isOutrun(node)) {
          this.#counts.add("halted: a repair that the chain outran");
          return;
        }
        throw new Violation(`${node.name}: ${effect.reason}`, { checker: "no honest node halts" });
      case "observe":
        this.#checkEvent(node, effect.event);
        return;
      default:
    }
  }

  /** A client got its receipt. */
  answered(transaction: Digest, receipt: CertifiedReceipt): void {
    if (!this.#splits) this.#run.answered(transaction, receipt);
  }

  /**
   * Enough owners exchanged the binary alone, and a quorum certified above the plan: what the plan
   * names is no split any more, and the node says so until its owner takes the plan away.
   */
  #isOutrun({ repair }: SimNode): boolean {
    const isDrawn = this.#plan.split !== undefined && repair !== undefined;
    return isDrawn && this.#run.certifiedHeight > repair.height;
  }

  #checkCertified({ name }: SimNode, { result }: ResultCertificate): void {
    this.certifiedHeight = Math.max(this.certifiedHeight, result.height);
    const digest = resultDigest(result);
    const known = this.#certified.get(result.height) ?? digest;
    this.#certified.set(result.height, known);
    const what = () => `${name} at ${result.height}: two certificates`;
    demand(known === digest, "certified roots", what);
  }

  /** The first execution of a height is also what is counted of it. */
  #checkExecution({ name }: SimNode, execution: ExecutionResult): void {
    const before = this.#run.height;
    this.#run.executed(name, execution);
    if (this.#run.height === before) return;
    for (const { code, outcomes } of execution.receipts) {
      this.#counts.add(`receipt: ${code}`);
      for (const outcome of outcomes) this.#counts.add(`action: ${outcome.code}`);
    }
    for (const event of execution.events) {
      if (event.kind === "swap") this.#counts.add(`set changed by: ${event.swap.cause}`);
      else if (event.kind === "slashed") this.#counts.add(`evidence accepted: ${event.evidence}`);
      else if (event.kind === "margin") this.#counts.add(`margin: ${event.event.kind}`);
      else this.#counts.add(`event: ${event.kind}`);
    }
  }

  #checkEvent({ name }: SimNode, event: ConsensusEvent): void {
    switch (event.kind) {
      case "round-timed-out":
        this.#counts.add("rounds timed out");
        return;
      case "round-entered":
        this.#counts.add(`round entered by: ${event.by}`);
        return;
      case "wrong-root":
        this.#counts.add("peer: wrong root");
        if (this.#odd.has(event.author)) return;
        this.#run.counted(name, event.author, event.kind);
        return;
      case "invalid-proposal":
        this.#counts.add(`proposal: ${event.code}`);
        this.#run.counted(name, event.author, `${event.kind} ${event.code}`);
        return;
      case "dropped":
        this.#counts.add(`peer: ${event.code} ${event.field}`);
        return;
      default:
    }
  }

  #noteEvidence(node: SimNode, accused: PublicKey): void {
    const { members, evidenceDropper, healMs } = this.#plan;
    if (node.place >= members || node.place === evidenceDropper || this.#now() < healMs) return;
    const before = this.evidenceMs.get(accused) ?? Number.POSITIVE_INFINITY;
    this.evidenceMs.set(accused, Math.min(before, this.#now()));
  }
}

/** E1 to E9, as the ledger names them; one statement alone is a vote that its block convicts. */
function offenceName(first: SignedStatement, second: SignedStatement | undefined): string {
  if (second === undefined) return "E6";
  return classify(first.statement, second.statement) ?? "no offence";
}
