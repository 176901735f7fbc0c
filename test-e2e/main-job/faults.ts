import type { Faults } from "../faults/faults.ts";
import type { AdversaryMode } from "../network/adversary.ts";
import type { ChainObserver } from "../network/chain-observer.ts";
import type { Chronicle, Swap } from "./chronicle.ts";
import type { FaultKind } from "./fault-plan.ts";
import type { Story } from "./story.ts";
import { type FaultReport, seconds } from "./summary.ts";

/** A founder: its member's name, and its consensus key. */
export interface Founder {
  readonly name: string;
  readonly key: string;
}

/** Far above what healing takes: a swap that is missing by then is a broken promise. */
const HEALED_WITHIN_MS = 45_000;

export interface FaultContext {
  readonly faults: Faults;
  readonly observer: ChainObserver;
  readonly chronicle: Chronicle;
  readonly story: Story;
  readonly dateNow: () => string;
  readonly adversaryMode: AdversaryMode;
}

/**
 * Strikes one validator and waits until its seat votes again: by the same key after a crash, by the
 * newcomer's in the new epoch after a swap. Throws where that does not happen in time.
 */
export async function strike(
  context: FaultContext,
  kind: FaultKind,
  victim: Founder,
): Promise<FaultReport> {
  const { observer, story, dateNow } = context;
  const report = {
    kind,
    validator: victim.name,
    key: victim.key,
    date: dateNow(),
    height: observer.certifiedHeight,
  };
  story.tell(report.height, `FAULT        ${describe(kind, victim, context)}`);
  const struckMs = Date.now();
  await BLOWS[kind](context, victim);
  const healedMs =
    kind === "crash"
      ? (await votesAgain(context, victim, struckMs)) - struckMs
      : (await swapped(context, victim)) - struckMs;
  story.tell(observer.height, `healed       the seat votes again after ${seconds(healedMs)}`);
  return { ...report, healedMs };
}

const BLOWS: Readonly<
  Record<FaultKind, (context: FaultContext, victim: Founder) => Promise<void>>
> = {
  crash: ({ faults }, { name }) => faults.crash(name),
  gone: async ({ faults }, { name }) => {
    await faults.machineGone(name);
  },
  equivocation: ({ faults, adversaryMode }, { name }) => faults.takeOver(name, adversaryMode),
};

function describe(
  kind: FaultKind,
  { name }: Founder,
  { adversaryMode: mode }: FaultContext,
): string {
  switch (kind) {
    case "crash":
      return `${name} crashes (kill -9)`;
    case "gone":
      return `${name}: its machine is gone for good`;
    case "equivocation":
      return `an adversary takes the place of ${name} and signs two of each ${mode}`;
  }
}

/** A vote for a block that was proposed after the blow cannot be one from before it. */
async function votesAgain(
  { observer }: FaultContext,
  victim: Founder,
  struckMs: number,
): Promise<number> {
  const vote = await observer.until(
    () => {
      const last = observer.lastVote(victim.key);
      return last !== undefined && last.votedForMs > struckMs ? last : undefined;
    },
    `a vote of ${victim.name} after its crash`,
    HEALED_WITHIN_MS,
  );
  return vote.seenMs;
}

async function swapped(context: FaultContext, victim: Founder): Promise<number> {
  const { observer, chronicle } = context;
  const name = victim.name;
  const swap = await observer.until<Swap>(
    () => chronicle.swapOf(victim.key),
    `the swap of ${name}`,
    HEALED_WITHIN_MS,
  );
  const newcomer = swap.newcomer ?? "";
  const vote = await observer.until(
    () => {
      const last = observer.lastVote(newcomer);
      return last !== undefined && last.epoch >= swap.epoch ? last : undefined;
    },
    `a vote of the newcomer for ${name}`,
    HEALED_WITHIN_MS,
  );
  return vote.seenMs;
}
