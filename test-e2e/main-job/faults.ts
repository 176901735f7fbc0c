import { type AdversaryMode, takeThePlaceOf } from "../network/adversary.ts";
import type { ChainObserver } from "../network/chain-observer.ts";
import type { Network, NetworkNode } from "../network/network.ts";
import { takeVolumeAway } from "../network/node-folder.ts";
import type { Chronicle, Swap } from "./chronicle.ts";
import type { FaultKind } from "./fault-plan.ts";
import type { Story } from "./story.ts";
import { type FaultReport, seconds } from "./summary.ts";

/** Far above what healing takes: a swap that is missing by then is a broken promise. */
const HEALED_WITHIN_MS = 45_000;

export interface FaultContext {
  readonly network: Network;
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
  victim: NetworkNode,
): Promise<FaultReport> {
  const { observer, story, dateNow } = context;
  const report = {
    kind,
    validator: victim.place.name,
    key: victim.identity.key,
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
  Record<FaultKind, (context: FaultContext, victim: NetworkNode) => Promise<void>>
> = {
  crash: (_, victim) => victim.process.crash(),
  gone: async (_, victim) => {
    await victim.process.remove();
    takeVolumeAway(victim.place);
  },
  /** The adversary takes the validator's place: its address, its volume and its key. */
  equivocation: async ({ network, adversaryMode }, victim) => {
    await takeThePlaceOf(network, victim, { mode: adversaryMode });
  },
};

function describe(
  kind: FaultKind,
  { place }: NetworkNode,
  { adversaryMode: mode }: FaultContext,
): string {
  switch (kind) {
    case "crash":
      return `${place.name} crashes (kill -9)`;
    case "gone":
      return `${place.name}: its machine is gone for good`;
    case "equivocation":
      return `an adversary takes the place of ${place.name} and signs two of each ${mode}`;
  }
}

/** A vote for a block that was proposed after the blow cannot be one from before it. */
async function votesAgain(
  { observer }: FaultContext,
  victim: NetworkNode,
  struckMs: number,
): Promise<number> {
  const vote = await observer.until(
    () => {
      const last = observer.lastVote(victim.identity.key);
      return last !== undefined && last.votedForMs > struckMs ? last : undefined;
    },
    `a vote of ${victim.place.name} after its crash`,
    HEALED_WITHIN_MS,
  );
  return vote.seenMs;
}

async function swapped(context: FaultContext, victim: NetworkNode): Promise<number> {
  const { observer, chronicle } = context;
  const name = victim.place.name;
  const swap = await observer.until<Swap>(
    () => chronicle.swapOf(victim.identity.key),
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
