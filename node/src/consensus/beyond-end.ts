import type { Height } from "../kernel/scalars.ts";
import { type SignedStatement, verifyStatement } from "../kernel/statements.ts";
import { reportMisconduct } from "./evidence.ts";
import type { Turn } from "./turn.ts";

/**
 * E10: an attestation of a height beyond the end of its epoch, by a key that attested that end.
 * Whoever executed the block that ends an epoch executes nothing more of it (EPOCH). One that
 * attested another result of that block, or none, may merely have computed wrongly: not judged.
 */
export function findBeyondEnd(turn: Turn, signed: SignedStatement): void {
  const { statement, author } = signed;
  if (statement.kind !== "attestation") return;
  const { epoch, height } = statement.result;
  const { config, chain } = turn.state;
  const proof = chain.epochProofs[epoch - config.genesisSet.epoch];
  // What a repair abandoned is void, and no evidence (SPLIT).
  if (proof === undefined || proof.repair !== undefined) return;
  const { result, signatures } = proof.certificate;
  if (height <= result.height) return;
  const end = signatures.find((each) => each.author === author);
  if (end === undefined || !verifyStatement(config.scheme, config.chainId, signed)) return;
  const { signature } = end;
  reportMisconduct(turn, { statement: { kind: "attestation", result }, author, signature }, signed);
}

/** E10, once the end of an epoch is proven: what was attested above it before. */
export function findBeyondNewEnd(turn: Turn, end: Height): void {
  for (const [height, attestations] of turn.chain.attestations) {
    if (height <= end) continue;
    for (const signed of attestations.values()) findBeyondEnd(turn, signed);
  }
}
