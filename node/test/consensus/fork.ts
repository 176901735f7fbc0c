import type { ChainRecord } from "../../src/consensus/types.ts";
import { Network, type TestNode } from "./network.ts";
import { setOf } from "./stub-keys.ts";

export const FORK_SET = setOf(1, { a: 1n, b: 1n, c: 1n, d: 1n });
/** More than f of four: they run on both sides of the fork, with one key each. */
export const LIARS = ["c", "d"];
const HONEST = ["a", "b"];

export interface ForkOptions {
  /** How long all four run together before the split. */
  readonly commonMs: number;
  /** How long the left side runs: `a` with the liars. */
  readonly leftMs: number;
  /** How long the liars on the right forget every proposal first, so that rounds fail there. */
  readonly deafMs: number;
  readonly rightMs: number;
  /** Whether order votes are lost on the left: it commits by certified children alone. */
  readonly withoutOrderVotes?: boolean;
}

export interface Fork {
  readonly left: readonly ChainRecord[];
  readonly right: readonly ChainRecord[];
  readonly nodes: readonly TestNode[];
}

/** A network of these members that goes on from the disks of another. */
function branch(trunk: Network, names: readonly string[]): Network {
  const side = new Network({ set: FORK_SET, names });
  side.now = trunk.now;
  for (const name of names) {
    const { disk } = trunk.node(name);
    const copy = side.node(name).disk;
    copy.journal.push(...disk.journal);
    copy.chain.push(...disk.chain);
    for (const [place, record] of disk.signed) copy.signed.set(place, record);
  }
  return side;
}

/**
 * Forks a chain of four: two members run twice from the same disks, once with `a` and once with
 * `b`, and neither side hears of the other. Returns the chain logs of `a` and `b`, who are honest.
 */
export function forkChain(options: ForkOptions): Fork {
  const trunk = new Network({ set: FORK_SET, names: [...HONEST, ...LIARS] });
  trunk.start();
  trunk.run(options.commonMs);
  const left = branch(trunk, ["a", ...LIARS]);
  const right = branch(trunk, ["b", ...LIARS]);
  for (const name of left.options.names) left.restart(name);
  if (options.withoutOrderVotes) {
    left.delay = (_, __, { body }) => (body.kind === "order-vote" ? undefined : 1);
  }
  left.run(options.leftMs);
  right.now = left.now;
  for (const name of right.options.names) right.restart(name);
  right.delay = (_, __, { body }) => (body.kind === "proposal" ? undefined : 1);
  right.run(options.deafMs);
  right.delay = () => 1;
  right.run(options.rightMs);
  const nodes = [left.node("a"), right.node("b")];
  return { left: left.node("a").disk.chain, right: right.node("b").disk.chain, nodes };
}
