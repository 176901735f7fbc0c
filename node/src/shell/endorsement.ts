import { freshSafetyData } from "../consensus/safety-data.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Digest } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import type { Journal } from "./disk/journal.ts";
import type { Signer } from "./disk/signer.ts";

export function keyBurnt(): Result<never, Refusal> {
  return refuse("KEY_BURNT", "node", "give the node a new key");
}

/**
 * The consensus key's consent to a digest, under the first free nonce. The key may be burnt while
 * the signer works: then it is refused, and no other nonce is tried (rule BURN).
 */
export async function endorsed(
  subject: Digest,
  ports: {
    readonly journal: Pick<Journal, "find" | "burnt">;
    readonly signer: Pick<Signer, "sign">;
  },
): Promise<Result<SignedStatement, Refusal>> {
  const { journal, signer } = ports;
  for (let nonce = 0; journal.burnt === undefined; nonce += 1) {
    const statement = { kind: "endorsement", nonce, subject } as const;
    if (journal.find(statement)?.same === false) continue;
    const { signed } = await signer.sign([{ statement, safety: freshSafetyData(0) }]);
    const [first] = signed;
    if (first !== undefined) return ok(first);
  }
  return keyBurnt();
}
