import { hexBytes, NO_DIGEST, sha256 } from "./bytes.ts";
import { Scanner } from "./layout.ts";

/** node/spec/encoding.md, Receipts root: the tree of RFC 6962 over all leaves of a block. */
export function receiptsRoot(leaves: readonly Uint8Array[]): string {
  const [first] = leaves;
  if (first === undefined) return NO_DIGEST;
  if (leaves.length === 1) return sha256(Uint8Array.of(0), first);
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  const sides = [leaves.slice(0, left), leaves.slice(left)].map(receiptsRoot);
  return sha256(Uint8Array.of(1), ...sides.map(hexBytes));
}

export interface Reward {
  readonly key: string;
  readonly owner: string;
  readonly amount: bigint;
}

/** The rewards among the leaves of a block: events (1) of kind 6. */
export function rewardsIn(leaves: readonly Uint8Array[]): Reward[] {
  return leaves
    .filter(([leaf, kind]) => leaf === 1 && kind === 6)
    .map((leaf) => {
      const scanner = new Scanner(leaf.subarray(2), "reward");
      const reward = { key: scanner.key(), owner: scanner.key(), amount: scanner.i128() };
      scanner.end();
      return reward;
    });
}
