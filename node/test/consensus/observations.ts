import type { Digest } from "../../src/kernel/scalars.ts";
import type { Network, TestNode } from "./network.ts";

/** Agreement: what two nodes executed at one height is the same block. */
export function disagreement(network: Network): string | undefined {
  const byHeight = new Map<number, Digest>();
  for (const node of network.nodes.values()) {
    for (const { block } of node.executed) {
      const known = byHeight.get(block.block.height);
      if (known !== undefined && known !== block.id) return `height ${block.block.height}`;
      byHeight.set(block.block.height, block.id);
    }
  }
  return undefined;
}

export function height(node: TestNode): number {
  return node.executed.at(-1)?.block.block.height ?? 0;
}

export function textsOf(node: TestNode): string[] {
  return node.executed
    .flatMap(({ batches }) => batches)
    .flatMap(({ batch }) => batch.transactions)
    .map((bytes) => new TextDecoder().decode(bytes));
}

/**
 * Runs on and returns the finality gaps that this node saw: times (ms) without a commit longer than
 * `longerThanMs`. A gap still open at the end counts.
 */
export function finalityGaps(
  network: Network,
  { name, ms, longerThanMs }: { name: string; ms: number; longerThanMs: number },
): number[] {
  const node = network.node(name);
  const gaps: number[] = [];
  let since = network.now;
  let last = height(node);
  const note = () => {
    if (network.now - since > longerThanMs) gaps.push(network.now - since);
  };
  network.run(ms, () => {
    if (height(node) === last) return false;
    note();
    since = network.now;
    last = height(node);
    return false;
  });
  note();
  return gaps;
}
