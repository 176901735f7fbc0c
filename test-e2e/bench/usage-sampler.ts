import { readFileSync } from "node:fs";
import { processUsage } from "../load/process-usage.ts";

export interface ProcessUsage {
  readonly name: string;
  /** Processor time in the span, ms. */
  readonly cpuMs: number;
  /** Share of one processor, percent. */
  readonly cpuPercent: number;
  readonly residentMiB: { readonly first: number; readonly last: number; readonly most: number };
  /** Least squares over the second half of the span: 0 where it is too short to say. */
  readonly growthMiBPerMinute: number;
}

export interface SpanUsage {
  readonly processes: readonly ProcessUsage[];
  /** Processor time that everything else on this machine took, percent of one processor. */
  readonly othersPercent: number;
}

interface Sample {
  readonly atMs: number;
  readonly residentMiB: number;
}

interface Watched {
  readonly name: string;
  readonly pid: number;
  readonly fromCpuMs: number;
  cpuMs: number;
  readonly samples: Sample[];
}

const EVERY_MS = 1_000;
const GROWTH_MS_MIN = 60_000;

/** Processor time and memory of some processes over one span, by /proc. */
export class UsageSampler {
  readonly #watched: readonly Watched[];
  readonly #fromMs = performance.now();
  readonly #machineMs = machineCpuMs();
  readonly #timer: NodeJS.Timeout;

  constructor(processes: readonly { readonly name: string; readonly pid: number }[]) {
    this.#watched = processes.map(({ name, pid }) => {
      const cpuMs = usageOf(pid)?.cpuMs ?? 0;
      return { name, pid, fromCpuMs: cpuMs, cpuMs, samples: [] };
    });
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), EVERY_MS);
  }

  end(): SpanUsage {
    clearInterval(this.#timer);
    this.#sample();
    const spanMs = performance.now() - this.#fromMs;
    const processes = this.#watched.map((each) => usage(each, spanMs));
    const own = processes.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
    const others = Math.max(0, machineCpuMs() - this.#machineMs - own);
    return { processes, othersPercent: Math.round((others * 100) / spanMs) };
  }

  #sample(): void {
    for (const each of this.#watched) {
      const now = usageOf(each.pid);
      // A process that was killed keeps what it had used.
      if (now === undefined) continue;
      each.cpuMs = now.cpuMs;
      each.samples.push({ atMs: performance.now(), residentMiB: now.residentMiB });
    }
  }
}

function usageOf(pid: number): ReturnType<typeof processUsage> {
  try {
    return processUsage(pid);
  } catch {
    return undefined;
  }
}

function usage({ name, samples, fromCpuMs, cpuMs }: Watched, spanMs: number): ProcessUsage {
  const sizes = samples.map(({ residentMiB }) => residentMiB);
  const used = cpuMs - fromCpuMs;
  return {
    name,
    cpuMs: Math.round(used),
    cpuPercent: Math.round((used * 100) / spanMs),
    residentMiB: {
      first: sizes[0] ?? 0,
      last: sizes.at(-1) ?? 0,
      most: Math.max(0, ...sizes),
    },
    growthMiBPerMinute: spanMs < GROWTH_MS_MIN ? 0 : growth(samples),
  };
}

/** Slope of the second half: the first may still fill caches. */
export function growth(samples: readonly Sample[]): number {
  const half = samples.slice(Math.floor(samples.length / 2));
  const mean = (of: (sample: Sample) => number): number =>
    half.reduce((sum, sample) => sum + of(sample), 0) / half.length;
  const at = mean(({ atMs }) => atMs);
  const size = mean(({ residentMiB }) => residentMiB);
  const spread = half.reduce((sum, { atMs }) => sum + (atMs - at) ** 2, 0);
  if (spread === 0) return 0;
  const common = half.reduce(
    (sum, { atMs, residentMiB }) => sum + (atMs - at) * (residentMiB - size),
    0,
  );
  return Math.round((common / spread) * 60_000 * 10) / 10;
}

/** Clock ticks of /proc a second: 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;

/** Processor time of the whole machine that was not idle, ms; 0 where there is no /proc. */
function machineCpuMs(): number {
  if (process.platform !== "linux") return 0;
  const line = readFileSync("/proc/stat", "utf8").split("\n", 1)[0] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) * MS_PER_TICK;
}
