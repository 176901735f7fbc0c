import { TRANSACTIONS_MAX } from "./codec.ts";
import type { ConsensusState, LanesState } from "./state.ts";
import type { Turn } from "./turn.ts";

/** Clients' transactions that wait for the lane; above this they are refused at once. */
const CLIENT_BYTES_MAX = 4_194_304;
/** Reserve of this node's own duties, which no client can fill: reports, records, proofs. */
const DUTY_BYTES_MAX = 1_048_576;
/** Share of the lane's window that is left to batches of duties: one in so many, at least one. */
const DUTY_WINDOW_SHARE = 8;

export type TransactionClass = "client" | "duty";

/** How much waits in this node's lane: what a refusal tells the client to wait for. */
export interface LaneLoad {
  readonly queuedBytes: number;
  readonly queuedBytesMax: number;
  readonly queuedTransactions: number;
}

export function laneLoad({ lanes }: ConsensusState): LaneLoad {
  return {
    queuedBytes: lanes.queueBytes,
    queuedBytesMax: CLIENT_BYTES_MAX,
    queuedTransactions: lanes.queue.length,
  };
}

/**
 * True while the lane takes no more transactions of clients; they are told to come again. `coming`
 * bytes are on their way into it: `enqueue` will take the next one exactly if this is false.
 */
export function isLaneFull(state: ConsensusState, coming = 0): boolean {
  return state.lanes.queueBytes + coming >= CLIENT_BYTES_MAX;
}

/** Batches in flight at which only batches that carry a duty are cut (rule ORDER's reserve). */
export function clientWindow(laneWindowBatches: number): number {
  return laneWindowBatches - Math.max(1, Math.floor(laneWindowBatches / DUTY_WINDOW_SHARE));
}

export function hasQueued({ queue, duties }: LanesState): boolean {
  return queue.length + duties.length > 0;
}

function byteLength(transactions: readonly Uint8Array[]): number {
  return transactions.reduce((sum, transaction) => sum + transaction.length, 0);
}

/** Takes what fits; what does not is refused at once and by name. True if anything was taken. */
export function enqueue(
  turn: Turn,
  transactions: readonly Uint8Array[],
  kind: TransactionClass,
): boolean {
  const { batchBytesMax } = turn.state.config.parameters;
  const isDuty = kind === "duty";
  const most = isDuty ? DUTY_BYTES_MAX : CLIENT_BYTES_MAX;
  let bytes = isDuty ? turn.lanes.dutyBytes : turn.lanes.queueBytes;
  const taken: Uint8Array[] = [];
  for (const transaction of transactions) {
    const isSized = transaction.length > 0 && transaction.length <= batchBytesMax;
    if (isSized && bytes < most) {
      taken.push(transaction);
      bytes += transaction.length;
      continue;
    }
    const full = isDuty ? "DUTIES_FULL" : "LANE_FULL";
    const code = isSized ? full : "TRANSACTION_SIZE";
    turn.drop(turn.state.config.self.networkKey, { code, field: "transactions" });
  }
  const { queue, duties } = turn.lanes;
  if (isDuty) turn.changeLanes({ duties: [...duties, ...taken], dutyBytes: bytes });
  else turn.changeLanes({ queue: [...queue, ...taken], queueBytes: bytes });
  return taken.length > 0;
}

function fitting(
  queue: readonly Uint8Array[],
  room: { readonly bytes: number; readonly count: number },
): readonly Uint8Array[] {
  let bytes = 0;
  let count = 0;
  while (count < queue.length && count < room.count) {
    bytes += queue[count]?.length ?? 0;
    if (bytes > room.bytes) break;
    count += 1;
  }
  return queue.slice(0, count);
}

/**
 * The next batch's transactions: duties first, then clients', each in the order they came. Where
 * only the reserve is left, clients wait.
 */
export function dequeue(turn: Turn, isReserve: boolean): readonly Uint8Array[] {
  const { queue, duties, queueBytes, dutyBytes } = turn.lanes;
  const { batchBytesMax } = turn.state.config.parameters;
  const own = fitting(duties, { bytes: batchBytesMax, count: TRANSACTIONS_MAX });
  const ownBytes = byteLength(own);
  const rest = { bytes: batchBytesMax - ownBytes, count: TRANSACTIONS_MAX - own.length };
  const clients = isReserve ? [] : fitting(queue, rest);
  turn.changeLanes({
    duties: duties.slice(own.length),
    dutyBytes: dutyBytes - ownBytes,
    queue: queue.slice(clients.length),
    queueBytes: queueBytes - byteLength(clients),
  });
  return [...own, ...clients];
}
