import type { Millis } from "../kernel/scalars.ts";
import { answerAll } from "./answers.ts";
import { isMember } from "./consensus-view.ts";
import { feedConsensus } from "./core.ts";
import { onStateMessage } from "./difference.ts";
import { onSigned, reportPrice, runDuties, setDutyTimer } from "./duties.ts";
import { announcePins } from "./execution.ts";
import { abandon, submit } from "./submissions.ts";
import type { ReplicaInput, ReplicaState, ReplicaStep } from "./types.ts";
import type { Work } from "./work.ts";

const NO_LONGER = {
  code: "NOT_A_VALIDATOR",
  field: "node",
  fix: "this node left the set before the transaction was ordered: submit the same bytes elsewhere",
};

function act(work: Work, input: ReplicaInput): void {
  switch (input.kind) {
    case "submit":
      submit(work, input.submissions);
      return;
    case "abandon":
      abandon(work, input.request, input.transaction);
      return;
    case "price":
      reportPrice(work, input);
      return;
    case "signed":
      onSigned(work, input.signed);
      return;
    case "timer":
      if (input.timer === "duties") runDuties(work);
      else feedConsensus(work, { kind: "timer", timer: input.timer });
      return;
    case "message": {
      const { body } = input.message;
      if (body.kind === "state-request" || body.kind === "state-response") {
        onStateMessage(work, input.from, body);
      } else feedConsensus(work, input);
      return;
    }
    case "start":
      announcePins(work);
      setDutyTimer(work);
      feedConsensus(work, input);
      return;
    default:
      feedConsensus(work, input);
  }
}

/**
 * One step of the whole replica: consensus, execution of what it commits, answers and duties.
 * Pure: never changes its argument, same inputs give same effects. `now` is the local clock in ms
 * since the Unix epoch. Broken invariants throw AssertionError: the shell must end the process.
 */
export function stepReplica(state: ReplicaState, input: ReplicaInput, now: Millis): ReplicaStep {
  const work: Work = { state, effects: [], now };
  act(work, input);
  if (work.state.halted !== undefined && state.halted === undefined) {
    const fix = "this node has stopped: submit the same bytes to another validator";
    answerAll(work, { code: "HALTED", field: "node", fix });
  } else if (isMember(state) && !isMember(work.state)) {
    answerAll(work, NO_LONGER);
  }
  return { state: work.state, effects: work.effects };
}
