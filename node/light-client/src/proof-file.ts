import { fromHex, isHex, toHex } from "@quorate/node/kernel/bytes";
import {
  type EpochProof,
  type ResultCertificate,
  readEpochProof,
  readResultCertificate,
  writeEpochProof,
  writeResultCertificate,
} from "@quorate/node/kernel/certificates";
import { Reader, Writer } from "@quorate/node/kernel/codec";
import type { ListProof, TreeProof } from "@quorate/node/kernel/merkle";
import { ok, type Refusal, type Result, refuse } from "@quorate/node/kernel/result";
import type { Digest, PublicKey } from "@quorate/node/kernel/scalars";
import { writeValidatorSet } from "@quorate/node/kernel/validator-set";
import type { SkipProof } from "./skip.ts";
import { readCanonicalSet } from "./trusted-header.ts";

/** How to get from the trusted set to the certificate's. */
export type ProofStep =
  | { readonly kind: "hand-over"; readonly proof: EpochProof }
  | { readonly kind: "skip"; readonly skip: SkipProof };

/** What the certificate is to prove. An undefined value: the state has no such entry. */
export type ProofSubject =
  | { readonly kind: "head" }
  | {
      readonly kind: "state";
      readonly key: string;
      readonly value: Uint8Array | undefined;
      readonly path: TreeProof;
    }
  | {
      readonly kind: "account";
      readonly account: PublicKey;
      readonly value: Uint8Array | undefined;
      readonly path: TreeProof;
    }
  | {
      readonly kind: "receipt";
      readonly transaction: Digest;
      readonly leaf: Uint8Array;
      readonly path: ListProof;
    };

/** Everything that somebody needs who has a trusted header and no connection. */
export interface ProofFile {
  readonly chainId: Digest;
  readonly steps: readonly ProofStep[];
  readonly certificate: ResultCertificate;
  readonly subject: ProofSubject;
}

const KIND = "quorate.dev/proof/v1";
const STEPS_MAX = 100_000;
const PATH_MAX = 256;

type Json = Readonly<Record<string, unknown>>;

class MalformedProof extends Error {
  readonly refusal: Refusal;

  constructor(where: Omit<Refusal, "code">, options?: ErrorOptions) {
    super(where.fix, options);
    this.refusal = { code: "PROOF_MALFORMED", ...where };
  }
}

function malformed(field: string, fix: string): MalformedProof {
  return new MalformedProof({ field, fix });
}

function hexOf(write: (writer: Writer) => void): string {
  const writer = new Writer();
  write(writer);
  return toHex(writer.finish());
}

function stepJson(step: ProofStep): Json {
  if (step.kind === "hand-over") {
    return { kind: step.kind, proof: hexOf((writer) => writeEpochProof(writer, step.proof)) };
  }
  const { certificate, set, proof } = step.skip;
  return {
    kind: step.kind,
    certificate: hexOf((writer) => writeResultCertificate(writer, certificate)),
    set: hexOf((writer) => writeValidatorSet(writer, set)),
    path: proof,
  };
}

function subjectJson(subject: ProofSubject): Json {
  switch (subject.kind) {
    case "head":
      return subject;
    case "receipt":
      return { ...subject, leaf: toHex(subject.leaf) };
    default:
      return { ...subject, value: subject.value === undefined ? null : toHex(subject.value) };
  }
}

