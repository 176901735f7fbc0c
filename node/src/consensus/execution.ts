import { assert, defined } from "../kernel/assert.ts";
import type { Epoch } from "../kernel/scalars.ts";
import {
  agreesWithOwn,
  announce,
  boundUncertified,
  flushCertificates,
  setOfEpoch,
} from "./certification.ts";
import { trimWindow } from "./commit.ts";
import { endEpoch, openRepaired, repeatRepairs, tryHandOver } from "./hand-over.ts";
import type { Input } from "./inputs.ts";
import { encodeOrdering, type OrderedChain, orderBlock, startOrdering } from "./ordering.ts";
import { repairHeight } from "./repair.ts";
import { askSign } from "./signing.ts";
import { forgetStrangers } from "./signs-of-life.ts";
import { type Turn, withEntry } from "./turn.ts";

type Executed = Extract<Input, { readonly kind: "executed" }>;

/**
 * Gives the ledger the next committed block, one at a time: only the result of a block tells
 * whether the blocks after it are void (rule EPOCH).
 */
export function pumpExecution(turn: Turn): void {
  const { executing, executed, committed, baseHeight } = turn.chain;
  if (!turn.state.started || turn.state.halted !== undefined || executing) return;
  if (turn.epoch.handOver !== undefined) return;
  // SPLIT: nothing above a split is executed, nor above what a repair goes on from.
  const last = Math.min(
    turn.chain.split?.height ?? executed + 1,
    repairHeight(turn) ?? executed + 1,
  );
  if (executed >= last) return;
  const entry = committed[executed + 1 - baseHeight];
  if (entry === undefined) return;
  const { signed, batches } = entry;
  const ordered = orderBlock(orderedIn(turn, signed.block.epoch), signed.block, turn.state.spares);
  turn.changeChain({ executing: true, ordered });
  const transactions = batches.reduce((sum, { batch }) => sum + batch.transactions.length, 0);
  turn.observe({ kind: "committed", height: signed.block.height, transactions });
  turn.emit({
    kind: "execute",
    block: signed,
    batches,
    ordering: encodeOrdering(ordered.ordering),
  });
}

/** The chain so far, for a block of this epoch: the first one of an epoch starts it afresh. */
function orderedIn({ state, chain: { ordered } }: Turn, epoch: Epoch): OrderedChain {
  if (ordered.ordering.epoch === epoch) return ordered;
  const set = defined(setOfEpoch(state, epoch), `the set of epoch ${epoch}`);
  return startOrdering(state.config.chainId, set, ordered.ordering.view.lanes);
}

/** The ledger executed the block: attest it, compare it, and end the epoch if it says so. */
export function onExecuted(turn: Turn, { result, nextSet, spares }: Executed): void {
  const { executed, executing, committed, baseHeight, results, replayed } = turn.chain;
  assert(executing, "nothing was given to the ledger");
  assert(result.height === executed + 1, `expected height ${executed + 1}, got ${result.height}`);
  const entry = defined(committed[result.height - baseHeight], `block ${result.height}`);
  assert(result.blockId === entry.signed.id, `height ${result.height} has another block`);
  turn.change({ spares });
  turn.changeChain({
    ...trimWindow(committed, baseHeight, result.height),
    executed: result.height,
    executing: false,
    results: withEntry(results, result.height, { result, at: turn.now }),
  });
  forgetStrangers(turn);
  const before = replayed.get(result.height);
  if (before !== undefined) {
    if (!agreesWithOwn(turn, before)) return;
    announce(turn, before);
  } else if (result.epoch === turn.state.set.epoch) {
    // A rebuilt node attests only what no quorum has attested yet (EVIDENCE).
    askSign(turn, { kind: "attestation", result });
  }
  repeatRepairs(turn, result.height);
  const { pendingProof } = turn.epoch;
  if (pendingProof?.certificate.result.height === result.height) {
    if (!agreesWithOwn(turn, pendingProof.certificate)) return;
    if (pendingProof.repair !== undefined) openRepaired(turn, pendingProof);
  }
  if (nextSet !== undefined) endEpoch(turn, result, nextSet);
  flushCertificates(turn);
  boundUncertified(turn);
  tryHandOver(turn);
}
