import type { Millis } from "../../src/kernel/scalars.ts";
import type { Statement } from "../../src/kernel/statements.ts";
import type { ReplicaEffect } from "../../src/replica/types.ts";
import type { Birth } from "./birth.ts";
import { PastChecker } from "./past-checker.ts";
import type { RunChecker } from "./run-checker.ts";
import type { SimNode } from "./sim-node.ts";
import { VoteChecker } from "./vote-checker.ts";

interface Options {
  readonly birth: Birth;
  readonly run: RunChecker;
  readonly isHonest: (key: string) => boolean;
}

/** Holds what each honest node signs, believes and remembers against the rules, one by one. */
export class ConductChecker {
  readonly #votes: VoteChecker;
  readonly #pasts = new PastChecker();
  readonly #run: RunChecker;
  #height = 0;

  constructor({ birth, run, isHonest }: Options) {
    const { genesisTimeMs, parameters } = birth.genesis;
    const { clockAheadMsMax } = parameters.consensus;
    const setOf = (epoch: number) => run.setOf(epoch);
    this.#votes = new VoteChecker({ genesisTimeMs, clockAheadMsMax, isHonest, setOf });
    this.#run = run;
  }

  /** An honest key is about to sign. */
  signing(node: SimNode, statement: Statement, now: Millis): void {
    this.#pasts.signing(node.key, statement, node.disk);
    if (node.process === undefined) return;
    this.#votes.signing(node.key, statement, node.process.state, now);
  }

  recovered({ key, process }: SimNode): void {
    if (process !== undefined) this.#pasts.recovered(key, process.state);
  }

  stepped({ key, name, process }: SimNode): void {
    if (process === undefined) return;
    this.#votes.stepped(key, process.state);
    if (!this.#run.isVoid(process.state.ledger)) this.#run.clock.stepped(name, process.state);
  }

  /** After the run's own checkers have seen the effect. */
  performed({ key }: SimNode, effect: ReplicaEffect): void {
    if (effect.kind === "store" && effect.record.kind === "committed") {
      this.#votes.checkCommit(key, effect.record.proof);
    } else if (effect.kind === "store" && effect.record.kind === "epoch") {
      this.#votes.checkEpochProof(key, effect.record.proof);
    } else if (effect.kind === "epoch-started" && effect.proof.repair !== undefined) {
      const { nextSet, certificate } = effect.proof;
      this.#votes.epochEnded(nextSet.epoch, certificate.result);
      this.#height = this.#run.height;
    } else if (effect.kind === "executed" && this.#run.height > this.#height) {
      const { result, nextSet } = effect.execution;
      this.#height = result.height;
      if (nextSet !== undefined) this.#votes.epochEnded(nextSet.epoch, result);
    }
  }
}
