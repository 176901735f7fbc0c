import { InputError } from "@quorate/client/errors";
import { membersOf } from "@quorate/operator/plan/set-record";
import { type Pod, pods } from "@quorate/runtime/resources";
import { ApiError } from "@quorate/runtime/transport";
import type { CommandOutput } from "../output.ts";
import { ClusterRefusal } from "./errors.ts";
import type { Cluster } from "./ports.ts";
import { findMember, listSets, readRecord, readSet } from "./read-set.ts";

export const OPERATOR = {
  namespace: "quorate-system",
  name: "quorate-operator",
  selector: "app.kubernetes.io/name=quorate-operator",
} as const;

export interface LogQuestion {
  readonly name: string | undefined;
  readonly member: string | undefined;
  readonly namespace: string | undefined;
  readonly operator: boolean;
  readonly tail: number | undefined;
}

interface Source {
  readonly namespace: string;
  readonly name: string;
}

function key({ metadata }: Pod): Source {
  return { namespace: metadata.namespace ?? "", name: metadata.name };
}

/** The pods whose logs are asked for; refused where there is none. */
async function sourcesOf(cluster: Cluster, question: LogQuestion): Promise<readonly Source[]> {
  const { name, member, namespace, operator } = question;
  if (operator) {
    if (name !== undefined) {
      const fix = "leave NAME out, or --operator";
      throw new InputError({ code: "ARGUMENT_CONFLICT", field: "--operator", fix });
    }
    const own = { namespace: OPERATOR.namespace, labelSelector: OPERATOR.selector };
    const found = await cluster.kube.list(pods, own);
    if (found.length > 0) return found.map(key);
    const fix = `namespace ${OPERATOR.namespace} has no pod of the operator: see up`;
    throw new ClusterRefusal({ code: "POD_NOT_FOUND", field: "--operator", fix });
  }
  const set = name === undefined ? await onlySet(cluster, namespace) : { name, namespace };
  await readSet(cluster, set);
  const record = await readRecord(cluster, set);
  const wanted = member === undefined ? membersOf(record) : [findMember(record, member)];
  const found = record.pods.filter(({ metadata }) =>
    wanted.some((each) => each.name === metadata.name),
  );
  if (found.length > 0) return found.map(key);
  const names = wanted.map((each) => each.name).join(", ") || record.set.metadata.name;
  const fix = `${names} has no pod now: see why ${record.set.metadata.name}`;
  throw new ClusterRefusal({ code: "POD_NOT_FOUND", field: "MEMBER", fix });
}

async function onlySet(cluster: Cluster, namespace: string | undefined) {
  const sets = await listSets(cluster, namespace);
  const [only] = sets;
  if (only !== undefined && sets.length === 1) {
    return { name: only.metadata.name, namespace: only.metadata.namespace };
  }
  const all = sets.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(", ");
  const fix = `name one ValidatorSet, or --operator; the cluster has ${all || "none"}`;
  throw new InputError({ code: "ARGUMENT_MISSING", field: "NAME", fix });
}

interface LogLine {
  readonly pod: string;
  readonly at: string;
  readonly text: string;
}

async function readAll(
  cluster: Cluster,
  source: Source,
  tail: number | undefined,
  signal: AbortSignal,
): Promise<readonly LogLine[]> {
  const lines: LogLine[] = [];
  const options = { follow: false, timestamps: true, ...(tail === undefined ? {} : { tail }) };
  try {
    for await (const line of cluster.logs(source, options, signal)) {
      const [at = ""] = line.split(" ", 1);
      lines.push({ pod: source.name, at, text: line.slice(at.length + 1) });
    }
  } catch (error) {
    // A container that has not started has no log; the others have.
    if (!(error instanceof ApiError) || error.status !== 400) throw error;
    lines.push({ pod: source.name, at: "", text: `(${error.message})` });
  }
  return lines;
}

/** What the pods have logged until now, in the order of time, each line with its pod's name. */
export async function logs(
  cluster: Cluster,
  question: LogQuestion,
  signal: AbortSignal,
): Promise<CommandOutput> {
  const sources = await sourcesOf(cluster, question);
  const read = await Promise.all(
    sources.map((source) => readAll(cluster, source, question.tail, signal)),
  );
  const lines = read.flat().toSorted((left, right) => left.at.localeCompare(right.at));
  const document = { command: "logs", lines };
  return { document, lines: lines.map(({ pod, text }) => `${pod}  ${text}`) };
}

/** The same and all that comes, until the pods or the signal end it. */
export async function followLogs(
  cluster: Cluster,
  question: LogQuestion,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const sources = await sourcesOf(cluster, question);
  const { tail } = question;
  const options = { follow: true, timestamps: false, ...(tail === undefined ? {} : { tail }) };
  await Promise.all(
    sources.map(async (source) => {
      for await (const line of cluster.logs(source, options, signal)) {
        print(`${source.name}  ${line}`);
      }
    }),
  );
}
