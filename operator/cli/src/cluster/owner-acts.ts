import { AccountKey } from "@quorate/client/account-key";
import { InputError } from "@quorate/client/errors";
import { clockNonces } from "@quorate/client/nonces";
import { toHex } from "@quorate/node/kernel/bytes";
import {
  ownerRotationSigningBytes,
  registrationSigningBytes,
} from "@quorate/node/ledger/transaction";
import type { SpareRegistration } from "@quorate/node/ledger/types";
import { API_VERSION, LABELS } from "@quorate/operator/api/v1alpha1/labels";
import type { ValidatorRotation } from "@quorate/operator/api/v1alpha1/types";
import { ownerOf } from "@quorate/operator/birth/genesis";
import type { MemberView } from "@quorate/operator/observe/observation";
import { validatorRotations, validatorSets } from "@quorate/operator/observe/resources";
import type { SetRecord } from "@quorate/operator/plan/set-record";
import { whatIf } from "@quorate/operator/plan/what-if";
import { stringify } from "yaml";
import type { CommandOutput } from "../output.ts";
import { ClusterRefusal } from "./errors.ts";
import { fieldsOf } from "./plan.ts";
import type { Cluster } from "./ports.ts";
import { findMember, readRecord, type SetName, statusOf } from "./read-set.ts";
import { short } from "./words.ts";

export interface OwnerQuestion extends SetName {
  readonly member: string;
  /** PKCS #8 PEM; signs here and goes nowhere. */
  readonly ownerKey: string;
  /** Print what would be written, so that another machine can write it. */
  readonly dryRun: boolean;
}

function refuse(code: string, field: string, fix: string): ClusterRefusal {
  return new ClusterRefusal({ code, field, fix });
}

interface Signing {
  readonly record: SetRecord;
  readonly member: MemberView & { readonly consensusKey: string };
  readonly chainId: string;
  readonly key: AccountKey;
}

/** The chain, the member and the owner's key; refused where they do not go together. */
async function signing(cluster: Cluster, question: OwnerQuestion): Promise<Signing> {
  const key = AccountKey.fromPem(question.ownerKey);
  const record = await readRecord(cluster, question);
  const member = findMember(record, question.member);
  const { consensusKey } = member;
  const chainId = record.set.status?.genesisHash ?? "";
  if (chainId === "" || consensusKey === undefined) {
    const fix = `wait until ${member.name} has shown its keys and the chain is born`;
    throw refuse("NOT_BORN", "MEMBER", fix);
  }
  const owner = ownerOf(record.set, member.ordinal);
  if (owner.key !== key.publicKey) {
    const fix =
      `it is the key ${key.publicKey}; ${member.name} belongs to ${owner.name}, ` +
      `whose key is ${owner.key}`;
    throw new InputError({ code: "NOT_THE_OWNER", field: "--owner-key", fix });
  }
  return { record, member: { ...member, consensusKey }, chainId, key };
}

function freeName({ set, rotations }: SetRecord, member: string): string {
  const base = `${set.metadata.name}-e${set.status?.chain.epoch ?? 0}-${member.slice(0, 8)}`;
  const taken = new Set(rotations.map(({ metadata }) => metadata.name));
  if (!taken.has(base)) return base;
  for (let next = 2; ; next += 1) if (!taken.has(`${base}-${next}`)) return `${base}-${next}`;
}

/** The object by which an owner asks for the rotation of a key of its own (cause c). */
function rotationOf({ record, member, chainId, key }: Signing, nowMs: number): ValidatorRotation {
  const { metadata, status } = record.set;
  const setHash = status?.chain.setHash ?? "";
  const nonce = clockNonces(() => nowMs).next();
  const bytes = ownerRotationSigningBytes(chainId, {
    kind: "owner-rotation",
    member: member.consensusKey,
    setHash,
    nonce,
  });
  return {
    apiVersion: API_VERSION,
    kind: "ValidatorRotation",
    metadata: {
      namespace: metadata.namespace ?? "",
      name: freeName(record, member.consensusKey),
      labels: { [LABELS.set]: metadata.name },
    },
    spec: {
      set: metadata.name,
      cause: "Owner",
      member: member.consensusKey,
      setHash,
      ownerSignature: { nonce, signature: toHex(key.sign(bytes)) },
    },
  };
}

