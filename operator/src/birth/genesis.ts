import { AccountKey } from "@quorate/client/account-key";
import { sha256Hex } from "@quorate/node/crypto/sha256";
import { asciiBytes } from "@quorate/node/kernel/bytes";
import { parseGenesis } from "@quorate/node/ledger/genesis";
import type { KubeClient } from "@quorate/runtime/kube-client";
import { type ConfigMap, configMaps, secrets } from "@quorate/runtime/resources";
import { ApiError } from "@quorate/runtime/transport";
import { foundingNeedsTemplate } from "../api/v1alpha1/joins.ts";
import { LABELS } from "../api/v1alpha1/labels.ts";
import type { OwnerSpec, ValidatorSet } from "../api/v1alpha1/types.ts";
import { genesisName } from "../build/objects.ts";
import { GENESIS_FILE } from "../observe/genesis-object.ts";
import type { MemberView } from "../observe/observation.ts";

/** Why a birth does not go on, and what a person does about it. */
export interface BirthProblem {
  /** CamelCase, a reason of the condition Stalled. */
  readonly reason: string;
  readonly message: string;
}

/** A founder whose keys and address are known. */
export interface Founder {
  readonly consensusKey: string;
  readonly networkKey: string;
  readonly address: string;
}

/** What the operator fills in; a template that has them would fix what only birth can know. */
const FILLED_IN = ["owners", "seats"] as const;
const TEMPLATE_KEY = "template.json";

export type Assembled =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: BirthProblem };

function invalid(set: ValidatorSet, message: string): Assembled {
  const where = `ConfigMap ${set.spec.genesis.templateRef?.name ?? ""}, ${TEMPLATE_KEY}`;
  const problem = { reason: "TemplateInvalid", message: `${where}: ${message}` };
  return { ok: false, problem };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Owners hold seats in turn, by ordinal. */
export function ownerOf(set: ValidatorSet, ordinal: number): OwnerSpec {
  const { owners } = set.spec;
  const owner = owners[ordinal % owners.length];
  if (owner === undefined) throw new RangeError("spec.owners is empty; name an owner");
  return owner;
}

/** The genesis file of template, owners and founders, judged by the node's own parser. */
export function assembleGenesis(
  set: ValidatorSet,
  template: string,
  founders: readonly Founder[],
  nowMs: number,
): Assembled {
  const fields = parsed(template);
  if (typeof fields === "string") return invalid(set, `write JSON: ${fields}`);
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    return invalid(set, "write an object");
  }
  const given = FILLED_IN.find((name) => name in fields);
  if (given !== undefined) return invalid(set, `${given}: leave it out, birth fills it in`);
  const document = {
    genesisTimeMs: nowMs,
    ...fields,
    owners: set.spec.owners.map(({ key, sponsorKey, treasury }) => ({ key, sponsorKey, treasury })),
    seats: founders.map(({ consensusKey, networkKey, address }, ordinal) => ({
      owner: ownerOf(set, ordinal).key,
      key: consensusKey,
      networkKey,
      address,
      power: set.spec.genesis.seatPower,
    })),
  };
  const text = `${JSON.stringify(document, undefined, 2)}\n`;
  const judged = parseGenesis(Uint8Array.from(Buffer.from(text, "utf8")));
  if (judged.ok) return { ok: true, text };
  const { field, fix, code } = judged.error;
  return invalid(set, `${field}: ${fix} (${code})`);
}

/** Keys that nobody holds, so that a template is judged before the first key is made. */
export function imaginaryFounders(count: number): readonly Founder[] {
  return Array.from({ length: count }, (_, ordinal) => ({
    consensusKey: sha256Hex(asciiBytes(`imaginary consensus ${ordinal}`)),
    networkKey: sha256Hex(asciiBytes(`imaginary network ${ordinal}`)),
    address: `127.0.0.1:${ordinal + 1}`,
  }));
}

/** Founders by ordinal, where all are known; undefined while one is missing. */
export function foundersOf(
  set: ValidatorSet,
  members: readonly MemberView[],
): readonly Founder[] | undefined {
  const founders = Array.from({ length: set.spec.replicas }, (_, ordinal) => {
    const member = members.find((each) => each.ordinal === ordinal);
    const { consensusKey, networkKey, address } = member ?? {};
    if (consensusKey === undefined || networkKey === undefined || !address) return undefined;
    return { consensusKey, networkKey, address };
  });
  return founders.every((founder) => founder !== undefined) ? founders : undefined;
}

export async function readTemplate(
  kube: KubeClient,
  { metadata, spec }: ValidatorSet,
): Promise<string | BirthProblem> {
  const { name } = spec.genesis.templateRef ?? {};
  if (name === undefined) {
    return { reason: "TemplateMissing", message: `spec.${foundingNeedsTemplate.message}` };
  }
  const map = await kube.get(configMaps, { namespace: metadata.namespace ?? "", name });
  const text = map?.data?.[TEMPLATE_KEY];
  if (text !== undefined) return text;
  const message = `spec.genesis.templateRef: ConfigMap ${name} has no ${TEMPLATE_KEY}`;
  return { reason: "TemplateMissing", message };
}

/** The owner's sponsor key, read for one signature and kept nowhere; or why it cannot be had. */
export async function readSponsor(
  kube: KubeClient,
  set: ValidatorSet,
  owner: OwnerSpec,
): Promise<AccountKey | BirthProblem> {
  const { name, key } = owner.sponsorSecretRef;
  const secret = await kube.get(secrets, { namespace: set.metadata.namespace ?? "", name });
  const value = secret?.data?.[key];
  const where = `Secret ${name}, key ${key} (owner ${owner.name})`;
  if (value === undefined) {
    return { reason: "SponsorSecretMissing", message: `${where} is not there` };
  }
  const sponsor = privateKey(Buffer.from(value, "base64").toString("utf8"));
  if (sponsor === undefined) {
    return { reason: "SponsorSecretInvalid", message: `${where} holds no Ed25519 key as PEM` };
  }
  if (sponsor.publicKey === owner.sponsorKey) return sponsor;
  const message = `${where} is not the key of spec.owners sponsorKey ${owner.sponsorKey}`;
  return { reason: "SponsorKeyMismatch", message };
}

/** Undefined where the text is no such key; what it holds instead is nobody's to read. */
function privateKey(pem: string): AccountKey | undefined {
  try {
    return AccountKey.fromPem(pem);
  } catch {
    return undefined;
  }
}

/** Creates the genesis once; where another was quicker, that one stands (rule GENESIS). */
export async function createGenesis(
  kube: KubeClient,
  set: ValidatorSet,
  text: string,
): Promise<boolean> {
  const object: ConfigMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: genesisName(set),
      namespace: set.metadata.namespace ?? "",
      labels: { [LABELS.set]: set.metadata.name, [LABELS.managedBy]: "quorate-operator" },
    },
    immutable: true,
    data: { [GENESIS_FILE]: text },
  };
  try {
    await kube.create(configMaps, object);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.reason === "AlreadyExists") return false;
    throw error;
  }
}
