import { freshSafetyData } from "../consensus/safety-data.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Digest } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import type { BurnGuard } from "./burn-guard.ts";
import type { Journal } from "./disk/journal.ts";
import type { Signer } from "./disk/signer.ts";

function keyBurnt(): Result<never, Refusal> {
  return refuse("KEY_BURNT", "node", "give the node a new key");
}

export interface EndorsementPorts {
  readonly journal: Pick<Journal, "find" | "burnt">;
  readonly signer: Pick<Signer, "sign">;
}

/**
 * Refused where the key is burnt, or where it may already be known to peers that have not been
 * heard yet; a key that nobody counts on has none to hear.
 */
export async function consented(
  subject: Digest,
  ports: EndorsementPorts & {
    readonly guard: BurnGuard["state"];
    readonly mayListen: boolean;
  },
): Promise<Result<SignedStatement, Refusal>> {
  const { guard, mayListen, journal, signer } = ports;
  if (guard.kind === "burnt") return keyBurnt();
  if (guard.kind === "listening" && !mayListen) {
    return refuse("LISTENING", "node", "ask again in a moment");
  }
  return endorsed(subject, { journal, signer });
}

/**
 * The consensus key's consent to a digest, under the first free nonce. The key may be burnt while
 * the signer works: then it is refused, and no other nonce is tried (rule BURN).
 */
export async function endorsed(
  subject: Digest,
  ports: EndorsementPorts,
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