/** JSON; certificates, sets and leaves in their canonical bytes as hex. */
export function encodeProofFile({ chainId, steps, certificate, subject }: ProofFile): string {
  const document = {
    kind: KIND,
    chainId,
    steps: steps.map(stepJson),
    certificate: hexOf((writer) => writeResultCertificate(writer, certificate)),
    subject: subjectJson(subject),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function object(value: unknown, field: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw malformed(field, "expected a JSON object");
}

function hex32(value: unknown, field: string): Digest {
  if (typeof value === "string" && isHex(value, 32)) return value;
  throw malformed(field, "expected 64 lower-case hex characters");
}

function bytes(value: unknown, field: string): Uint8Array {
  if (typeof value === "string" && /^(?:[0-9a-f]{2})*$/.test(value)) return fromHex(value);
  throw malformed(field, "expected lower-case hex");
}

function canonical<T>(value: unknown, field: string, read: (reader: Reader) => T): T {
  const reader = new Reader(bytes(value, field));
  try {
    const found = read(reader);
    reader.end();
    return found;
  } catch (cause) {
    const fix = "these are not the canonical bytes of node/spec/encoding.md";
    throw new MalformedProof({ field, fix }, { cause });
  }
}

function digests(value: unknown, field: string): readonly Digest[] {
  if (!Array.isArray(value) || value.length > PATH_MAX) {
    throw malformed(field, `expected at most ${PATH_MAX} digests`);
  }
  return value.map((each, at) => hex32(each, `${field}[${at}]`));
}

function counter(value: unknown, field: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed(field, "expected a whole number from 0");
}

function treePath(value: unknown, field: string): TreeProof {
  const { siblings, other } = object(value, field);
  const path = { siblings: digests(siblings, `${field}.siblings`) };
  if (other === undefined) return path;
  const { keyHash, valueHash } = object(other, `${field}.other`);
  return {
    ...path,
    other: {
      keyHash: hex32(keyHash, `${field}.other.keyHash`),
      valueHash: hex32(valueHash, `${field}.other.valueHash`),
    },
  };
}

function certificateOf(value: unknown, field: string): ResultCertificate {
  return canonical(value, field, (reader) => readResultCertificate(reader, field));
}

function stepOf(value: unknown, field: string): ProofStep {
  const { kind, proof, certificate, set, path } = object(value, field);
  if (kind === "hand-over") {
    const read = (reader: Reader) => readEpochProof(reader, `${field}.proof`);
    return { kind, proof: canonical(proof, `${field}.proof`, read) };
  }
  if (kind !== "skip") throw malformed(`${field}.kind`, "expected hand-over or skip");
  const found = readCanonicalSet(typeof set === "string" ? set : "");
  if (found === undefined) {
    throw malformed(`${field}.set`, "expected the canonical bytes of a set as hex");
  }
  return {
    kind,
    skip: {
      certificate: certificateOf(certificate, `${field}.certificate`),
      set: found,
      proof: treePath(path, `${field}.path`),
    },
  };
}

function subjectOf(value: unknown): ProofSubject {
  const fields = object(value, "subject");
  const { kind } = fields;
  if (kind === "head") return { kind };
  if (kind === "receipt") {
    const { index, count, path } = object(fields["path"], "subject.path");
    return {
      kind,
      transaction: hex32(fields["transaction"], "subject.transaction"),
      leaf: bytes(fields["leaf"], "subject.leaf"),
      path: {
        index: counter(index, "subject.path.index"),
        count: counter(count, "subject.path.count"),
        path: digests(path, "subject.path.path"),
      },
    };
  }
  const held = fields["value"] === null ? undefined : bytes(fields["value"], "subject.value");
  const path = treePath(fields["path"], "subject.path");
  if (kind === "account") {
    return { kind, account: hex32(fields["account"], "subject.account"), value: held, path };
  }
  const { key } = fields;
  if (kind !== "state" || typeof key !== "string" || !/^[\x20-\x7e]{1,512}$/.test(key)) {
    throw malformed("subject", "expected head, receipt, account, or state with its key");
  }
  return { kind, key, value: held, path };
}

/** Refusals: PROOF_MALFORMED, with the field. Nothing is verified yet. */
export function parseProofFile(text: string): Result<ProofFile, Refusal> {
  try {
    const document = object(parseJson(text), "file");
    if (document["kind"] !== KIND) throw malformed("kind", `expected ${KIND}`);
    const { steps } = document;
    if (!Array.isArray(steps) || steps.length > STEPS_MAX) {
      throw malformed("steps", `expected a list of at most ${STEPS_MAX} steps`);
    }
    return ok({
      chainId: hex32(document["chainId"], "chainId"),
      steps: steps.map((step, at) => stepOf(step, `steps[${at}]`)),
      certificate: certificateOf(document["certificate"], "certificate"),
      subject: subjectOf(document["subject"]),
    });
  } catch (error) {
    if (!(error instanceof MalformedProof)) throw error;
    const { code, field, fix } = error.refusal;
    return refuse(code, field, fix);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const fix = "it is not JSON; give a file that `quorate verify` has saved";
    throw new MalformedProof({ field: "file", fix }, { cause });
  }
}
