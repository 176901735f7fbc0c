import type { Condition, ConditionType, ValidatorSetStatus } from "../api/v1alpha1/types.ts";
import type { Refusal } from "../decide/decision.ts";
import { quorumSafety } from "../decide/failure-domains.ts";
import { maintenanceOf } from "../decide/maintenance.ts";
import { liquidationWave, WAVE_HOLD_MS } from "../decide/margin-wave.ts";
import type { Pass } from "./pass.ts";

/** What a condition says, before its times. */
export interface Judgement {
  readonly type: ConditionType;
  readonly status: Condition["status"];
  readonly reason: string;
  readonly message: string;
}

/** What of the new status the conditions look at. */
type Counted = Pick<ValidatorSetStatus, "birth" | "members" | "voters" | "spares">;

const MESSAGE_MAX = 4_096;

/** Refusals that hold everything, most telling first: the others follow from them. */
const HOLD_ORDER: readonly string[] = [
  "Paused",
  "LeaseStale",
  "CheckpointExpired",
  "ChainUnreachable",
  "ChainHalted",
  "Blind",
  "Partitioned",
];

/** Refusals of one member's rotation that mean: something is wanted and is held back. */
const WANTED: ReadonlySet<string> = new Set([
  "ObserveMode",
  "AwaitingApproval",
  "PlanChanged",
  "ApprovalExpired",
  "InMaintenance",
  "CorrelatedFailure",
  "FaultBudgetSpent",
  "DailyBudgetSpent",
  "BackOff",
  "NoFitSpare",
  "NotSent",
]);

/** The refusal's reason as the condition Held has it. */
export function holdReason({ rule, reason }: Refusal): string {
  return rule === "S9" ? "Blind" : reason;
}

/** Why nothing is done though something is wanted, or nothing may be done at all. */
export function holdOf({ decision, birth }: Pass): Refusal | undefined {
  if (birth.phase !== "Alive") return decision.refusals.find(({ reason }) => reason === "Paused");
  const rank = (refusal: Refusal): number => {
    const at = HOLD_ORDER.indexOf(holdReason(refusal));
    return at === -1 ? HOLD_ORDER.length : at;
  };
  const holds = decision.refusals.filter(({ member }) => member === undefined);
  const [first] = holds.toSorted((left, right) => rank(left) - rank(right));
  return first ?? decision.refusals.find((refusal) => WANTED.has(holdReason(refusal)));
}

function ready(pass: Pass, { birth, members, voters }: Counted): Omit<Judgement, "type"> {
  const { set, chain, pods } = pass.observed.observation;
  const no = (reason: string, message: string) => ({ status: "False" as const, reason, message });
  if (birth.phase !== "Alive") {
    return no("NotBorn", `${birth.asked} of ${set.spec.replicas} founders have shown their keys`);
  }
  if (chain.kind !== "verified") return no("ChainUnreachable", "the chain could not be verified");
  const halted = pass.decision.refusals.find(({ reason }) => reason === "ChainHalted");
  if (halted !== undefined) return no("ChainHalted", halted.message);
  const away = members
    .filter(({ role }) => role === "Voter")
    .filter(({ name }) => pods.find(({ member }) => member === name)?.ready !== true)
    .map(({ name }) => name);
  if (away.length > 0) return no("MembersNotReady", `not ready: ${away.join(", ")}`);
  const message = `${voters} voters are in their places, the chain commits`;
  return { status: "True", reason: "AllInPlace", message };
}

function reconciling(pass: Pass, { birth, spares }: Counted): Omit<Judgement, "type"> {
  const yes = (reason: string, message: string) => ({ status: "True" as const, reason, message });
  const { applied, desired, observed } = pass;
  const { set, rotations } = observed.observation;
  if (birth.phase !== "Alive") return yes("Birth", `phase ${birth.phase}`);
  const flying = rotations.find(({ status }) => isUnderWay(status?.phase));
  if (flying !== undefined) return yes("RotationUnderWay", flying.metadata.name);
  if (desired.rollout !== undefined) return yes("Upgrading", desired.rollout.message);
  const written = [...(applied?.created ?? []), ...(applied?.applied ?? [])];
  if (written.length > 0 || desired.newMembers.length > 0 || applied?.removed !== undefined) {
    const names = [...new Set(written.map(({ kind, metadata }) => `${kind} ${metadata.name}`))];
    return yes("Applying", names.join(", ") || "a pod is removed");
  }
  const [withheld] = desired.withheld;
  if (withheld !== undefined) return yes(withheld.reason, withheld.message);
  if (spares < set.spec.spares) {
    return yes("SpareMissing", `${spares} of ${set.spec.spares} spares are fit`);
  }
  return { status: "False", reason: "UpToDate", message: "everything is as the spec wants it" };
}

function isUnderWay(phase: string | undefined): boolean {
  return phase === "Submitted" || phase === "Effective";
}

