import { setTimeout as pause } from "node:timers/promises";
import { Latencies } from "../main-job/latencies.ts";
import { Random } from "../main-job/random.ts";
import type { NetworkNode } from "../network/network.ts";
import { CrashScene } from "./crash-scene.ts";

export interface CrashPlan {
  readonly seed: number;
  /** kill -9 of one node at a time (at times of two, or again while it starts). */
  readonly kills: number;
  /** Power cuts of all nodes at once. */
  readonly powerCuts: number;
  /** Breaks one rule in every node; the power cuts have to notice. */
  readonly mutant?: string;
}

export interface CrashReport {
  readonly seed: number;
  readonly kills: number;
  readonly powerCuts: number;
  readonly mutant: string | null;
  readonly seconds: number;
  readonly blocks: number;
  /** Transactions whose receipt was proven to a client, each checked at the end. */
  readonly acknowledged: number;
  /** What no node answered in time, by code: nothing was promised for it. */
  readonly unanswered: Readonly<Record<string, number>>;
  /** Different signatures that were compared. */
  readonly signatures: { readonly wire: number; readonly journals: number };
  /** From the kill to the node's next vote, as its subscriber hears it. */
  readonly votesAgainMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly violations: readonly string[];
}

/** A node is left alone for at most this long before the next blow. */
const QUIET_MS_MAX = 1_500;
/** A broken rule breaks many things at once; a person reads the first. */
const VIOLATIONS_MAX = 20;
/** Share of blows that hit a second node too, and of those that hit a node while it starts. */
const TWO_PERCENT = 10;
const AGAIN_PERCENT = 15;
const START_MS_MAX = 1_200;

export type Progress = (line: string) => void;

/** Runs the plan on fresh networks: the kills on one, the power cuts on another. */
export async function crash(plan: CrashPlan, progress: Progress): Promise<CrashReport> {
  const startMs = performance.now();
  const run = new Run(plan, progress);
  if (plan.kills > 0) await run.killOneByOne();
  if (plan.powerCuts > 0) await run.cutPower();
  return run.report((performance.now() - startMs) / 1_000);
}

class Run {
  readonly #plan: CrashPlan;
  readonly #progress: Progress;
  readonly #latencies = new Latencies();
  readonly #violations: string[] = [];
  readonly #unanswered = new Map<string, number>();
  readonly #done = { kills: 0, powerCuts: 0 };
  readonly #sums = { blocks: 0, acknowledged: 0, wire: 0, journals: 0 };

  constructor(plan: CrashPlan, progress: Progress) {
    this.#plan = plan;
    this.#progress = progress;
  }

  async killOneByOne(): Promise<void> {
    const { seed, kills } = this.#plan;
    const random = new Random(seed, "kills");
    const scene = await CrashScene.start({ seed, dropsUnsynced: false });
    await this.#through(scene, async () => {
      while (this.#done.kills < kills && scene.violations.length === 0) {
        await pause(random.between(0, QUIET_MS_MAX));
        const count = random.between(1, 100) <= TWO_PERCENT ? 2 : 1;
        const nodes = random.shuffled(scene.validators).slice(0, count);
        if (random.between(1, 100) <= AGAIN_PERCENT) {
          await scene.kill(nodes);
          await pause(random.between(0, START_MS_MAX));
          this.#done.kills += nodes.length;
        }
        await this.#strike(scene, nodes);
        this.#done.kills += nodes.length;
        this.#tell(scene, "kills", kills);
      }
    });
  }

  async cutPower(): Promise<void> {
    const { seed, powerCuts, mutant } = this.#plan;
    const random = new Random(seed, "power cuts");
    const broken = mutant === undefined ? {} : { mutant };
    const scene = await CrashScene.start({ seed, dropsUnsynced: true, ...broken });
    await this.#through(scene, async () => {
      while (this.#done.powerCuts < powerCuts && scene.violations.length === 0) {
        await pause(random.between(0, QUIET_MS_MAX));
        await this.#strike(scene, scene.validators);
        this.#done.powerCuts += 1;
        this.#tell(scene, "powerCuts", powerCuts);
      }
    });
  }

  async #through(scene: CrashScene, blows: () => Promise<void>): Promise<void> {
    try {
      await blows();
      if (scene.violations.length === 0) await scene.judge();
      this.#violations.push(...scene.violations);
      this.#sums.blocks += scene.chain.observer.certifiedHeight;
      this.#sums.acknowledged += scene.load.acknowledged;
      this.#sums.wire += scene.record.count("wire");
      this.#sums.journals += scene.record.count("journal");
      for (const [code, count] of Object.entries(scene.load.failures)) {
        this.#unanswered.set(code, (this.#unanswered.get(code) ?? 0) + count);
      }
    } finally {
      await scene.stop();
    }
  }

  /** Kills at once, and waits until each has voted again and the chain has moved. */
  async #strike(scene: CrashScene, nodes: readonly NetworkNode[]): Promise<void> {
    const height = scene.chain.observer.certifiedHeight;
    const sinceMs = performance.now();
    await scene.kill(nodes);
    const streams = nodes.map(({ identity }) => scene.listener.streams(identity.key));
    const times = await Promise.all(
      nodes.map((node, at) => scene.votesAgain(node, streams[at] ?? 0, sinceMs)),
    );
    for (const ms of times) if (ms !== undefined) this.#latencies.add(ms);
    await scene.commitsAfter(height);
  }

  #tell(scene: CrashScene, blow: "kills" | "powerCuts", of: number): void {
    const { certifiedHeight } = scene.chain.observer;
    this.#progress(
      `${blow} ${this.#done[blow]}/${of}, height ${certifiedHeight}, ` +
        `${scene.load.acknowledged} acknowledged, ` +
        `votes again after ${Math.round(this.#latencies.all.at(-1) ?? 0)} ms`,
    );
  }

  report(seconds: number): CrashReport {
    const { seed, mutant } = this.#plan;
    const { blocks, acknowledged, wire, journals } = this.#sums;
    return {
      seed,
      ...this.#done,
      mutant: mutant ?? null,
      seconds: Math.round(seconds),
      blocks,
      acknowledged,
      unanswered: Object.fromEntries(this.#unanswered),
      signatures: { wire, journals },
      votesAgainMs: {
        p50: this.#latencies.percentile(50),
        p99: this.#latencies.percentile(99),
        max: this.#latencies.percentile(100),
      },
      violations: firstOf(this.#violations),
    };
  }
}

function firstOf(violations: readonly string[]): readonly string[] {
  const left = violations.length - VIOLATIONS_MAX;
  return left <= 0 ? violations : [...violations.slice(0, VIOLATIONS_MAX), `and ${left} more`];
}
