import type { Effect } from "../consensus/effects.ts";
import type { Input } from "../consensus/inputs.ts";
import { assert } from "../kernel/assert.ts";
import { deleteDigest, getDigest, heightKey, setDigest } from "../kernel/digest-map.ts";
import type { Height } from "../kernel/scalars.ts";
import { executeBlock } from "../ledger/execute-block.ts";
import { findProtocol, versionAt } from "../ledger/protocol.ts";
import type { LedgerState } from "../ledger/state.ts";
import { networkPins, sparesView } from "../ledger/views.ts";
import { answerCertified, noteAwaited } from "./answers.ts";
import { executableBlock } from "./executable-block.ts";
import { BLOCKS_MAX, LEDGERS_MAX, RECEIPTS_MAX } from "./limits.ts";
import { recordPlace, settles } from "./places.ts";
import { executeAgain } from "./re-execution.ts";
import type { ExecutedBlock, ReplicaState } from "./types.ts";
import { change, type Work } from "./work.ts";

function withLedger(
  ledgers: ReadonlyMap<Height, LedgerState>,
  height: Height,
  ledger: LedgerState,
): ReadonlyMap<Height, LedgerState> {
  const kept = [...ledgers].filter(([old]) => old > height - LEDGERS_MAX);
  return new Map([...kept, [height, ledger]]);
}

/** Forgets the oldest blocks until the window is within its bounds again. */
function trimmed(state: ReplicaState): Partial<ReplicaState> {
  let { executed, certificates, executedFrom, receiptsHeld } = state;
  const tooMany = () =>
    state.executedHeight - executedFrom >= BLOCKS_MAX || receiptsHeld > RECEIPTS_MAX;
  while (executedFrom < state.executedHeight && tooMany()) {
    const key = heightKey(executedFrom);
    receiptsHeld -= getDigest(executed, key)?.execution.receipts.length ?? 0;
    executed = deleteDigest(executed, key);
    certificates = deleteDigest(certificates, key);
    executedFrom += 1;
  }
  return { executed, certificates, executedFrom, receiptsHeld };
}

function recordBlock(work: Work, entry: ExecutedBlock, ledger: LedgerState): void {
  const { state } = work;
  const { height } = entry.execution.result;
  const { receipts } = entry.execution;
  let { places } = state;
  receipts.forEach((receipt, position) => {
    const place = { height, position, settled: settles(receipt.code) };
    places = recordPlace(places, receipt.transaction, place);
  });
  change(work, {
    ledger,
    executedHeight: height,
    ledgers: withLedger(state.ledgers, height, ledger),
    executed: setDigest(state.executed, heightKey(height), entry),
    receiptsHeld: state.receiptsHeld + receipts.length,
    places,
    spares: sparesView(ledger).map(({ key }) => key),
  });
  change(work, trimmed(work.state));
}

/** Tells the shell whom to let in, when that changed. */
export function announcePins(work: Work): void {
  const pins = networkPins(work.state.ledger);
  const pinsText = pins
    .map(({ key, networkKey, address }) => `${key} ${networkKey} ${address}`)
    .join("\n");
  if (pinsText === work.state.pinsText) return;
  change(work, { pinsText });
  work.effects.push({ kind: "pins-changed", pins });
}

/**
 * VERSION: true where this binary holds the version of the next block. Otherwise the replica stops
 * for good, before it has touched the block: it never guesses.
 */
export function canExecute(work: Work, height: Height): boolean {
  const { config, ledger, consensus } = work.state;
  const needed = versionAt(ledger, height);
  if (findProtocol(config.protocols, needed) !== undefined) return true;
  const held = config.protocols.map(({ version }) => version);
  const halted = `block ${height} needs protocol version ${needed}, this binary holds ${held}`;
  change(work, { halted, consensus: { ...consensus, halted } });
  work.effects.push({ kind: "protocol-unsupported", height, needed, held });
  return false;
}

/** Executes one committed block and keeps what queries need; returns what the core waits for. */
export function executeCommitted(
  work: Work,
  { block, batches, ordering }: Extract<Effect, { readonly kind: "execute" }>,
): Extract<Input, { readonly kind: "executed" }> {
  const { config, ledger, executedHeight } = work.state;
  const { scheme, protocols, execute = executeBlock } = config;
  const { height } = block.block;
  assert(height === executedHeight + 1, `block ${height} after ${executedHeight}`);
  const executable = executableBlock(block, batches, ordering);
  const certified = work.state.consensus.chain.replayed.get(height)?.result;
  const { state, ...execution } =
    certified === undefined
      ? execute(ledger, executable, scheme, protocols)
      : executeAgain(ledger, executable, { ...config, certified });
  assert(execution.result.blockId === block.id, `the ledger executed another block at ${height}`);
  recordBlock(work, { block, batches, execution }, state);
  work.effects.push({ kind: "executed", execution });
  noteAwaited(work, execution);
  announcePins(work);
  answerCertified(work);
  return {
    kind: "executed",
    result: execution.result,
    nextSet: execution.nextSet,
    spares: work.state.spares,
  };
}
