import { defined } from "../../src/kernel/assert.ts";
import type { ResultCertificate } from "../../src/kernel/certificates.ts";
import type { Millis } from "../../src/kernel/scalars.ts";
import { signingBytes } from "../../src/kernel/statements.ts";
import { encodeGenesis, genesisHash } from "../../src/ledger/genesis.ts";
import { PROTOCOLS } from "../../src/ledger/protocol.ts";
import { recoverReplica } from "../../src/replica/state.ts";
import { stepReplica } from "../../src/replica/step.ts";
import type {
  ReplicaEffect,
  ReplicaInput,
  ReplicaState,
  ReplicaTimer,
} from "../../src/replica/types.ts";
import { GENESIS_MS, keyOf, scheme, sign, testGenesis } from "../ledger/test-chain.ts";

/** The chain of one validator: its own vote is a quorum, and the caller owns time. */
export class SoloReplica {
  readonly #timers = new Map<ReplicaTimer, Millis>();
  readonly #inputs: ReplicaInput[] = [];
  #now: Millis = GENESIS_MS;
  #started = false;
  state: ReplicaState;
  readonly #observe: (effect: ReplicaEffect) => void;

  /** `observe` hears of every effect. */
  constructor(observe: (effect: ReplicaEffect) => void = () => undefined) {
    this.#observe = observe;
    const genesis = testGenesis({ owners: ["a"] });
    const chainId = genesisHash(encodeGenesis(genesis));
    const self = { key: keyOf("seat0"), networkKey: keyOf("network seat0") };
    const nothing = { journal: [], chain: [] };
    this.state = recoverReplica({ chainId, genesis, self, scheme, protocols: PROTOCOLS }, nothing);
  }

  /** Takes the input and all that follows from it at this moment. */
  push(input: ReplicaInput): void {
    this.#inputs.push(input);
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      this.#step(next);
    }
  }

  /**
   * Starts it at first; lets time pass until the height is certified, and returns the newest
   * certificate.
   */
  certifyTo(height: number): ResultCertificate {
    if (!this.#started) this.push({ kind: "start" });
    this.#started = true;
    while ((this.state.certified?.certificate.result.height ?? 0) < height) this.#fireNext();
    return defined(this.state.certified, "certified state").certificate;
  }

  #fireNext(): void {
    const due = [...this.#timers].toSorted(([, left], [, right]) => left - right);
    const [timer, at] = defined(due[0], "a timer");
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, at);
    this.push({ kind: "timer", timer });
  }

  #step(input: ReplicaInput): void {
    const { state, effects } = stepReplica(this.state, input, this.#now);
    this.state = state;
    const { chainId, self } = state.config;
    for (const effect of effects) {
      this.#observe(effect);
      if (effect.kind === "set-timer") this.#timers.set(effect.timer, effect.at);
      if (effect.kind === "cancel-timer") this.#timers.delete(effect.timer);
      if (effect.kind !== "sign") continue;
      const { statement } = effect;
      const signature = sign(self.key, signingBytes(chainId, statement));
      this.#inputs.push({ kind: "signed", signed: { statement, author: self.key, signature } });
    }
  }
}
