import { join } from "node:path";
import { services } from "@quorate/runtime/resources";
import { eventually } from "../../network/eventually.ts";
import { FalseWitness, type Testimony } from "../../prometheus/false-witness.ts";
import { Prometheus } from "../../prometheus/prometheus.ts";
import { OPERATOR, Stage, type StageOptions } from "./stage.ts";

export const SCRAPE_SECONDS = 2;
/** Three intervals, and one more for the operator's pass and our look at its status under load. */
export const BLIND_WITHIN_MS = (3 + 1) * SCRAPE_SECONDS * 1_000;

export interface Distrust {
  readonly afterMs: number;
  readonly reason: string;
}

/** A set whose operator looks through a Prometheus that can be made to lie. */
export class WitnessStage {
  readonly stage: Stage;
  readonly #prometheus: Prometheus;
  readonly #witness: FalseWitness;

  private constructor(stage: Stage, prometheus: Prometheus, witness: FalseWitness) {
    this.stage = stage;
    this.#prometheus = prometheus;
    this.#witness = witness;
  }

  /** Nodes act by themselves so late that whatever happens is the operator's doing. */
  static async start(options: Pick<StageOptions, "images" | "spec"> = {}): Promise<WitnessStage> {
    const stage = await Stage.cluster(options);
    let prometheus: Prometheus | undefined;
    let witness: FalseWitness | undefined;
    try {
      prometheus = await Prometheus.start({
        folder: join(stage.folder, "prometheus"),
        discoveryUrl: `http://${await operatorAddress(stage)}/sd/e2e/quorate`,
        scrapeIntervalSeconds: SCRAPE_SECONDS,
      });
      witness = await FalseWitness.start(prometheus.url);
      const { url } = witness;
      await stage.apply({
        selfHealAfterWindows: 100,
        spec: { ...options.spec, prometheus: { url, scrapeIntervalSeconds: SCRAPE_SECONDS } },
      });
      await stage.alive();
      await stage.set.untilCondition("SignalsTrusted", "True", 60_000);
      await stage.set.until(({ spares }) => (spares === 1 ? true : undefined), "a spare", 60_000);
      return new WitnessStage(stage, prometheus, witness);
    } catch (error) {
      await witness?.stop();
      await prometheus?.stop();
      await stage.stop();
      throw error;
    }
  }

  /**
   * From now on the witness says this. Returns how long it took until the operator's status no
   * longer trusted it.
   */
  async distrusts(testimony: Testimony): Promise<Distrust> {
    return this.distrustsWhen(async () => this.#witness.testify(testimony));
  }

  async distrustsWhen(deceive: () => Promise<void>): Promise<Distrust> {
    const saidMs = performance.now();
    await deceive();
    const condition = await this.stage.set.untilCondition("SignalsTrusted", "False", 60_000);
    return {
      afterMs: performance.now() - saidMs,
      reason: condition.reason,
    };
  }

  honest(): void {
    this.#witness.testify({ kind: "honest" });
  }

  async stop(): Promise<void> {
    try {
      await this.#witness.stop();
      await this.#prometheus.stop();
    } finally {
      await this.stage.stop();
    }
  }
}

function operatorAddress({ kube }: Stage): Promise<string> {
  return eventually(
    async () => {
      const service = await kube.get(services, OPERATOR);
      const address = service?.spec?.clusterIP;
      return address === undefined ? undefined : `${address}:8080`;
    },
    { what: "the operator's address", timeoutMs: 30_000 },
  );
}
