import type { PublicKey, Signature } from "../kernel/scalars.ts";
import { quorumPower } from "../kernel/threshold.ts";
import { totalPower } from "../kernel/validator-set.ts";
import { ownersHaveQuorum } from "./condemned.ts";
import type { Verdict, Work } from "./work.ts";

export interface OwnerSignature {
  readonly author: PublicKey;
  readonly signature: Signature;
}

/**
 * The owners' signatures of one message: canonical, of seats' owners alone, of a quorum of the
 * present power. Whoever changes the chain's rules needs as many as certify its blocks.
 */
export function checkOwnerQuorum(
  { state, scheme }: Work,
  signatures: readonly OwnerSignature[],
  { message, name }: { readonly message: Uint8Array; readonly name: string },
): Verdict {
  const field = "signatures";
  const authors = signatures.map(({ author }) => author);
  const isSorted = authors.every(
    (author, index) => index === 0 || (authors[index - 1] ?? "") < author,
  );
  if (!isSorted) return { code: "OWNER_ORDER", field, fix: "sort by author, each owner once" };
  const stranger = authors.find((author) => !state.set.members.some((m) => m.owner === author));
  if (stranger !== undefined) {
    const fix = `${stranger} owns no seat: leave its signature out`;
    return { code: "UNKNOWN_OWNER", field, fix };
  }
  if (!ownersHaveQuorum(state.set, authors)) {
    const needed = quorumPower(totalPower(state.set));
    const fix = `collect owners whose seats hold ${needed} of ${totalPower(state.set)}`;
    return { code: "OWNERS_BELOW_QUORUM", field, fix };
  }
  const wrong = signatures.find(({ author, signature }) => {
    return !scheme.verify(author, message, signature);
  });
  if (wrong === undefined) return undefined;
  const fix = `the signature of ${wrong.author} does not verify: sign ${name} with it`;
  return { code: "BAD_SIGNATURE", field, fix };
}