function stalled({ observed, birth, spare, applied, desired }: Pass): Omit<Judgement, "type"> {
  if (birth.problem !== undefined) return { status: "True", ...birth.problem };
  const foreign = applied?.foreign ?? [];
  if (foreign.length > 0) {
    const message = `not this set's, and never used: ${foreign.join(", ")}; rename or delete it`;
    return { status: "True", reason: "ForeignObject", message };
  }
  const [problem] = observed.problems ?? [];
  if (problem !== undefined) {
    return { status: "True", reason: problem.reason, message: problem.message };
  }
  const { rollout } = desired;
  if (rollout?.reason === "UpgradeHalted") return { status: "True", ...rollout };
  if (spare?.isProblem === true) {
    return { status: "True", reason: spare.reason, message: spare.message };
  }
  const wrong = maintenanceOf(observed.observation).problem;
  if (wrong !== undefined) return { status: "True", ...wrong };
  return { status: "False", reason: "Progressing", message: "nothing waits for a person's fix" };
}

function trusted({ findings, birth }: Pass): Omit<Judgement, "type"> {
  const { trust } = findings;
  if (birth.phase !== "Alive") {
    return { status: "Unknown", reason: "NotBorn", message: "there is no chain to compare with" };
  }
  const status = trust.trusted ? "True" : "False";
  return { status, reason: trust.reason, message: trust.message };
}

function quorumSafe({ observed, decision }: Pass): Omit<Judgement, "type"> {
  const { observation } = observed;
  const { chain } = observation;
  if (chain.kind !== "verified") {
    const isBorn = chain.kind !== "unborn";
    const reason = isBorn ? "ChainUnreachable" : "NotBorn";
    return { status: "Unknown", reason, message: "no verified set to judge" };
  }
  const { budget } = decision;
  if (budget !== undefined && BigInt(budget.used) > BigInt(budget.f)) {
    const message = `members with power ${budget.used} are down, f is ${budget.f}`;
    return { status: "False", reason: "FaultBudgetSpent", message };
  }
  const safety = quorumSafety(observation, chain.chain);
  const { reason, message } = safety;
  return { status: safety.safe ? "True" : "False", reason, message };
}

function rotating({ observed, rotations }: Pass): Omit<Judgement, "type"> {
  const changed = new Map(
    rotations.map(({ rotation, status }) => [rotation.metadata.name, status]),
  );
  const flying = observed.observation.rotations.find(({ metadata, status }) =>
    isUnderWay((changed.get(metadata.name) ?? status)?.phase),
  );
  if (flying === undefined) return { status: "False", reason: "NoRotation", message: "" };
  const { phase, message } = changed.get(flying.metadata.name) ?? flying.status ?? {};
  const says = `${flying.metadata.name}: ${message ?? ""}`;
  return { status: "True", reason: `Rotation${phase ?? "Planned"}`, message: says };
}

function held(pass: Pass): Omit<Judgement, "type"> {
  const refusal = holdOf(pass);
  if (refusal === undefined) return { status: "False", reason: "NothingHeld", message: "" };
  const message = `${refusal.rule}: ${refusal.message}`;
  return { status: "True", reason: holdReason(refusal), message };
}

/** Rule S18; how long it lasts is read from here again. */
function marginCalm({ observed, findings, birth }: Pass): Omit<Judgement, "type"> {
  const { observation } = observed;
  const unknown = (reason: string, message: string) => {
    return { status: "Unknown" as const, reason, message };
  };
  if (birth.phase !== "Alive") return unknown("NotBorn", "there is no margin engine yet");
  const wave = liquidationWave(observation);
  if (wave === undefined) {
    const { trusted: isTrusted, reason, message } = findings.trust;
    if (!isTrusted) return unknown(reason, message);
    return { status: "True", reason: "NothingLiquidated", message: "" };
  }
  const minutes = WAVE_HOLD_MS / 60_000;
  const what = "upgrades, drains and a lower number of spares";
  const waits = wave.holds ? `wait, at most ${minutes} min` : `wait no longer`;
  const message = `accounts that are being liquidated: ${wave.accounts}; ${what} ${waits}`;
  return { status: "False", reason: "AccountsLiquidated", message };
}

export function judge(pass: Pass, counted: Counted): readonly Judgement[] {
  return [
    { type: "Ready", ...ready(pass, counted) },
    { type: "Reconciling", ...reconciling(pass, counted) },
    { type: "Stalled", ...stalled(pass) },
    { type: "SignalsTrusted", ...trusted(pass) },
    { type: "QuorumSafe", ...quorumSafe(pass) },
    { type: "RotationInProgress", ...rotating(pass) },
    { type: "Held", ...held(pass) },
    { type: "MarginCalm", ...marginCalm(pass) },
  ];
}

/** The judgements with their times: a transition is a change of `status`, of nothing else. */
export function conditionsOf(
  judgements: readonly Judgement[],
  before: readonly Condition[],
  at: { readonly now: string; readonly generation: number },
): readonly Condition[] {
  return judgements.map(({ type, status, reason, message }) => {
    const last = before.find((each) => each.type === type);
    const same = last?.status === status ? last.lastTransitionTime : undefined;
    return {
      type,
      status,
      reason,
      message: message.slice(0, MESSAGE_MAX),
      lastTransitionTime: same ?? at.now,
      observedGeneration: at.generation,
    };
  });
}
