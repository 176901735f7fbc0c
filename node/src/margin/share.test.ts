import { describe, expect, test } from "vitest";
import { randomFrom } from "../../test/margin/random.ts";
import { share } from "./share.ts";

describe("share", () => {
  test("the remainder goes to the largest fractions, ties to the lower key", () => {
    const weights = ["c", "a", "b"].map((account) => ({ account, weight: 3n }));
    expect(share(4n, weights)).toEqual([
      { account: "a", amount: 2n },
      { account: "b", amount: 1n },
      { account: "c", amount: 1n },
    ]);
    expect(share(0n, [])).toEqual([]);
  });

  test("parts sum to the amount and never exceed their weight", () => {
    for (let seed = 1; seed <= 2_000; seed += 1) {
      const random = randomFrom(seed);
      const weights = Array.from({ length: random.between(1, 9) }, (_, index) => ({
        account: String(index),
        weight: BigInt(random.between(1, random.pick([3, 1_000, 2_000_000_000]))),
      }));
      const total = weights.reduce((sum, { weight }) => sum + weight, 0n);
      const amount = (total * BigInt(random.between(0, 1_000))) / 1_000n;
      const parts = share(amount, weights);
      expect(parts.reduce((sum, part) => sum + part.amount, 0n)).toBe(amount);
      for (const part of parts) {
        const weight = weights.find(({ account }) => account === part.account)?.weight ?? 0n;
        expect(part.amount).toBeLessThanOrEqual(weight);
        const distance = part.amount * total - amount * weight;
        expect(distance < total && distance > -total).toBe(true);
      }
    }
  });
});
