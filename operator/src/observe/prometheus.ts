import { z } from "zod";
import type { HttpPort } from "../ports.ts";
import type { BlindReason, PeersReading } from "./observation.ts";
import { PEER_METRIC_NAMES, PEER_METRICS, peerSample, type Series } from "./peer-metrics.ts";

/** Samples older than this many scrape intervals say nothing about now (rule S9). */
const STALE_INTERVALS = 3;

export interface PrometheusAccess {
  /** http(s) base address. */
  readonly url: string;
  readonly token?: string;
  readonly ca?: string;
  readonly scrapeIntervalMs: number;
  readonly timeoutMs: number;
}

export interface PrometheusQuestion {
  readonly namespace: string;
  readonly set: string;
  /** Our own clock: a Prometheus whose clock differs shows stale samples. */
  readonly nowMs: number;
}

const vector = z.object({
  status: z.literal("success"),
  warnings: z.array(z.string()).optional(),
  data: z.object({
    resultType: z.literal("vector"),
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        value: z.tuple([z.number(), z.string()]),
      }),
    ),
  }),
});

type Vector = z.infer<typeof vector>["data"]["result"];

/** Thrown inside this file only: why nothing of it can be believed. */
class Blindness extends Error {
  readonly reason: BlindReason;
  constructor(message: string, why: { readonly reason: BlindReason } & ErrorOptions) {
    super(message, why);
    this.reason = why.reason;
  }
}

/**
 * The peers' view through Prometheus: everything that observers of this one set say, with the age
 * of each observer's samples. Any doubt about the source is blindness with its reason (rule S9).
 */
export async function readPrometheus(
  http: HttpPort,
  access: PrometheusAccess,
  question: PrometheusQuestion,
): Promise<PeersReading> {
  const only = `namespace=${quoted(question.namespace)},set=${quoted(question.set)}`;
  const names = [...PEER_METRIC_NAMES].join("|");
  try {
    const [values, times] = await Promise.all([
      query(http, access, `{__name__=~"${names}",${only}}`),
      query(http, access, `timestamp(${PEER_METRICS.certifiedHeight}{${only}})`),
    ]);
    return { kind: "read", samples: samplesOf(values, times, { access, question }) };
  } catch (error) {
    if (!(error instanceof Blindness)) throw error;
    return { kind: "blind", reason: error.reason, message: error.message };
  }
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, (character) => `\\${character}`)}"`;
}

async function query(http: HttpPort, access: PrometheusAccess, promql: string): Promise<Vector> {
  const { url, token, ca, timeoutMs } = access;
  const base = url.endsWith("/") ? url : `${url}/`;
  const address = `${base}api/v1/query?query=${encodeURIComponent(promql)}`;
  const answer = await ask(http, address, {
    timeoutMs,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(ca === undefined ? {} : { ca }),
  });
  if (answer.status !== 200) {
    throw new Blindness(`${url} answers HTTP ${answer.status}`, {
      reason: "PrometheusUnreachable",
    });
  }
  const parsed = vector.safeParse(json(answer.body));
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.join(".") ?? "";
    throw new Blindness(`${url}: ${where || "body"} is no instant vector`, {
      reason: "PrometheusMalformed",
    });
  }
  const [warning] = parsed.data.warnings ?? [];
  if (warning !== undefined) {
    throw new Blindness(`${url} warns: ${warning.slice(0, 200)}`, {
      reason: "PrometheusMalformed",
    });
  }
  return parsed.data.data.result;
}

async function ask(http: HttpPort, address: string, options: Parameters<HttpPort["get"]>[1]) {
  try {
    return await http.get(address, options);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Blindness(why.slice(0, 300), { reason: "PrometheusUnreachable", cause });
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value as the API writes it; Prometheus says "NaN", "+Inf" and "-Inf" for what is no number. */
function finite(text: string, metric: Readonly<Record<string, string>>): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  const name = metric["__name__"] ?? "a sample";
  throw new Blindness(`${name} is "${text}", which is no number`, {
    reason: "PrometheusMalformed",
  });
}

function samplesOf(
  values: Vector,
  times: Vector,
  { access, question }: { access: PrometheusAccess; question: PrometheusQuestion },
) {
  const byObserver = new Map<string, Series[]>();
  for (const { metric, value } of values) {
    const { __name__: name = "", ...labels } = metric;
    const observer = labels["observer"];
    const number = finite(value[1], metric);
    if (observer === undefined || observer === "") continue;
    const series = byObserver.get(observer) ?? [];
    byObserver.set(observer, [...series, { name, labels, value: number }]);
  }
  if (byObserver.size === 0) {
    const about = `set ${question.namespace}/${question.set}`;
    throw new Blindness(`${access.url} knows no series of ${about}`, { reason: "PrometheusEmpty" });
  }
  const takenAtMs = new Map(
    times.map(({ metric, value }) => [metric["observer"] ?? "", finite(value[1], metric) * 1_000]),
  );
  const samples = [...byObserver].map(([observer, series]) => {
    // Without a time of its own nobody knows how old it is; ahead of our clock is as bad as behind.
    const takenMs = takenAtMs.get(observer) ?? Number.NEGATIVE_INFINITY;
    return peerSample(observer, Math.abs(question.nowMs - takenMs), series);
  });
  const staleMs = STALE_INTERVALS * access.scrapeIntervalMs;
  const fresh = samples.filter(({ ageMs }) => ageMs <= staleMs);
  if (fresh.length === 0) {
    const youngest = Math.min(...samples.map(({ ageMs }) => ageMs));
    const age = Number.isFinite(youngest) ? `${Math.round(youngest)} ms off` : "without a time";
    const message = `the newest sample is ${age}, at most ${staleMs} ms may be`;
    throw new Blindness(message, { reason: "PrometheusStale" });
  }
  return fresh;
}
