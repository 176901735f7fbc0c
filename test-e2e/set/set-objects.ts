import type { ValidatorSet, ValidatorSetSpec } from "@quorate/operator/api/v1alpha1/types";
import type { KubeObject } from "@quorate/runtime/objects";
import type { GenesisDocument } from "../network/genesis-file.ts";
import type { Owner } from "../network/network.ts";
import type { PriceSource } from "../network/node-folder.ts";

/** What a person writes into one file and applies: everything of a set. */
export interface SetPlan {
  readonly namespace: string;
  readonly name: string;
  readonly owners: readonly Owner[];
  /** All of a genesis but owners and seats; the time may be there. */
  readonly template: Omit<GenesisDocument, "owners" | "seats">;
  /** `default`, or by ordinal. Files are named relative to the folder of the prices. */
  readonly sources: Readonly<Record<string, readonly PriceSource[]>>;
  readonly priceFiles: Readonly<Record<string, string>>;
  readonly treasury: string;
  /** Laid over the defaults of this file. */
  readonly spec: Partial<ValidatorSetSpec>;
  readonly allowFaults: boolean;
}

export const SEAT_POWER = "1000000000000";

/** The objects of a set, in the order in which they are applied. */
export function setObjects(plan: SetPlan): readonly KubeObject[] {
  const { namespace, name } = plan;
  return [
    object("v1", "Namespace", { name: namespace }, {}),
    ...plan.owners.map((owner, at) =>
      object(
        "v1",
        "Secret",
        { namespace, name: sponsorSecret(name, at) },
        { type: "Opaque", stringData: { "sponsor.pem": owner.sponsor.pem } },
      ),
    ),
    object(
      "v1",
      "ConfigMap",
      { namespace, name: `${name}-template` },
      { data: { "template.json": JSON.stringify(plan.template, undefined, 2) } },
    ),
    object(
      "v1",
      "ConfigMap",
      { namespace, name: `${name}-prices` },
      { data: { "sources.json": JSON.stringify(plan.sources), ...plan.priceFiles } },
    ),
    validatorSet(plan),
  ];
}

function validatorSet({ namespace, name, owners, treasury, spec, allowFaults }: SetPlan) {
  const annotations = allowFaults ? { "quorate.dev/allow-faults": "true" } : {};
  return {
    apiVersion: "quorate.dev/v1alpha1",
    kind: "ValidatorSet",
    metadata: { namespace, name, annotations },
    spec: {
      replicas: 4,
      spares: 1,
      faultTolerance: 1,
      mode: "Auto",
      image: "quorate/node:dev",
      owners: owners.map(({ key, sponsor }, at) => ({
        name: `owner-${at + 1}`,
        key: key.publicKey,
        sponsorKey: sponsor.publicKey,
        sponsorSecretRef: { name: sponsorSecret(name, at), key: "sponsor.pem" },
        treasury,
      })),
      genesis: { templateRef: { name: `${name}-template` }, seatPower: SEAT_POWER },
      prices: { sourcesRef: { name: `${name}-prices` } },
      storage: { size: "1Gi" },
      ...spec,
    },
  } as unknown as ValidatorSet;
}

function sponsorSecret(name: string, at: number): string {
  return `${name}-sponsor-${at + 1}`;
}

function object(
  apiVersion: string,
  kind: string,
  metadata: KubeObject["metadata"],
  rest: object,
): KubeObject {
  return { apiVersion, kind, metadata, ...rest };
}
