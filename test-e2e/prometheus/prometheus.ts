import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { stringify } from "yaml";
import { eventually } from "../network/eventually.ts";

const READY_MS = 20_000;

/** Whether there is a `prometheus` on PATH that is new enough to be of use. */
export function prometheusIsInstalled(): boolean {
  return spawnSync("prometheus", ["--version"], { stdio: "ignore" }).status === 0;
}

export interface PrometheusOptions {
  readonly folder: string;
  /** Address of the operator's service discovery for one set. */
  readonly discoveryUrl: string;
  readonly scrapeIntervalSeconds: number;
  /** host:port of each operator's own metrics; absent: only nodes are scraped. */
  readonly operators?: readonly string[];
}

/** A real Prometheus that finds its targets through the operator. */
export class Prometheus {
  readonly url: string;
  readonly #options: PrometheusOptions;
  readonly #port: number;
  #process: ChildProcess | undefined;

  private constructor(options: PrometheusOptions, port: number) {
    this.#options = options;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(options: PrometheusOptions): Promise<Prometheus> {
    const prometheus = new Prometheus(options, await freePort());
    await prometheus.resume();
    return prometheus;
  }

  /** Starts it, again after `stop`; its samples are kept. */
  async resume(): Promise<void> {
    const { folder } = this.#options;
    mkdirSync(folder, { recursive: true });
    const configFile = join(folder, "prometheus.yml");
    writeFileSync(configFile, this.#configuration());
    const log = openSync(join(folder, "prometheus.log"), "a");
    const args = [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${this.#port}`,
    ];
    // It must not outlive us, however we end.
    this.#process = spawn("setpriv", ["--pdeathsig", "KILL", "--", "prometheus", ...args], {
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    await eventually(() => this.#isReady(), { what: "Prometheus is ready", timeoutMs: READY_MS });
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await exited;
  }

  async #isReady(): Promise<true | undefined> {
    const child = this.#process;
    if (child?.exitCode !== null) throw new Error(`prometheus ended: see ${this.#options.folder}`);
    try {
      return (await fetch(`${this.url}/-/ready`)).ok ? true : undefined;
    } catch {
      return undefined;
    }
  }

  #configuration(): string {
    const every = `${this.#options.scrapeIntervalSeconds}s`;
    return stringify({
      global: { scrape_interval: every, scrape_timeout: every },
      scrape_configs: [
        {
          job_name: "quorate",
          http_sd_configs: [{ url: this.#options.discoveryUrl, refresh_interval: "1s" }],
        },
        {
          job_name: "quorate-operator",
          honor_labels: true,
          static_configs: [{ targets: this.#options.operators ?? [] }],
        },
      ],
    });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === "object") resolve(address.port);
        else reject(new Error("no port"));
      });
    });
  });
}
