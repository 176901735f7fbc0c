import { sha256Hex } from "../crypto/sha256.ts";
import { listTree, listTreeRoot } from "../kernel/merkle.ts";
import { type Millis, ZERO_DIGEST } from "../kernel/scalars.ts";
import type { SignatureScheme } from "../kernel/statements.ts";
import { totalPower, validatorSetHash } from "../kernel/validator-set.ts";
import { applyMarginBlock, type MarginResult } from "../margin/engine.ts";
import { advanceClock, forgetMarks, markBlock } from "./clock.ts";
import { removeCondemned } from "./condemned.ts";
import { assertMoney } from "./conservation.ts";
import { costOfCorruption } from "./corruption.ts";
import { ledgerChanges } from "./leaf-changes.ts";
import { updateLiveness } from "./liveness.ts";
import { activateProtocol, PROTOCOLS, type Protocol, type Protocols } from "./protocol.ts";
import { judgeActivation } from "./readiness.ts";
import { resultLeaves } from "./receipt.ts";
import { countService, payRewards } from "./rewards.ts";
import { expireSessions, sessionChanges } from "./sessions.ts";
import type { LedgerState } from "./state.ts";
import { treeRoot, updateTree } from "./state-tree.ts";
import { unmuteByVotes } from "./swap.ts";
import { decodeTransaction } from "./transaction.ts";
import { creditStakes } from "./treasury.ts";
import type { ExecutableBlock, ExecutionResult, LedgerEvent, Receipt } from "./types.ts";
import { releaseBonds } from "./unbonding.ts";
import { change, openWork, type Work } from "./work.ts";

/**
 * Executes one committed block: clock and signs of life, bonds that fall due and condemned seats,
 * the transactions in order, then the margin engine on what they admitted, then roots and the next
 * set. A block that ends the epoch executes all its transactions. Pure: `state` stays as it is.
 * Asserts that value is conserved; throws AssertionError if the block does not follow the state.
 */
export function executeBlock(
  state: LedgerState,
  block: ExecutableBlock,
  scheme: SignatureScheme,
  protocols: Protocols = PROTOCOLS,
): { readonly state: LedgerState } & ExecutionResult {
  const work = openWork(state, scheme);
  const protocol = activateProtocol(work, protocols, block.height);
  const tick = advanceClock(work, block);
  updateLiveness(work, block, tick);
  countService(work, tick.creditMs);
  change(work, { ordering: block.ordering });
  payRewards(work);
  releaseBonds(work);
  expireSessions(work);
  removeCondemned(work);
  const admitted = block.transactions.map(({ bytes }, position) => {
    return admit(work, protocol, bytes, position);
  });
  unmuteByVotes(work, block.blockId);
  const margin = runMargin(work, block, tick.creditMs);
  const receipts = withOutcomes(admitted, work, margin);
  endEpoch(work);
  judgeActivation(work);
  const events = [...work.events, ...margin.events.map(marginEvent)];
  forgetMarks(work);
  seal(work, state, margin, protocol);
  assertMoney(work.state);
  const tree = listTree(resultLeaves({ receipts, events }));
  return {
    state: markBlock(work.state, block.round, block.epoch),
    result: {
      epoch: block.epoch,
      height: block.height,
      blockId: block.blockId,
      timestampMs: block.timestampMs,
      stateRoot: work.state.stateRoot,
      receiptsRoot: listTreeRoot(tree),
      nextSetHash: work.nextSet === undefined ? ZERO_DIGEST : work.state.setHash,
    },
    receipts,
    events,
    tree,
    nextSet: work.nextSet,
  };
}

function marginEvent(event: MarginResult["events"][number]): LedgerEvent {
  return { kind: "margin", event };
}

function admit(work: Work, protocol: Protocol, bytes: Uint8Array, position: number): Receipt {
  const id = sha256Hex(bytes);
  const decoded = decodeTransaction(bytes);
  const refusal = decoded.ok
    ? protocol.apply(work, decoded.value, { id, position })
    : decoded.error;
  const verdict = refusal ?? { code: "OK", field: "", fix: "" };
  return { transaction: id, ...verdict, outcomes: [] };
}

/**
 * The engine's part of the block; it has the epoch's set, also in the block that ends the epoch.
 */
function runMargin(work: Work, block: ExecutableBlock, creditMs: Millis): MarginResult {
  const { set, margin } = work.state;
  const result = applyMarginBlock(margin, {
    height: block.height,
    timestampMs: block.timestampMs,
    clockMs: work.state.clockMs,
    totalPower: totalPower(set),
    costOfCorruption: costOfCorruption(work.state),
    creditMs,
    members: set.members,
    reports: work.reports,
    deposits: work.deposits,
    acts: work.acts,
    bundles: work.bundles,
  });
  const paid = result.events.reduce(
    (sum, event) => (event.kind === "withdrawal" ? sum + event.amount : sum),
    0n,
  );
  creditStakes(work, result.events);
  change(work, { margin: result.state, withdrawn: work.state.withdrawn + paid });
  return result;
}

function withOutcomes(
  receipts: readonly Receipt[],
  { bundles }: Work,
  { outcomes }: MarginResult,
): readonly Receipt[] {
  const byPosition = new Map(bundles.map(({ position }, index) => [position, outcomes[index]]));
  return receipts.map((receipt, position) => {
    const own = byPosition.get(position);
    return own === undefined ? receipt : { ...receipt, outcomes: own };
  });
}

/** Hands over to the next set; forgets epochs that no evidence reaches any more. */
function endEpoch(work: Work): void {
  const { nextSet, state } = work;
  if (nextSet === undefined) return;
  const { evidenceMsMax } = state.genesis.parameters.rotation;
  const { epochEnds, clockMs, height } = state;
  const ends = [...epochEnds].filter(([, { atMs }]) => clockMs - atMs <= evidenceMsMax);
  change(work, {
    set: nextSet,
    setHash: validatorSetHash(nextSet),
    epochEnds: new Map(ends).set(state.set.epoch, { atMs: clockMs, height }),
  });
}

/**
 * New tree and root: only changed leaves are hashed. The first block of a version also writes those
 * that did not change, in its layouts.
 */
function seal(work: Work, before: LedgerState, margin: MarginResult, protocol: Protocol): void {
  const { state, touchedNonces } = work;
  const { layouts, version } = protocol;
  const isFirst = version !== before.protocol.version;
  const changes = [
    ...ledgerChanges(before, state, touchedNonces, layouts),
    ...(isFirst ? ledgerChanges(undefined, state, touchedNonces, layouts) : []),
    ...margin.changes,
    ...work.puts,
    ...sessionChanges(work, layouts),
  ];
  const tree = updateTree(work.state.tree, changes);
  change(work, { tree, stateRoot: treeRoot(tree) });
}
