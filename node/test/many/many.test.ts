import { describe, expect, test } from "vitest";
import { runMany } from "./run-many.ts";

describe("many validators", { timeout: 600_000 }, () => {
  test("work per member and block grows with the set, not with its square", () => {
    const few = runMany(10, 1_500);
    const many = runMany(40, 1_500);
    expect(few.blocks).toBeGreaterThanOrEqual(5);
    expect(many.blocks).toBeGreaterThanOrEqual(5);
    // Four times the members: four times the messages and signatures, and a bit.
    expect(many.messages / few.messages).toBeLessThan(6);
    expect(many.verifications / few.verifications).toBeLessThan(6);
    // One signature of each kind (vote, order vote, attestation) of each member, and a few more.
    expect(many.verifications).toBeLessThan(6 * 40);
  });

  test("a hundred validators commit", () => {
    expect(runMany(100, 500).blocks).toBeGreaterThanOrEqual(2);
  });
});
