import { z } from "zod";
import type { HttpPort } from "../ports.ts";
import type { BlindReason, DroppedObserver, PeerSample, PeersReading } from "./observation.ts";
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
  const names = [...PEER_METRIC_NAMES];
  try {
    const [times, ...values] = await Promise.all([
      query(http, access, `timestamp(${PEER_METRICS.certifiedHeight}{${only}})`),
      ...names.map((name) => queryMetric(http, access, { name, only })),
    ]);
    return samplesOf(values.flat(), times ?? [], { access, question });
  } catch (error) {
    if (!(error instanceof Blindness)) throw error;
    return { kind: "blind", reason: error.reason, message: error.message };
  }
}

/**
 * One metric a question: most have a value for every pair of members, and together the answers
 * about 128 members would be longer than what is read of one.
 */
async function queryMetric(
  http: HttpPort,
  access: PrometheusAccess,
  { name, only }: { readonly name: string; readonly only: string },
): Promise<Vector> {
  const series = await query(http, access, `{__name__="${name}",${only}}`);
  return series.filter(({ metric }) => metric["__name__"] === name);
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

/** A value as the API writes it; NaN for "NaN", "+Inf", "-Inf" and whatever else is no number. */
function finite(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

/** Series by observer; one that says anything that is no number is heard about nothing. */
function byObserver(values: Vector) {
  const said = new Map<string, Series[]>();
  const dropped = new Map<string, string>();
  for (const { metric, value } of values) {
    const { __name__: name = "", ...labels } = metric;
    const observer = labels["observer"];
    if (observer === undefined || observer === "") continue;
    const number = finite(value[1]);
    const why = `${name} is "${value[1].slice(0, 40)}", which is no number`;
    if (Number.isNaN(number)) dropped.set(observer, dropped.get(observer) ?? why);
    const series = said.get(observer);
    const one = { name, labels, value: number };
    if (series === undefined) said.set(observer, [one]);
    else series.push(one);
  }
  return { said, dropped };
}

function samplesOf(
  values: Vector,
  times: Vector,
  { access, question }: { access: PrometheusAccess; question: PrometheusQuestion },
): PeersReading {
  const { said, dropped } = byObserver(values);
  if (said.size === 0) {
    const about = `set ${question.namespace}/${question.set}`;
    throw new Blindness(`${access.url} knows no series of ${about}`, { reason: "PrometheusEmpty" });
  }
  const [first] = dropped.values();
  if (first !== undefined && dropped.size === said.size) {
    throw new Blindness(first, { reason: "PrometheusMalformed" });
  }
  const takenAtMs = new Map(
    times.map(({ metric, value }) => [metric["observer"] ?? "", finite(value[1]) * 1_000]),
  );
  const samples = [...said].flatMap(([observer, series]): readonly PeerSample[] => {
    if (dropped.has(observer)) return [];
    // Without a time of its own nobody knows how old it is; ahead of our clock is as bad as behind.
    const takenMs = takenAtMs.get(observer) ?? Number.NaN;
    const ageMs = Number.isNaN(takenMs)
      ? Number.POSITIVE_INFINITY
      : Math.abs(question.nowMs - takenMs);
    return [peerSample(observer, ageMs, series)];
  });
  const staleMs = STALE_INTERVALS * access.scrapeIntervalMs;
  const fresh = samples.filter(({ ageMs }) => ageMs <= staleMs);
  if (fresh.length === 0) {
    const youngest = Math.min(...samples.map(({ ageMs }) => ageMs));
    const age = Number.isFinite(youngest) ? `${Math.round(youngest)} ms off` : "without a time";
    const message = `the newest sample is ${age}, at most ${staleMs} ms may be`;
    throw new Blindness(message, { reason: "PrometheusStale" });
  }
  if (dropped.size === 0) return { kind: "read", samples: fresh };
  const out = [...dropped].map(([observer, reason]): DroppedObserver => ({ observer, reason }));
  return { kind: "read", samples: fresh, dropped: out };
}
