import type { Effect } from "../consensus/effects.ts";
import type { Input } from "../consensus/inputs.ts";
import { step } from "../consensus/step.ts";
import { answerCertified, noteCertificate } from "./answers.ts";
import { searchDivergence } from "./difference.ts";
import { canExecute, executeCommitted } from "./execution.ts";
import { noteInvalidVote, noteMisconduct } from "./proofs.ts";
import { followRepair, refuseEndorsement } from "./repair.ts";
import { change, type Work } from "./work.ts";

/** What follows from the effects of one step, for the core. */
interface Next {
  readonly executes: Execute[];
  readonly inputs: Input[];
}

type Execute = Extract<Effect, { readonly kind: "execute" }>;

/** Acts on one effect of the core; what only the shell can do goes on to the shell. */
function applyEffect(work: Work, effect: Effect, next: Next): void {
  switch (effect.kind) {
    case "execute":
      next.executes.push(effect);
      return;
    case "sign": {
      const reason = refuseEndorsement(work, effect.statement);
      if (reason === undefined) work.effects.push(effect);
      else next.inputs.push({ kind: "refused", statement: effect.statement, reason });
      return;
    }
    case "misconduct":
      noteMisconduct(work, effect.first, effect.second);
      return;
    case "invalid-vote":
      noteInvalidVote(work, effect.vote, effect.block);
      return;
    case "certified":
      noteCertificate(work, effect.certificate);
      work.effects.push(effect);
      answerCertified(work);
      return;
    case "epoch-started":
      followRepair(work, effect.proof);
      // A restart tells of every epoch again: only the next unknown one is new.
      if (effect.proof.nextSet.epoch === work.state.epochProofs.length + 2) {
        change(work, { epochProofs: [...work.state.epochProofs, effect.proof] });
      }
      work.effects.push(effect);
      return;
    case "halt":
    case "restart":
      change(work, { halted: effect.reason });
      work.effects.push(effect);
      if (effect.kind === "halt" && effect.differs !== undefined) {
        searchDivergence(work, effect.differs);
      }
      return;
    default:
      work.effects.push(effect);
  }
}

/**
 * Feeds one input to the core and every block that it commits to the ledger, until nothing is left
 * to execute. Execution is one call (`executeCommitted`), so that it can move to a worker.
 */
export function feedConsensus(work: Work, input: Input): void {
  const inputs: Input[] = [input];
  for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
    const result = step(work.state.consensus, next, work.now);
    change(work, { consensus: result.state });
    const executes: Execute[] = [];
    for (const effect of result.effects) applyEffect(work, effect, { executes, inputs });
    for (const execute of executes) {
      if (!canExecute(work, execute.block.block.height)) return;
      inputs.push(executeCommitted(work, execute));
    }
  }
}
