import { resultDigest } from "../../src/kernel/certificates.ts";
import { PersistentMap } from "../../src/kernel/persistent-map.ts";
import type { Height } from "../../src/kernel/scalars.ts";
import { executeBlock } from "../../src/ledger/execute-block.ts";
import type { LedgerState } from "../../src/ledger/state.ts";
import type { OpenOrder } from "../../src/margin/open-order.ts";
import { OrderBook } from "../../src/margin/order-book.ts";
import type { Side } from "../../src/margin/types.ts";
import type { Execute } from "../../src/replica/re-execution.ts";
import { demand } from "./violation.ts";

type Executed = ReturnType<Execute>;

interface Known {
  readonly parameters: Parameters<Execute>;
  readonly executed: Executed;
}

/** Of the blocks that are known, one in so many is executed anew and compared. */
const REPEAT_EVERY = 8;

/**
 * Executes a block once for all nodes that have the same state before it and the same block: a
 * third of a run's time went into doing one thing as often as there are nodes. What a node gets is
 * what it would have come to: states count as the same only bit by bit, in memory and not by their
 * root, and the order of every map with them. Whoever differs in anything executes by itself.
 */
export class SharedExecution {
  readonly #known = new WeakMap<LedgerState, Known[]>();
  /** The first state of each height that a block was executed on. */
  readonly #first = new Map<Height, LedgerState>();
  /** States that a restart made again: which they are. */
  readonly #same = new WeakMap<LedgerState, LedgerState>();
  #repeats = 0;

  readonly execute: Execute = (state, block, scheme, protocols) => {
    const before = this.#canonical(state);
    const known = this.#known.get(before) ?? [];
    this.#known.set(before, known);
    const found = known.find(({ parameters: [, other, ...rest] }) => {
      return rest[0] === scheme && rest[1] === protocols && isSame(other, block);
    });
    if (found !== undefined) {
      this.#repeats += 1;
      if (this.#repeats % REPEAT_EVERY === 0) check(found, executeBlock(state, ...rest(found)));
      return found.executed;
    }
    const executed = executeBlock(before, block, scheme, protocols);
    known.push({ parameters: [before, block, scheme, protocols], executed });
    return executed;
  };

  #canonical(state: LedgerState): LedgerState {
    const known = this.#same.get(state);
    if (known !== undefined) return known;
    const first = this.#first.get(state.height);
    if (first === undefined) this.#first.set(state.height, state);
    const same = first !== undefined && isSame(first, state) ? first : state;
    this.#same.set(state, same);
    return same;
  }
}

function rest({ parameters: [, ...others] }: Known) {
  return others;
}

function check({ executed: { state, result } }: Known, again: Executed): void {
  const what = () => `block ${result.height} comes to another result the second time`;
  demand(resultDigest(result) === resultDigest(again.result), "execution is pure", what);
  demand(isSame(state, again.state), "execution is pure", what);
}

/** Plain values alone: what has a class or a function in it is the same only as itself. */
export function isSame(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object") return false;
  if (left === null || right === null) return false;
  const kind = Object.getPrototypeOf(left);
  if (kind !== Object.getPrototypeOf(right)) return false;
  if (left instanceof Uint8Array) return Buffer.compare(left, right as Uint8Array) === 0;
  if (left instanceof OrderBook) return isSameBook(left, right as OrderBook);
  if (left instanceof Map) return isSameList([...left], [...(right as typeof left)]);
  if (left instanceof PersistentMap) return isSameList([...left], [...(right as typeof left)]);
  if (left instanceof Set) return isSameList([...left], [...(right as typeof left)]);
  if (Array.isArray(left)) return isSameList(left, right as unknown[]);
  if (kind !== Object.prototype) return false;
  const names = Object.keys(left) as (keyof typeof left)[];
  if (names.length !== Object.keys(right).length) return false;
  return names.every((name) => name in right && isSame(left[name], right[name]));
}

function isSameBook(left: OrderBook, right: OrderBook): boolean {
  return (["buy", "sell"] as const).every((side) =>
    isSameList([...ordersOf(left, side)], [...ordersOf(right, side)]),
  );
}

/** By priority. */
function* ordersOf(book: OrderBook, side: Side): Generator<OpenOrder> {
  for (let order = book.best(side); order !== undefined; order = book.after(order)) yield order;
}

function isSameList(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((item, index) => isSame(item, right[index]));
}
