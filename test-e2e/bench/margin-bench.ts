import { PRODUCTION } from "../../node/src/kernel/parameters.ts";
import { applyMarginBlock, createMargin } from "../../node/src/margin/engine.ts";
import type { MarginState } from "../../node/src/margin/state.ts";
import { Histogram } from "./histogram.ts";
import { MarginInput, START_MS } from "./margin-input.ts";
import type { MarginOptions } from "./margin-options.ts";

export interface MarginRun {
  readonly blocks: number;
  /** Orders that were taken: they rest or traded, each with its margin checked. */
  readonly orders: number;
  readonly cancels: number;
  readonly fills: number;
  /** Leaves of the state tree that the blocks changed; their bytes are made, not their hashes. */
  readonly leaves: number;
  readonly cpuMs: number;
  /** Processor time counts, not wall time: what the neighbours take is not in it. */
  readonly ordersPerCpuSecond: number;
  /** Wall time of one block. */
  readonly blockMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

export interface MarginFigures {
  readonly seed: number;
  readonly accounts: number;
  readonly markets: number;
  readonly ordersPerBlock: number;
  readonly cold: MarginRun;
  readonly warm: MarginRun;
}

/** The engine from genesis on: the first blocks, some that do not count, then the others. */
export function runMarginBench(options: MarginOptions): MarginFigures {
  const input = new MarginInput(options);
  let state = createMargin(input.genesis, PRODUCTION.margin, START_MS);
  const part = (blocks: number): MarginRun => {
    const measured = measure(state, input, blocks);
    state = measured.state;
    return measured.run;
  };
  const cold = part(options.coldBlocks);
  part(options.warmupBlocks);
  const warm = part(options.warmBlocks);
  const { seed, accounts, markets, ordersPerBlock } = options;
  return { seed, accounts, markets, ordersPerBlock, cold, warm };
}

function measure(
  from: MarginState,
  input: MarginInput,
  blocks: number,
): { readonly state: MarginState; readonly run: MarginRun } {
  const times = new Histogram();
  const count = { orders: 0, cancels: 0, fills: 0, leaves: 0 };
  let state = from;
  let cpuUs = 0;
  for (let done = 0; done < blocks; done += 1) {
    const block = input.next();
    const began = performance.now();
    const before = process.cpuUsage();
    const result = applyMarginBlock(state, block);
    const { user, system } = process.cpuUsage(before);
    times.add(performance.now() - began);
    cpuUs += user + system;
    state = result.state;
    count.leaves += result.changes.length;
    count.fills += result.events.filter(({ kind }) => kind === "fill").length;
    result.outcomes.forEach((outcomes, bundle) => {
      outcomes.forEach(({ code }, index) => {
        if (code !== "OK") return;
        if (block.bundles[bundle]?.actions[index]?.kind === "place") count.orders += 1;
        else count.cancels += 1;
      });
    });
  }
  const blockMs = {
    p50: times.percentile(50),
    p99: times.percentile(99),
    max: times.max,
  };
  const ordersPerCpuSecond = cpuUs === 0 ? 0 : Math.round((count.orders * 1_000_000) / cpuUs);
  const cpuMs = Math.round(cpuUs / 1_000);
  return { state, run: { blocks, ...count, cpuMs, ordersPerCpuSecond, blockMs } };
}

export function marginText({ seed, cold, warm, ...size }: MarginFigures): string {
  const lines = Object.entries({ cold, warm }).map(([name, run]) =>
    [
      `${name}: ${run.blocks} blocks, ${run.orders} orders taken, ${run.fills} fills, ` +
        `${run.cancels} cancels, ${run.leaves} leaves`,
      `  ${run.ordersPerCpuSecond} orders/s of one processor (${run.cpuMs} ms of it)`,
      `  a block of ${size.ordersPerBlock} orders: p50 ${run.blockMs.p50} ms, ` +
        `p99 ${run.blockMs.p99} ms, max ${run.blockMs.max} ms`,
    ].join("\n"),
  );
  const head = `seed ${seed}, ${size.accounts} accounts, ${size.markets} markets`;
  return `${[head, ...lines].join("\n")}\n`;
}
