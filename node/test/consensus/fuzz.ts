import { Network, type NetworkOptions } from "./network.ts";
import { disagreement, height } from "./observations.ts";

/** A small generator of repeatable numbers: one seed, one run. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const STEPS = 30;

class Fuzz {
  readonly #random: () => number;
  readonly network: Network;
  readonly #names: readonly string[];
  #cut = new Set<string>();
  #healthy = false;
  #transactions = 0;

  constructor(seed: number, options: NetworkOptions) {
    const random = numbers(seed);
    const dropShare = random() < 0.5 ? 0 : random() * 0.3;
    const slowest = random() < 0.3 ? 400 : 20;
    this.#random = random;
    this.#names = options.names;
    this.network = new Network(options);
    this.network.delay = (from, to) => {
      if (this.#healthy) return 1 + random() * 3;
      if (this.#cut.has(from) !== this.#cut.has(to)) return undefined;
      return random() < dropShare ? undefined : 1 + random() * slowest;
    };
  }

  #restartDown(): void {
    for (const name of this.#names) if (!this.network.node(name).up) this.network.restart(name);
  }

  #crash(name: string): void {
    this.network.crashAfter(name, Math.floor(this.#random() * 20));
  }

  #powerCut(): void {
    for (const name of this.#names) this.#crash(name);
    this.network.run(this.#random() * 100);
    for (const name of this.#names) if (this.network.node(name).up) this.network.crash(name);
    this.#restartDown();
  }

  #fault(): void {
    const fault = this.#random();
    const names = this.#names;
    if (fault < 0.15) this.#cut = new Set(names.filter(() => this.#random() < 0.4));
    else if (fault < 0.3) this.#cut = new Set();
    else if (fault < 0.45) this.#crash(names[Math.floor(this.#random() * names.length)] ?? "");
    else if (fault < 0.6) this.#restartDown();
    else if (fault > 0.94) this.#powerCut();
  }

  #submit(): void {
    for (const name of this.#names) {
      if (this.#random() < 0.5 || !this.network.node(name).up) continue;
      this.#transactions += 1;
      this.network.submit(name, `transaction ${this.#transactions}`);
    }
  }

  faults(): void {
    this.network.start();
    for (let step = 0; step < STEPS; step += 1) {
      this.#fault();
      this.#submit();
      this.network.run(this.#random() * 1_500);
    }
  }

  /** Undefined if every node commits and certifies again. */
  heal(): string | undefined {
    this.#healthy = true;
    for (const name of this.#names) this.network.crashAfter(name, Number.POSITIVE_INFINITY);
    this.#restartDown();
    const heights = (): number[] => this.#names.map((name) => height(this.network.node(name)));
    const before = Math.max(...heights());
    const resumed = this.network.run(30_000, () => heights().every((each) => each > before + 5));
    if (!resumed) return `no commit after healing: ${heights().join()} of ${before}`;
    this.network.run(3_000);
    for (const name of this.#names) {
      const certified = this.network.node(name).certified.at(-1)?.result.height ?? 0;
      if (certified <= before) return `${name} certified ${certified} of ${before}`;
    }
    return undefined;
  }
}

/** Faults of every kind for a while, then a healthy network: it agrees, and it commits again. */
export function runFuzz(seed: number, options: NetworkOptions): string | undefined {
  const fuzz = new Fuzz(seed, options);
  fuzz.faults();
  const stuck = fuzz.heal();
  const problem = disagreement(fuzz.network);
  if (problem !== undefined) return `disagreement at ${problem}`;
  for (const node of fuzz.network.nodes.values()) {
    if (node.halts.length > 0) return `${node.name} halted: ${node.halts.join()}`;
    if (node.misconduct.length > 0) return `${node.name} accuses an honest node`;
  }
  return stuck;
}
