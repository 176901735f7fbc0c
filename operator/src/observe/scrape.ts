import { PORTS } from "../api/v1alpha1/labels.ts";
import type { HttpPort } from "../ports.ts";
import { parseExposition } from "./exposition.ts";
import type { PeerSample, PeersReading } from "./observation.ts";
import { PEER_METRIC_NAMES, peerSample } from "./peer-metrics.ts";

/** A node whose metrics do not come within this is not heard in this pass. */
const SCRAPE_MS = 1_000;

/** A pod whose /metrics is read, and whose view it is. */
export interface ScrapeTarget {
  readonly ip: string;
  /** Consensus key. */
  readonly observer: string;
}

/** host:port, with the brackets that IPv6 wants. */
export function hostPort(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** The peers' view, asked of each pod at once. Blind only where nobody answered. */
export async function scrape(
  http: HttpPort,
  targets: readonly ScrapeTarget[],
): Promise<PeersReading> {
  const answers = await Promise.all(targets.map((target) => scrapeOne(http, target)));
  const samples = answers.filter((answer) => typeof answer !== "string");
  if (samples.length > 0) return { kind: "read", samples };
  const why = answers.find((answer) => typeof answer === "string");
  const message = why ?? "no pod of the set has an address yet";
  return { kind: "blind", reason: "ScrapeFailed", message };
}

async function scrapeOne(
  http: HttpPort,
  { ip, observer }: ScrapeTarget,
): Promise<PeerSample | string> {
  const url = `http://${hostPort(ip, PORTS.metrics)}/metrics`;
  try {
    const { status, body } = await http.get(url, { timeoutMs: SCRAPE_MS });
    if (status !== 200) return `${url} answers HTTP ${status}`;
    const series = parseExposition(body, PEER_METRIC_NAMES);
    return series === undefined ? `${url} is no metrics text` : peerSample(observer, 0, series);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
