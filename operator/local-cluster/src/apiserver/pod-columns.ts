import { ageOf } from "./durations.ts";
import { type ApiObject, at, listAt, numberAt, textAt } from "./objects.ts";
import type { Cell } from "./table-form.ts";

const NONE = "<none>";

function condition(pod: ApiObject, type: string): string {
  const found = listAt(pod, "status", "conditions").find((one) => textAt(one, "type") === type);
  return textAt(found, "status");
}

/** The word of a container that does not simply run; empty for one that does. */
function stateWord(status: unknown): string {
  const waiting = textAt(status, "state", "waiting", "reason");
  if (waiting !== "") return waiting;
  const terminated = at(status, "state", "terminated");
  if (terminated === undefined) return "";
  const reason = textAt(terminated, "reason");
  if (reason !== "") return reason;
  const signal = numberAt(terminated, "signal") ?? 0;
  return signal !== 0 ? `Signal:${signal}` : `ExitCode:${numberAt(terminated, "exitCode") ?? 0}`;
}

/** The word of init containers that are not done; undefined once all are. */
function initWord(pod: ApiObject): string | undefined {
  const statuses = listAt(pod, "status", "initContainerStatuses");
  const total = listAt(pod, "spec", "initContainers").length;
  for (const [index, status] of statuses.entries()) {
    const terminated = at(status, "state", "terminated");
    if (terminated !== undefined && numberAt(terminated, "exitCode") === 0) continue;
    if (at(status, "started") === true && at(status, "ready") === true) continue;
    const word = stateWord(status);
    if (terminated !== undefined || (word !== "" && word !== "PodInitializing")) {
      return `Init:${word}`;
    }
    return `Init:${index}/${total}`;
  }
  return undefined;
}

function containersWord(pod: ApiObject, word: string): string {
  const statuses = listAt(pod, "status", "containerStatuses");
  let shown = word;
  let running = false;
  for (const status of [...statuses].reverse()) {
    const state = stateWord(status);
    if (state !== "") shown = state;
    else if (at(status, "ready") === true && at(status, "state", "running") !== undefined) {
      running = true;
    }
  }
  if (shown === "Completed" && running) {
    return condition(pod, "Ready") === "True" ? "Running" : "NotReady";
  }
  return shown;
}

/** STATUS as `kubectl get pods` prints it: printPod of pkg/printers/internalversion, 1.34. */
export function podStatus(pod: ApiObject): string {
  const reason = textAt(pod, "status", "reason");
  const gated = listAt(pod, "status", "conditions").some(
    (one) => textAt(one, "type") === "PodScheduled" && textAt(one, "reason") === "SchedulingGated",
  );
  const phase = textAt(pod, "status", "phase") || "Unknown";
  const base = gated ? "SchedulingGated" : reason || phase;
  const word = initWord(pod) ?? containersWord(pod, base);
  if (pod.metadata.deletionTimestamp === undefined) return word;
  if (reason === "NodeLost") return "Unknown";
  return phase === "Succeeded" || phase === "Failed" ? word : "Terminating";
}

function restarts(pod: ApiObject, nowMs: number): string {
  const statuses = listAt(pod, "status", "containerStatuses");
  const count = statuses.reduce<number>(
    (sum, one) => sum + (numberAt(one, "restartCount") ?? 0),
    0,
  );
  const ends = statuses
    .map((one) => textAt(one, "lastState", "terminated", "finishedAt"))
    .filter((time) => time !== "")
    .sort();
  const last = ends.at(-1);
  return count === 0 || last === undefined ? String(count) : `${count} (${ageOf(last, nowMs)} ago)`;
}

function readinessGates(pod: ApiObject): string {
  const gates = listAt(pod, "spec", "readinessGates");
  if (gates.length === 0) return NONE;
  const met = gates.filter((gate) => condition(pod, textAt(gate, "conditionType")) === "True");
  return `${met.length}/${gates.length}`;
}

export function podCells(pod: ApiObject, nowMs: number): Cell[] {
  const statuses = listAt(pod, "status", "containerStatuses");
  const ready = statuses.filter(
    (one) => at(one, "ready") === true && at(one, "state", "running") !== undefined,
  );
  return [
    pod.metadata.name,
    `${ready.length}/${listAt(pod, "spec", "containers").length}`,
    podStatus(pod),
    restarts(pod, nowMs),
    ageOf(pod.metadata.creationTimestamp, nowMs),
    textAt(pod, "status", "podIP") || NONE,
    textAt(pod, "spec", "nodeName") || NONE,
    textAt(pod, "status", "nominatedNodeName") || NONE,
    readinessGates(pod),
  ];
}
