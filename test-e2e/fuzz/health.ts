import { get } from "node:http";
import { processUsage } from "../load/process-usage.ts";
import type { NetworkNode } from "../network/network.ts";

/** No answer for this long, from a process that has nothing to wait for, is a stall. */
const STALL_MS = 5_000;

interface Sample {
  readonly atMs: number;
  readonly residentMiB: number;
  readonly height: number;
}

export interface NodeHealth {
  readonly name: string;
  /** Resident memory at the end of the warm-up and at the end, and what it grew by in between. */
  readonly residentMiB: { readonly warm: number; readonly end: number };
  /** Slope of a straight line through all samples after the warm-up. */
  readonly growthMiBPerMinute: number;
  /** Longest answer of the metrics listener. */
  readonly slowestAnswerMs: number;
  /** Greatest 99th percentile of the event loop's delay in any second. */
  readonly loopLagMs: number;
  readonly malformed: number;
  readonly refused: number;
  readonly heights: number;
}

/** Watches one node from outside while others do their worst. */
export class Health {
  readonly #node: NetworkNode;
  readonly #honest: readonly string[];
  readonly #pid: number | undefined;
  readonly #samples: Sample[] = [];
  readonly violations: string[] = [];
  #slowestMs = 0;
  #lagMs = 0;
  #malformed = 0;
  #refused = 0;

  /** `honest` are the network keys of the other honest nodes. */
  constructor(node: NetworkNode, honest: readonly string[]) {
    this.#node = node;
    this.#honest = honest;
    this.#pid = node.process.pid;
  }

  async sample(): Promise<void> {
    const { place, process } = this.#node;
    if (process.pid === undefined || process.pid !== this.#pid) {
      this.#violate(`${place.name} ended`);
      return;
    }
    const beforeMs = performance.now();
    const text = await scrape(place.metrics).catch(() => undefined);
    const tookMs = performance.now() - beforeMs;
    this.#slowestMs = Math.max(this.#slowestMs, tookMs);
    if (text === undefined) {
      this.#violate(`${place.name} gave no answer for ${STALL_MS} ms`);
      return;
    }
    this.#read(text, beforeMs);
  }

  #read(text: string, atMs: number): void {
    const { place, process } = this.#node;
    const height = gauge(text, "quorate_certified_height");
    const residentMiB = processUsage(process.pid ?? 0)?.residentMiB ?? 0;
    this.#samples.push({ atMs, residentMiB, height });
    this.#lagMs = Math.max(this.#lagMs, gauge(text, "quorate_event_loop_lag_seconds") * 1_000);
    this.#malformed = sum(text, "quorate_messages_malformed_total");
    this.#refused = sum(text, "quorate_messages_refused_total");
    for (const peer of this.#honest) {
      if (gauge(text, `quorate_peer_connected{peer="${peer}"}`) === 1) continue;
      this.#violate(`${place.name} dropped the honest peer ${peer.slice(0, 12)}`);
    }
  }

  #violate(what: string): void {
    if (!this.violations.includes(what)) this.violations.push(what);
  }

  report(warmUpMs: number): NodeHealth {
    const [first] = this.#samples;
    const after = this.#samples.filter(({ atMs }) => atMs - (first?.atMs ?? 0) >= warmUpMs);
    const [warm, end] = [after[0], after.at(-1)];
    return {
      name: this.#node.place.name,
      residentMiB: { warm: warm?.residentMiB ?? 0, end: end?.residentMiB ?? 0 },
      growthMiBPerMinute: Math.round(slope(after) * 60_000 * 10) / 10,
      slowestAnswerMs: Math.round(this.#slowestMs),
      loopLagMs: Math.round(this.#lagMs),
      malformed: this.#malformed,
      refused: this.#refused,
      heights: (end?.height ?? 0) - (first?.height ?? 0),
    };
  }
}

/** Least squares, MiB a millisecond. */
function slope(samples: readonly Sample[]): number {
  const count = samples.length;
  const meanX = samples.reduce((all, { atMs }) => all + atMs, 0) / count;
  const meanY = samples.reduce((all, { residentMiB }) => all + residentMiB, 0) / count;
  let [up, across] = [0, 0];
  for (const { atMs, residentMiB } of samples) {
    up += (atMs - meanX) * (residentMiB - meanY);
    across += (atMs - meanX) ** 2;
  }
  return across === 0 ? 0 : up / across;
}

function scrape(address: string): Promise<string> {
  const [host, port] = address.split(":");
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path: "/metrics", agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve(Buffer.concat(parts).toString("utf8")));
    });
    request.setTimeout(STALL_MS, () => request.destroy(new Error("no answer")));
    request.on("error", reject);
  });
}

function gauge(text: string, name: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

function sum(text: string, name: string): number {
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`))
    .reduce((all, line) => all + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
