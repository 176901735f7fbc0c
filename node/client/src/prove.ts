import { LightClient, type TrustPeriod } from "@quorate/light-client/light-client";
import type { ProofFile, ProofStep, ProofSubject } from "@quorate/light-client/proof-file";
import type { SkipProof } from "@quorate/light-client/skip";
import type { TrustedHeader } from "@quorate/light-client/trusted-header";
import { type VerifiedProof, verifyProof } from "@quorate/light-client/verify-proof";
import { DecodeError } from "@quorate/node/kernel/codec";
import type { Digest, Epoch, PublicKey } from "@quorate/node/kernel/scalars";
import type { SignatureScheme } from "@quorate/node/kernel/statements";
import { decodeSet, leafKeys } from "@quorate/node/ledger/leaves";
import { accountKey } from "@quorate/node/margin/leaves";
import { ProofError } from "./errors.ts";
import { nodeError } from "./grpc-errors.ts";
import type { CallLimits, QueryNode } from "./query-node.ts";

/** What is to be proven. */
export type ProofRequest =
  | { readonly kind: "head" }
  | { readonly kind: "state"; readonly key: string }
  | { readonly kind: "account"; readonly account: PublicKey }
  | { readonly kind: "receipt"; readonly transaction: Digest };

export interface Proven {
  /** For somebody without a connection. */
  readonly file: ProofFile;
  readonly proof: VerifiedProof;
  readonly endpoint: string;
}

export interface ProveContext {
  readonly scheme: SignatureScheme;
  readonly trusted: TrustedHeader;
  readonly trustPeriod: TrustPeriod | undefined;
  readonly limits: CallLimits;
}

type Claim = Pick<ProofFile, "certificate" | "subject">;

async function claimOf(node: QueryNode, request: ProofRequest, limits: CallLimits): Promise<Claim> {
  if (request.kind === "receipt") {
    const { transaction } = request;
    const { leaf, proof, certificate } = await node.transaction(transaction, limits);
    return { certificate, subject: { kind: "receipt", transaction, leaf, path: proof } };
  }
  const key = keyOf(request);
  const { value, proof: path, certificate } = await node.state(key, limits);
  return { certificate, subject: subjectOf(request, { key, value, path }) };
}

function keyOf(request: Exclude<ProofRequest, { readonly kind: "receipt" }>): string {
  if (request.kind === "account") return accountKey(request.account);
  return request.kind === "state" ? request.key : leafKeys.chain;
}

function subjectOf(
  request: Exclude<ProofRequest, { readonly kind: "receipt" }>,
  entry: Omit<Extract<ProofSubject, { readonly kind: "state" }>, "kind">,
): ProofSubject {
  const { value, path } = entry;
  if (request.kind === "head") return { kind: "head" };
  if (request.kind === "state") return { kind: "state", ...entry };
  return { kind: "account", account: request.account, value, path };
}

/** A skip straight to `epoch`, if the node's newest state is of it and the sets are near enough. */
async function skipTo(
  node: QueryNode,
  epoch: Epoch,
  { scheme, trusted, trustPeriod, limits }: ProveContext,
): Promise<SkipProof | undefined> {
  const { value, proof, certificate } = await node.state(leafKeys.set, limits);
  if (value === undefined || certificate.result.epoch !== epoch) return undefined;
  const skip = { certificate, set: setOf(value, node), proof };
  const light = new LightClient({ scheme, trusted, trustPeriod });
  return light.acceptSkip(skip).ok ? skip : undefined;
}

function setOf(value: Uint8Array, node: QueryNode) {
  try {
    return decodeSet(value);
  } catch (error) {
    throw error instanceof DecodeError ? nodeError(error, node.name) : error;
  }
}

/** Steps from the trusted set to `epoch`: one skip where that is allowed, else every hand-over. */
async function stepsTo(
  node: QueryNode,
  epoch: Epoch,
  context: ProveContext,
): Promise<readonly ProofStep[]> {
  const { trusted, limits } = context;
  if (epoch <= trusted.set.epoch) return [];
  if (epoch > trusted.set.epoch + 1) {
    const skip = await skipTo(node, epoch, context);
    if (skip !== undefined) return [{ kind: "skip", skip }];
  }
  const steps: ProofStep[] = [];
  for (let known = trusted.set.epoch; known < epoch; ) {
    const proofs = await node.epochProofs(known, limits);
    const next = proofs.filter(({ nextSet }) => nextSet.epoch > known && nextSet.epoch <= epoch);
    if (next.length === 0) break;
    steps.push(...next.map((proof): ProofStep => ({ kind: "hand-over", proof })));
    known = next.at(-1)?.nextSet.epoch ?? epoch;
  }
  return steps;
}

/**
 * Collects a proof from one node and verifies it as its reader will: from the trusted header alone.
 * Throws ProofError with the code of `verifyProof`, or what the calls throw.
 */
export async function prove(
  node: QueryNode,
  request: ProofRequest,
  context: ProveContext,
): Promise<Proven> {
  const { scheme, trusted, trustPeriod, limits } = context;
  const claim = await claimOf(node, request, limits);
  const steps = await stepsTo(node, claim.certificate.result.epoch, context);
  const file: ProofFile = { chainId: trusted.chainId, steps, ...claim };
  const verified = verifyProof({ scheme, trusted, trustPeriod }, file);
  if (!verified.ok) throw new ProofError(verified.error, node.name);
  return { file, proof: verified.value, endpoint: node.name.endpoint };
}
