import type { QuorateClient } from "@quorate/client/client";
import { InputError, ProofError } from "@quorate/client/errors";
import type { ProofRequest } from "@quorate/client/prove";
import type { Testimony } from "@quorate/client/witnesses";
import type { AttackEvidence } from "@quorate/light-client/attack";
import type { TrustPeriod } from "@quorate/light-client/light-client";
import { encodeProofFile, parseProofFile } from "@quorate/light-client/proof-file";
import { encodeTrustedHeader, type TrustedHeader } from "@quorate/light-client/trusted-header";
import {
  type ProvenSubject,
  type VerifiedProof,
  verifyProof,
} from "@quorate/light-client/verify-proof";
import { ed25519 } from "@quorate/node/crypto/ed25519";
import { toHex } from "@quorate/node/kernel/bytes";
import type { Digest, Epoch, Height, Millis, Power, PublicKey } from "@quorate/node/kernel/scalars";
import type { CommandOutput } from "../output.ts";
import { instant, usd } from "../quantities.ts";
import { facts } from "../table.ts";

type VerifyCommand = `verify ${"head" | "state" | "account" | "receipt" | "file"}`;

interface Culprit {
  readonly key: PublicKey;
  readonly power: Power;
  readonly transaction: string;
  /** "OK", or why the chain did not take the proof; null: it was not submitted. */
  readonly report: string | null;
}

export interface VerifyDocument {
  readonly command: VerifyCommand;
  readonly chainId: Digest;
  readonly epoch: Epoch;
  readonly height: Height;
  readonly timestampMs: Millis;
  readonly stateRoot: Digest;
  readonly signers: readonly PublicKey[];
  readonly subject: object;
  readonly witnesses: Testimony["witnesses"];
  readonly attack: {
    readonly exceedsFaults: boolean;
    readonly culprits: readonly Culprit[];
  } | null;
}

export interface VerifyOptions {
  readonly save?: string;
  readonly next?: string;
  readonly report: boolean;
}

export interface VerifyPorts {
  readonly writeText: (file: string, text: string, field: string) => Promise<void>;
}

function subjectDocument(subject: ProvenSubject): object {
  switch (subject.kind) {
    case "head":
      return { kind: "head" };
    case "state": {
      const { kind, key, value } = subject;
      return { kind, key, value: value === undefined ? null : toHex(value) };
    }
    case "account": {
      const { kind, account, leaf } = subject;
      if (leaf === undefined) return { kind, account, exists: false };
      const { balance, stage } = leaf;
      return { kind, account, exists: true, balanceMicroUsd: balance, stage };
    }
    case "receipt": {
      const { kind, transaction, receipt } = subject;
      return { kind, transaction, code: receipt.code };
    }
    default:
      return subject;
  }
}

function subjectText(subject: ProvenSubject): string {
  switch (subject.kind) {
    case "head":
      return "the chain's newest certified result";
    case "state":
      return subject.value === undefined
        ? `the state has no leaf ${subject.key}`
        : `leaf ${subject.key}: ${toHex(subject.value)}`;
    case "account": {
      const { account, leaf } = subject;
      if (leaf === undefined) return `the chain has no account ${account}`;
      return `account ${account}: balance ${usd(leaf.balance)} USD, ${leaf.stage}`;
    }
    case "receipt":
      return `transaction ${subject.transaction}: ${subject.receipt.code}`;
    default:
      return subject;
  }
}

const NO_WITNESSES: Testimony = { witnesses: [], attack: undefined };

function output(
  command: VerifyCommand,
  { certificate, subject, trusted }: VerifiedProof,
  { witnesses }: Testimony,
  attack: VerifyDocument["attack"],
): CommandOutput & { readonly document: VerifyDocument } {
  const { epoch, height, timestampMs, stateRoot } = certificate.result;
  const signers = certificate.signatures.map(({ author }) => author);
  const accused = (attack?.culprits ?? []).map(({ key, power, report }) => {
    const told = report === null ? "not reported" : `reported: ${report}`;
    return `  ${key} with ${usd(power)}, ${told}`;
  });
  return {
    document: {
      command,
      chainId: trusted.chainId,
      epoch,
      height,
      timestampMs,
      stateRoot,
      signers,
      subject: subjectDocument(subject),
      witnesses,
      attack,
    },
    lines: [
      ...facts([
        ["verified", subjectText(subject)],
        ["at", `height ${height} of epoch ${epoch}, ${instant(timestampMs)}`],
        ["signed by", `${signers.length} members, a quorum`],
        ...witnesses.map(({ endpoint, verdict, reason }) => {
          return [
            "witness",
            reason === "" ? `${endpoint} ${verdict}` : `${endpoint} ${reason}`,
          ] as const;
        }),
      ]),
      ...(attack === null
        ? []
        : ["ATTACK: two quorums signed different results of this height; who signed both:"]),
      ...accused,
    ],
  };
}

async function reported(
  client: Pick<QuorateClient, "submit">,
  { culprits, exceedsFaults }: AttackEvidence,
  isReporting: boolean,
): Promise<NonNullable<VerifyDocument["attack"]>> {
  const told: Culprit[] = [];
  for (const { key, power, transaction } of culprits) {
    const report = isReporting ? await submitted(client, transaction) : null;
    told.push({ key, power, transaction: toHex(transaction), report });
  }
  return { exceedsFaults, culprits: told };
}

/** The chain may be past helping: what it says of each proof is shown, and none stops the next. */
async function submitted(
  client: Pick<QuorateClient, "submit">,
  transaction: Uint8Array,
): Promise<string> {
  try {
    return (await client.submit(transaction)).receipt.code;
  } catch (error) {
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
}

/** Proves a subject by the nodes of the chain, and asks every one of them what it shows. */
export async function verifyOnline(
  client: Pick<QuorateClient, "prove" | "witnesses" | "submit">,
  request: ProofRequest,
  options: VerifyOptions,
  { writeText }: VerifyPorts,
): Promise<CommandOutput & { readonly document: VerifyDocument }> {
  const { file, proof } = await client.prove(request);
  const testimony = await client.witnesses(proof.certificate);
  const { attack } = testimony;
  const told = attack === undefined ? null : await reported(client, attack, options.report);
  if (options.save !== undefined) {
    await writeText(options.save, encodeProofFile(file), "--save");
  }
  // What a forked chain certified is nothing to build on.
  if (options.next !== undefined && told === null) {
    await writeText(options.next, encodeTrustedHeader(proof.trusted), "--next");
  }
  return output(`verify ${request.kind}`, proof, testimony, told);
}

export interface OfflineInput {
  readonly name: string;
  readonly text: string;
  readonly trusted: TrustedHeader;
  readonly trustPeriod: TrustPeriod;
}

/** Verifies a saved proof; no node is asked. */
export async function verifyFile(
  { name, text, trusted, trustPeriod }: OfflineInput,
  { next }: Pick<VerifyOptions, "next">,
  { writeText }: VerifyPorts,
): Promise<CommandOutput & { readonly document: VerifyDocument }> {
  const file = parseProofFile(text);
  if (!file.ok) throw new InputError(file.error);
  const verified = verifyProof({ scheme: ed25519, trusted, trustPeriod }, file.value);
  if (!verified.ok) {
    throw new ProofError(verified.error, { endpoint: name, networkKey: undefined });
  }
  if (next !== undefined) {
    await writeText(next, encodeTrustedHeader(verified.value.trusted), "--next");
  }
  return output("verify file", verified.value, NO_WITNESSES, null);
}
