import { PEER_METRICS } from "../../src/observe/peer-metrics.ts";
import type { NodeProcess } from "./machines.ts";
import type { Lie } from "./weather.ts";
import type { World } from "./world.ts";

interface Sample {
  readonly name: string;
  readonly member: string | undefined;
  readonly value: number;
}

interface Scraped {
  readonly atMs: number;
  readonly observer: string;
  readonly pod: string;
  readonly samples: readonly Sample[];
}

/** What nodes say of each other, and what a Prometheus made of it. */
export class Peers {
  readonly #world: World;
  readonly #scraped = new Map<string, Scraped>();
  #nextScrapeMs = 0;
  #frozen: readonly Scraped[] | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /** Prometheus scrapes by itself. */
  step(): void {
    const { cluster, clock, scrapeIntervalMs } = this.#world;
    if (clock.monotonic() < this.#nextScrapeMs) return;
    this.#nextScrapeMs = clock.monotonic() + scrapeIntervalMs;
    this.#scraped.clear();
    for (const process of cluster.processes.values()) {
      if (!cluster.isUp(process) || process.volume.pinned === undefined) continue;
      const { key: observer } = process.volume;
      const samples = this.#samples(process, "prometheus");
      this.#scraped.set(observer, {
        atMs: clock.now(),
        observer,
        pod: process.member,
        samples,
      });
    }
  }

  /** A node's /metrics; undefined where its process has none to give yet. */
  metricsText(process: NodeProcess): string | undefined {
    const { weather, counts } = this.#world;
    if (process.volume.pinned === undefined) return undefined;
    if (weather.scrape !== undefined) counts.add(`scrape: ${weather.scrape}`);
    if (weather.scrape === "garbage") return "<html>\n";
    if (weather.scrape === "empty") return "# nothing\n";
    const lines = this.#samples(process, "scrape").map(({ name, member, value }) => {
      const labels = member === undefined ? "" : `{member="${member}"}`;
      return `${name}${labels} ${weather.scrape === "nan" ? "NaN" : value}`;
    });
    return `${lines.join("\n")}\n`;
  }

  /** Whether a Prometheus that is asked now can be believed, by the world's truth. */
  prometheusTruth(): "honest" | "blind" | "lying" {
    const { prometheus, lie } = this.#world.weather;
    if (prometheus === "stale") {
      const newest = Math.max(0, ...(this.#frozen ?? []).map(({ atMs }) => atMs));
      const ageMs = this.#world.clock.now() - newest;
      return ageMs > 3 * this.#world.scrapeIntervalMs + 10_000 ? "blind" : "honest";
    }
    if (prometheus !== undefined) return "blind";
    return lie === undefined || lie.path === "scrape" ? "honest" : "lying";
  }

  prometheus(query: string): { readonly status: number; readonly body: string } | undefined {
    const { weather, counts } = this.#world;
    const fault = weather.prometheus;
    if (fault !== undefined) counts.add(`prometheus: ${fault}`);
    if (fault !== "stale") this.#frozen = undefined;
    if (fault === "down") return undefined;
    if (fault === "error") return { status: 503, body: "overloaded" };
    if (fault === "garbage") return { status: 200, body: "<html>" };
    if (fault === "stale") this.#frozen ??= [...this.#scraped.values()];
    const scraped = fault === "empty" ? [] : (this.#frozen ?? [...this.#scraped.values()]);
    const now = this.#world.clock.now() / 1_000;
    const vector = query.startsWith("timestamp(")
      ? scraped.map(({ observer, atMs }) => ({
          metric: { observer },
          value: [now, String(atMs / 1_000)],
        }))
      : scraped.flatMap(({ observer, samples }) =>
          samples.map(({ name, member, value }) => ({
            metric: {
              __name__: name,
              observer,
              ...(member === undefined ? {} : { member }),
            },
            value: [now, fault === "nan" ? "NaN" : String(value)],
          })),
        );
    const data = { resultType: "vector", result: vector };
    const warnings = fault === "warning" ? { warnings: ["remote read is partial"] } : {};
    return { status: 200, body: JSON.stringify({ status: "success", data, ...warnings }) };
  }

  #samples(process: NodeProcess, path: "scrape" | "prometheus"): readonly Sample[] {
    const { chain, clock, lastAliveMs, accusedByCounters, weather } = this.#world;
    if (chain === undefined) return [];
    const { lie } = weather;
    const believed =
      lie !== undefined && (lie.path === "both" || lie.path === path) ? lie : undefined;
    if (believed !== undefined) this.#world.counts.add(`lie: ${believed.says} by ${path}`);
    const windowMs = chain.genesis.parameters.rotation.silenceMs;
    const shift = believed?.says === "height" ? 1_000_000 : 0;
    const height = chain.height + shift;
    const own = process.volume.key;
    const samples: Sample[] = [
      { name: PEER_METRICS.certifiedHeight, member: undefined, value: height },
    ];
    for (const { key } of chain.set.members) {
      const sinceMs = key === own ? 0 : clock.monotonic() - (lastAliveMs.get(key) ?? 0);
      const unheard = heardMs(believed, key, { sinceMs, windowMs });
      const isLiedSilent = believed?.about === key && believed.says === "silent";
      const silent = isLiedSilent || (chain.isSilent(key) && believed?.about !== key);
      const add = (name: string, value: number) => samples.push({ name, member: key, value });
      const says = (what: Lie["says"]) => believed?.says === what && believed.about === key;
      add(PEER_METRICS.lastSeen, unheard / 1_000);
      add(PEER_METRICS.silent, silent ? 1 : 0);
      const equivocates = accusedByCounters.has(key) || says("equivocates");
      add(PEER_METRICS.equivocations, equivocates ? 1 : 0);
      add(PEER_METRICS.wrongRoots, says("wrong-root") ? 1 : 0);
    }
    return samples;
  }
}

function heardMs(
  lie: Lie | undefined,
  key: string,
  truth: { readonly sinceMs: number; readonly windowMs: number },
): number {
  if (lie?.about !== key) return truth.sinceMs;
  if (lie.says === "silent") return truth.windowMs * 4;
  return lie.says === "heard" ? 100 : truth.sinceMs;
}
