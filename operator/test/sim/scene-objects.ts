import { AccountKey } from "@quorate/client/account-key";
import { publicKeyOf, signEd25519 } from "@quorate/node/crypto/ed25519";
import { sha256Hex } from "@quorate/node/crypto/sha256";
import { asciiBytes, fromHex, toHex } from "@quorate/node/kernel/bytes";
import type { Draft } from "./api-store.ts";
import { NAMESPACE, SET } from "./names.ts";
import type { Plan } from "./plan.ts";

const POWER = "1000000";
const cached = new Map<number, { readonly publicKey: string; readonly pem: string }>();

function sponsorOf(index: number): { readonly publicKey: string; readonly pem: string } {
  const there = cached.get(index);
  if (there !== undefined) return there;
  const key = AccountKey.fromSeed(sha256Hex(asciiBytes(`sponsor ${index}`)));
  const made = { publicKey: key.publicKey, pem: key.toPem() };
  cached.set(index, made);
  return made;
}

const ownerSeeds = new Map<string, Uint8Array>();

/** An owner's public key; its seed stays with the person who signs. */
function ownerKeyOf(index: number): string {
  const seed = fromHex(sha256Hex(asciiBytes(`owner ${index}`)));
  const key = publicKeyOf(seed);
  ownerSeeds.set(key, seed);
  return key;
}

/** What the owner of a seat does with its key, far from the cluster. */
export function signAsOwner(owner: string, bytes: Uint8Array): string {
  const seed = ownerSeeds.get(owner);
  if (seed === undefined) throw new Error(`nobody has the key ${owner}`);
  return toHex(signEd25519(seed, bytes));
}

export interface SceneObjects {
  readonly set: Draft;
  readonly template: Draft;
  readonly sponsors: Draft;
  /** Texts that must never be told. */
  readonly secrets: readonly string[];
}

function rotationParameters({ silenceMs, selfHealAfterWindows }: Plan) {
  return {
    silenceBlocks: Math.ceil(silenceMs / 250),
    silenceMs,
    selfHealAfterWindows,
    newcomerAgeMsMin: 0,
    newcomerSpanMs: 0,
    jailMs: 30_000,
    evidenceMsMax: 600_000,
    unbondingMs: 1_200_000,
    absenceMsMax: 10_000,
    absenceEveryMs: 60_000,
    secondMisconductWaitMs: 10_000,
  };
}

/** What a person applies at the start. */
export function sceneObjects(plan: Plan): SceneObjects {
  const sponsors = Array.from({ length: plan.owners }, (_, index) => sponsorOf(index));
  const owners = sponsors.map(({ publicKey }, index) => ({
    name: `owner-${index}`,
    key: ownerKeyOf(index),
    sponsorKey: publicKey,
    sponsorSecretRef: { name: "sponsors", key: `sponsor-${index}.pem` },
    treasury: "1000000000",
  }));
  const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64");
  const template = {
    name: "simulated",
    dev: true,
    parameters: { consensus: {}, rotation: rotationParameters(plan), margin: {} },
    custodians: [],
    margin: { markets: [], accounts: [], insuranceFund: "1000000" },
  };
  const token = "prometheus bearer token, a secret";
  return {
    set: {
      apiVersion: "quorate.dev/v1alpha1",
      kind: "ValidatorSet",
      metadata: { name: SET, namespace: NAMESPACE },
      spec: {
        replicas: plan.nodes,
        spares: plan.spares,
        faultTolerance: Math.floor((plan.nodes - 1) / 3),
        mode: plan.mode,
        paused: false,
        image: "quorate/node:dev",
        owners,
        endorsements: [],
        genesis: { templateRef: { name: "template" }, seatPower: POWER },
        prices: {},
        storage: { size: "1Gi" },
        placement: { topologyKey: "topology.kubernetes.io/zone" },
        healing: {
          signals: ["Chain", "Peers", "Kubernetes"],
          intervalSeconds: plan.intervalSeconds,
          cooldownSeconds: plan.cooldownSeconds,
          dailyBudget: 20,
        },
        ...(plan.prometheus
          ? {
              prometheus: {
                url: "https://prometheus:9090",
                scrapeIntervalSeconds: 5,
                secretRef: { name: "prometheus" },
              },
            }
          : {}),
        trustPeriodHours: 336,
        deletionPolicy: "Retain",
      },
    },
    template: {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "template", namespace: NAMESPACE },
      data: { "template.json": JSON.stringify(template) },
    },
    sponsors: {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "sponsors", namespace: NAMESPACE },
      data: Object.fromEntries(
        sponsors.map(({ pem }, index) => [`sponsor-${index}.pem`, base64(pem)]),
      ),
    },
    secrets: [
      token,
      base64(token),
      ...sponsors.flatMap(({ pem }) => [pem.split("\n")[1] ?? pem, base64(pem)]),
    ],
  };
}

export function prometheusSecret(secrets: readonly string[]): Draft {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "prometheus", namespace: NAMESPACE },
    data: { token: secrets[1] },
  };
}
