import { InputError } from "@quorate/client/errors";
import {
  DECISION_FORMAT,
  DECISION_MESSAGE,
  type DecisionLine,
  parseDecision,
  type Replayed,
  replay,
} from "@quorate/operator/decision-log/decision-line";
import type { CommandOutput } from "../output.ts";
import { table } from "../table.ts";

interface ReplayedDecision {
  /** Of the file, from 1. */
  readonly line: number;
  readonly atMs: number;
  readonly namespace: string;
  readonly set: string;
  readonly verdicts: readonly {
    readonly kind: string;
    readonly member: string;
    readonly certainty: string;
  }[];
  readonly plan: {
    readonly cause: string;
    readonly member: string;
    readonly effect: string;
  } | null;
  readonly refusals: readonly { readonly rule: string; readonly reason: string }[];
  /** First field that comes out otherwise here; null: the same decision. */
  readonly differs: string | null;
}

export interface ReplayDocument {
  readonly command: "replay";
  readonly decisions: readonly ReplayedDecision[];
  readonly reproduced: number;
  readonly different: number;
  /** Lines that tell of no decision. */
  readonly otherLines: number;
  /** The last line is cut off: whoever wrote it was still at it. */
  readonly isTorn: boolean;
}

const NAMES_DECISION = `"msg":"${DECISION_MESSAGE}"`;

function malformed(file: string, line: number, fix: string, cause?: unknown): InputError {
  const field = `${file} line ${line}`;
  return new InputError({ code: "DECISION_MALFORMED", field, fix }, { cause });
}

/** What stands in front of a log line: `kubectl logs --prefix --timestamps` writes there. */
function jsonOf(text: string): unknown {
  return JSON.parse(text.slice(Math.max(0, text.indexOf("{"))));
}

function parseLine(file: string, number: number, text: string): DecisionLine {
  const wrong = "it is no decision as the operator logs it: give its log, unchanged";
  let read: unknown;
  try {
    read = jsonOf(text);
  } catch (cause) {
    throw malformed(file, number, wrong, cause);
  }
  const decision = parseDecision(read);
  if (typeof decision === "string") throw malformed(file, number, `${wrong} (${decision})`);
  if (decision.format === DECISION_FORMAT) return decision;
  const fix = `it has format ${decision.format}, this program reads ${DECISION_FORMAT}`;
  throw malformed(file, number, `${fix}: replay it with the version that wrote it`);
}

function replayLine(file: string, number: number, line: DecisionLine): Replayed {
  try {
    return replay(line);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw malformed(file, number, `it cannot be decided on: ${said}`, cause);
  }
}

/**
 * Decides again on every decision of an operator's log. Other lines are passed over; a last line
 * that is cut off is told of.
 */
export function replayLog(
  { name, text }: { readonly name: string; readonly text: string },
  only: string | undefined,
): CommandOutput & { readonly document: ReplayDocument } {
  const decisions: ReplayedDecision[] = [];
  let otherLines = 0;
  let isTorn = false;
  const lines = text.split("\n");
  for (const [at, line] of lines.entries()) {
    if (line === "") continue;
    if (!line.includes('"decision":{') && !line.includes(NAMES_DECISION)) {
      otherLines += 1;
      continue;
    }
    // Without its end of line it may be half of one.
    if (at === lines.length - 1 && !line.trimEnd().endsWith("}")) {
      isTorn = true;
      continue;
    }
    const parsed = parseLine(name, at + 1, line);
    if (only !== undefined && only !== `${parsed.namespace}/${parsed.set}`) continue;
    decisions.push(told(at + 1, replayLine(name, at + 1, parsed)));
  }
  if (decisions.length === 0) {
    const of = only === undefined ? "" : ` of ${only}`;
    const fix = `it has no decision${of}: give the operator's log, as kubectl logs prints it`;
    throw new InputError({ code: "NO_DECISIONS", field: name, fix });
  }
  const different = decisions.filter(({ differs }) => differs !== null).length;
  const reproduced = decisions.length - different;
  const counts = { reproduced, different, otherLines, isTorn };
  const document = { command: "replay", decisions, ...counts } as const;
  return { document, lines: linesOf(document) };
}

function told(line: number, { line: logged, findings, decision, differs }: Replayed) {
  const { atMs, namespace, set } = logged;
  const { plan, refusals } = decision;
  return {
    ...{ line, atMs, namespace, set },
    verdicts: findings.verdicts.map(({ kind, member, certainty }) => ({ kind, member, certainty })),
    plan: plan === undefined ? null : planOf(plan),
    refusals: refusals.map(({ rule, reason }) => ({ rule, reason })),
    differs: differs ?? null,
  };
}

function planOf({ cause, member, effect }: NonNullable<ReplayedDecision["plan"]>) {
  return { cause, member, effect };
}

function linesOf({ decisions, reproduced, different, isTorn }: ReplayDocument): readonly string[] {
  const left = ["time", "set", "verdicts", "decision", "here"];
  const rows = decisions.map(({ atMs, namespace, set, verdicts, plan, refusals, differs }) => [
    new Date(atMs).toISOString(),
    `${namespace}/${set}`,
    verdicts.map(({ kind, member }) => `${kind} ${member.slice(0, 8)}`).join(", ") || "-",
    plan === null
      ? refusals.map(({ rule, reason }) => `${rule} ${reason}`).join(", ") || "nothing to do"
      : `${plan.effect} ${plan.member.slice(0, 8)} (${plan.cause})`,
    differs === null ? "the same" : `differs: ${differs}`,
  ]);
  const columns = left.map((title) => ({ title, align: "left" as const }));
  const torn = isTorn ? ["the last line is cut off: left out"] : [];
  const sum = `${reproduced} decided the same here, ${different} otherwise`;
  return [...table(columns, rows), ...torn, sum];
}
