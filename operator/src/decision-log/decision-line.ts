import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { decide } from "../decide/decide.ts";
import type { Decision } from "../decide/decision.ts";
import { detect } from "../detect/detect.ts";
import type { Findings } from "../detect/verdict.ts";
import type { Observation } from "../observe/observation.ts";
import { firstDifference, fromPlain, type Plain, toPlain } from "./plain-value.ts";

/** Of what a line holds; raised with every change that an older reader cannot read. */
export const DECISION_FORMAT = 1;
/** What log lines with a decision say, so that they are found among others. */
export const DECISION_MESSAGE = "decision";

/** Many times what a set of 128 members makes. */
const OBSERVATION_BYTES_MAX = 256 * 1_024 * 1_024;

/** What one pass saw, and what it found and decided on that. */
export interface PassRecord {
  readonly observation: Observation;
  readonly findings: Findings;
  readonly decision: Decision;
}

/** The field `decision` of a log line. */
export interface DecisionLine {
  readonly format: number;
  readonly namespace: string;
  readonly set: string;
  readonly uid: string;
  /** When the pass looked, ms since the Unix epoch. */
  readonly atMs: number;
  /**
   * JSON, gzip, base64: what every observer says of every member grows with the square of their
   * number, nearly all of it the same keys.
   */
  readonly observation: string;
  readonly findings: Plain;
  readonly decision: Plain;
}

/** @throws TypeError where the pass holds what JSON cannot keep. */
export function decisionLine({ observation, findings, decision }: PassRecord): DecisionLine {
  const { namespace = "", name, uid = "" } = observation.set.metadata;
  return {
    format: DECISION_FORMAT,
    namespace,
    set: name,
    uid,
    atMs: observation.nowMs,
    observation: packed(toPlain(withoutUnused(observation), "observation")),
    findings: toPlain(findings, "findings"),
    decision: toPlain(decision, "decision"),
  };
}

/** `kubectl apply` keeps the whole object there once more. */
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * Without what no rule looks at: price sources, which a person may have put addresses of their own
 * into, and who wrote which field.
 */
function withoutUnused(observation: Observation): Observation {
  const { managedFields: _, ...metadata } = observation.set.metadata as Managed;
  const annotations = Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([name]) => name !== LAST_APPLIED),
  );
  const set = { ...observation.set, metadata: { ...metadata, annotations } };
  return { ...observation, set, priceSources: undefined };
}

type Managed = Observation["set"]["metadata"] & { readonly managedFields?: unknown };

function packed(value: Plain): string {
  return gzipSync(JSON.stringify(value)).toString("base64");
}

/**
 * What a reader of the log can see of the observation, as JSON.
 * @throws Error on what `decisionLine` does not write.
 */
export function observationText({ observation }: Pick<DecisionLine, "observation">): string {
  const limit = { maxOutputLength: OBSERVATION_BYTES_MAX };
  return gunzipSync(Buffer.from(observation, "base64"), limit).toString("utf8");
}

const plain = z.custom<Plain>((value) => value !== undefined);
const logged = z.object({
  msg: z.literal(DECISION_MESSAGE),
  decision: z.object({
    format: z.number(),
    namespace: z.string(),
    set: z.string(),
    uid: z.string(),
    atMs: z.number(),
    observation: z.string(),
    findings: plain,
    decision: plain,
  }),
});

/** The decision in a line of the log, parsed as JSON; a text is the path of what is wrong. */
export function parseDecision(line: unknown): DecisionLine | string {
  const parsed = logged.safeParse(line);
  return parsed.success ? parsed.data.decision : (parsed.error.issues[0]?.path.join(".") ?? "");
}

export interface Replayed {
  readonly line: DecisionLine;
  readonly findings: Findings;
  readonly decision: Decision;
  /** First field in which what this program decides differs from what was logged. */
  readonly differs: string | undefined;
}

/**
 * Decides once more on what the pass saw, with the very functions of the operator.
 * @throws Error on a line that `decisionLine` does not write.
 */
export function replay(line: DecisionLine): Replayed {
  const observation = fromPlain(JSON.parse(observationText(line)), "observation") as Observation;
  const findings = detect(observation);
  const decision = decide(observation, findings);
  const differs =
    firstDifference(line.findings, toPlain(findings), "findings") ??
    firstDifference(line.decision, toPlain(decision), "decision");
  return { line, findings, decision, differs };
}
