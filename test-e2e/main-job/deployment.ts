import { join } from "node:path";
import { services } from "@quorate/runtime/resources";
import { Faults } from "../faults/faults.ts";
import { eventually } from "../network/eventually.ts";
import { newSigningKey } from "../network/signing-key.ts";
import { Prometheus, prometheusIsInstalled } from "../prometheus/prometheus.ts";
import { startLocalCluster } from "../provider/local.ts";
import type { ClusterProvider } from "../provider/provider.ts";
import { installOperator } from "../set/install.ts";
import { openKube } from "../set/open-kube.ts";
import { RunningSet, type SetAccess } from "../set/running-set.ts";
import type { SetPlan } from "../set/set-objects.ts";
import type { Options } from "./options.ts";
import type { Story } from "./story.ts";

const NAMESPACE = "desk";
const SET = "quorate";
/**
 * One more than validators and a spare: the spare after the first swap has a machine of its own.
 */
const MACHINES = 6;
/**
 * No founder's: the faults of the main job strike founders, and an operator that is lost with one
 * is another story (e2e operators-machine-gone).
 */
const OPERATOR_MACHINE = `local-${MACHINES}`;
const OPERATOR_READY_MS = 60_000;
const SCRAPE_SECONDS = 1;

/** A cluster on this machine with the operator in it, and Prometheus where there is one. */
export class Deployment {
  readonly access: SetAccess;
  readonly prometheus: Prometheus | undefined;
  #faults: Faults | undefined;

  private constructor(access: SetAccess, prometheus: Prometheus | undefined) {
    this.access = access;
    this.prometheus = prometheus;
  }

  get provider(): ClusterProvider {
    return this.access.provider;
  }

  get faults(): Faults {
    if (this.#faults === undefined) throw new Error("no set was applied yet");
    return this.#faults;
  }

  static async start(options: Options, folder: string, story: Story): Promise<Deployment> {
    const provider = await startLocalCluster({
      folder: join(folder, "cluster"),
      machines: MACHINES,
    });
    try {
      const kube = openKube(provider.kubeconfigFile);
      story.tell(undefined, `cluster      ${MACHINES} machines, each a zone of its own`);
      await installOperator(kube, { machine: OPERATOR_MACHINE });
      const service = await operatorAddress({ provider, kube, folder });
      const prometheus = await startPrometheus(options, folder, service);
      story.tell(
        undefined,
        `operator     is up; signals: the chain, ` +
          `${prometheus === undefined ? "a direct scrape" : "Prometheus"}` +
          `${options.signals === "all" ? ", Kubernetes" : ""}`,
      );
      return new Deployment({ provider, kube, folder }, prometheus);
    } catch (error) {
      await provider.stop();
      throw error;
    }
  }

  /** Applies a set and waits until it is born. */
  async deploy(plan: Pick<SetPlan, "template" | "sources" | "priceFiles">, options: Options) {
    const set = await RunningSet.apply(this.access, {
      ...plan,
      namespace: NAMESPACE,
      name: SET,
      owners: [{ key: newSigningKey(), sponsor: newSigningKey() }],
      treasury: "10000000000000",
      allowFaults: true,
      spec: {
        spares: 1,
        mode: "Auto",
        healing: {
          signals:
            options.signals === "all" ? ["Chain", "Peers", "Kubernetes"] : ["Chain", "Peers"],
          intervalSeconds: 1,
          cooldownSeconds: 0,
          dailyBudget: 10,
        },
        ...(this.prometheus === undefined
          ? {}
          : {
              prometheus: {
                url: this.prometheus.url,
                scrapeIntervalSeconds: SCRAPE_SECONDS,
              },
            }),
      },
    });
    this.#faults = new Faults(set);
    await set.ready();
    return set;
  }

  async stop(): Promise<void> {
    await this.#faults?.stop();
    await this.prometheus?.stop();
    await this.provider.stop();
  }
}

/** host:port of the operator's listener, as its Service has it. */
async function operatorAddress({ kube }: SetAccess): Promise<string> {
  const key = { namespace: "quorate-system", name: "quorate-operator" };
  return eventually(
    async () => {
      const service = await kube.get(services, key);
      const address = service?.spec?.clusterIP;
      if (address === undefined) return undefined;
      const url = `${address}:${service?.spec?.ports?.[0]?.port ?? 8080}`;
      return (await answers(`http://${url}/readyz`)) ? url : undefined;
    },
    { what: "the operator is ready", timeoutMs: OPERATOR_READY_MS, everyMs: 100 },
  );
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).ok;
  } catch {
    return false;
  }
}

async function startPrometheus(
  options: Options,
  folder: string,
  operator: string,
): Promise<Prometheus | undefined> {
  if (options.prometheus === "never") return undefined;
  if (options.prometheus === "if-installed" && !prometheusIsInstalled()) return undefined;
  return Prometheus.start({
    folder: join(folder, "prometheus"),
    discoveryUrl: `http://${operator}/sd/${NAMESPACE}/${SET}`,
    scrapeIntervalSeconds: SCRAPE_SECONDS,
  });
}
