import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../test/shell/simulated-disk.ts";
import { Journal } from "./disk/journal.ts";
import { Signer, type SignRequest } from "./disk/signer.ts";
import { endorsed } from "./endorsement.ts";

const chainId = "ab".repeat(32);
const author = "11".repeat(32);

async function world() {
  const { fileSystem } = new SimulatedDisk();
  const salt = () => new Uint8Array(16).fill(1);
  const { journal } = await Journal.open({ fileSystem, folder: "/data", chainId, author, salt });
  const sign = (): Uint8Array => new Uint8Array(64).fill(9);
  return { journal, signer: new Signer({ journal, chainId, author, sign }) };
}

function nonceOf(result: Awaited<ReturnType<typeof endorsed>>): number | string {
  if (!result.ok) return result.error.code;
  const { statement } = result.value;
  return statement.kind === "endorsement" ? statement.nonce : statement.kind;
}

describe("endorsements", () => {
  test("rule JOURNAL: one digest has one nonce, another takes the next", async () => {
    const ports = await world();
    expect(nonceOf(await endorsed("cd".repeat(32), ports))).toBe(0);
    expect(nonceOf(await endorsed("ef".repeat(32), ports))).toBe(1);
    expect(nonceOf(await endorsed("cd".repeat(32), ports))).toBe(0);
  });

  test("rule BURN: a key burnt while it endorses is refused at once", async () => {
    const { journal, signer } = await world();
    let asked = 0;
    const sign = async (requests: readonly SignRequest[]) => {
      asked += 1;
      if (asked > 3) throw new Error("asked again with a burnt key");
      await journal.burn("seen by a peer");
      return signer.sign(requests);
    };
    expect(nonceOf(await endorsed("cd".repeat(32), { journal, signer: { sign } }))).toBe(
      "KEY_BURNT",
    );
    expect(asked).toBe(1);
  });
});