/** Swaps a seat's key for a spare's of the same owner, by the owner's signature. */
export async function rotate(
  cluster: Cluster,
  question: OwnerQuestion,
  nowMs: number,
): Promise<CommandOutput> {
  const parts = await signing(cluster, question);
  const { record, member } = parts;
  const role = statusOf(record, member)?.role;
  if (role !== "Voter" && role !== "Leaving") {
    const fix = `${member.name} is ${role ?? "not judged yet"}: only a voter's seat is rotated`;
    throw refuse("NOT_A_MEMBER", "MEMBER", fix);
  }
  const object = rotationOf(parts, nowMs);
  const asked = { ...record, rotations: [...record.rotations, object] };
  const { acts, refusals } = fieldsOf(whatIf(asked, { nowMs, fail: [], zones: [] }));
  if (!question.dryRun) await cluster.kube.create(validatorRotations, object);
  const document = {
    command: "rotate",
    namespace: record.set.metadata.namespace ?? "",
    set: record.set.metadata.name,
    member: member.name,
    dryRun: question.dryRun,
    object,
    acts,
    refusals,
  };
  const held = refusals.map(
    ({ rule, reason, message }) => `held back by ${rule} ${reason}: ${message}`,
  );
  const outlook = acts ? ["the operator would rotate it in its next pass"] : held;
  const yaml = [
    "# kubectl create -f THIS; it counts while the set stays the same",
    ...outlook.map((line) => `# ${line}`),
    stringify(object).trimEnd(),
  ];
  const name = object.metadata.name;
  const said = [`created ValidatorRotation ${name}: ${member.name} leaves its seat`, ...outlook];
  return { document, lines: question.dryRun ? yaml : said };
}

/** The bytes of the registration that the operator will send for this member's node. */
function registrationOf({ record, member }: Signing): SpareRegistration {
  const { networkKey, consensusKey, address, ordinal } = member;
  if (networkKey === undefined || address === "") {
    const fix = `wait until the Service ${member.name} has its address and keys`;
    throw refuse("NOT_BORN", "MEMBER", fix);
  }
  const bond = BigInt(record.set.spec.genesis.seatPower);
  const owner = ownerOf(record.set, ordinal).key;
  return { owner, key: consensusKey, networkKey, address, bond };
}

/** The owner's signature for a spare: it needs no minimum age then (rule RATE). */
export async function endorse(cluster: Cluster, question: OwnerQuestion): Promise<CommandOutput> {
  const parts = await signing(cluster, question);
  const { record, member, chainId, key } = parts;
  const role = statusOf(record, member)?.role;
  if (role !== "Joining") {
    const fix =
      `${member.name} is ${role ?? "not judged yet"}: an endorsement rides in the registration, ` +
      "so only a joining member can be endorsed";
    throw refuse("ALREADY_REGISTERED", "MEMBER", fix);
  }
  const bytes = registrationSigningBytes(chainId, "owner", registrationOf(parts));
  const entry = { key: member.consensusKey, signature: toHex(key.sign(bytes)) };
  const { metadata, spec } = record.set;
  const namespace = metadata.namespace ?? "";
  if (!question.dryRun) {
    const others = (spec.endorsements ?? []).filter((each) => each.key !== entry.key);
    await cluster.kube.mergePatch(
      validatorSets,
      { namespace, name: metadata.name },
      {
        metadata: { resourceVersion: metadata.resourceVersion },
        spec: { endorsements: [...others, entry] },
      },
    );
  }
  const object = {
    apiVersion: API_VERSION,
    kind: "ValidatorSet",
    metadata: { namespace, name: metadata.name },
    spec: { endorsements: [entry] },
  };
  const document = {
    command: "endorse",
    namespace,
    set: metadata.name,
    member: member.name,
    dryRun: question.dryRun,
    endorsement: entry,
  };
  const yaml = [
    `# kubectl apply --server-side --field-manager=endorse-${short(entry.key)} -f THIS`,
    stringify(object).trimEnd(),
  ];
  const said = [`endorsed ${member.name} (${short(entry.key)}): it needs no minimum age`];
  return { document, lines: question.dryRun ? yaml : said };
}
