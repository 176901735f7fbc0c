import type { Clock } from "@quorate/runtime/clock";
import type { KubeClient } from "@quorate/runtime/kube-client";
import { configMaps, type Secret, secrets } from "@quorate/runtime/resources";
import { z } from "zod";
import type { ValidatorSet } from "../api/v1alpha1/types.ts";
import type { PrometheusAccess } from "./prometheus.ts";

/** Named objects of a person: read again after this, so that a change is seen soon. */
const KEPT_MS = 10_000;
const PROMETHEUS_MS = 2_000;

const sources = z.record(z.string(), z.array(z.unknown()));

export type PriceSources = z.infer<typeof sources>;

interface Kept {
  readonly value: unknown;
  readonly untilMs: number;
}

/**
 * Objects that the spec names and that carry no label of ours: read by name, kept for seconds.
 * Nothing of a Secret leaves this file but the access that was asked for.
 */
export class NamedObjects {
  readonly #kube: KubeClient;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(kube: KubeClient, clock: Clock) {
    this.#kube = kube;
    this.#clock = clock;
  }

  /** Undefined where the ConfigMap is named and not there, or holds no such JSON. */
  async priceSources({ metadata, spec }: ValidatorSet): Promise<PriceSources | undefined> {
    const { sourcesRef } = spec.prices;
    if (sourcesRef === undefined) return {};
    const key = { namespace: metadata.namespace ?? "", name: sourcesRef.name };
    return this.#keep(`prices/${key.namespace}/${key.name}`, async () => {
      const map = await this.#kube.get(configMaps, key);
      return readSources(map?.data?.["sources.json"]);
    });
  }

  /** How Prometheus is reached; undefined where the spec names none, a text where it cannot be. */
  async prometheus({
    metadata,
    spec,
  }: ValidatorSet): Promise<PrometheusAccess | string | undefined> {
    const { prometheus } = spec;
    if (prometheus === undefined) return undefined;
    const base = {
      url: prometheus.url,
      scrapeIntervalMs: prometheus.scrapeIntervalSeconds * 1_000,
      timeoutMs: PROMETHEUS_MS,
    };
    const name = prometheus.secretRef?.name;
    if (name === undefined) return base;
    const key = { namespace: metadata.namespace ?? "", name };
    const secret = await this.#keep<Secret | undefined>(`secret/${key.namespace}/${name}`, () =>
      this.#kube.get(secrets, key),
    );
    if (secret === undefined) return `Secret ${name} of spec.prometheus.secretRef is not there`;
    const token = plain(secret, "token");
    if (token !== undefined && !prometheus.url.startsWith("https://")) {
      return "spec.prometheus.url: write https://, a token is never sent in the clear";
    }
    const ca = plain(secret, "ca.crt");
    return {
      ...base,
      ...(token === undefined ? {} : { token: token.trim() }),
      ...(ca === undefined ? {} : { ca }),
    };
  }

  async #keep<T>(name: string, read: () => Promise<T>): Promise<T> {
    const now = this.#clock.monotonic();
    for (const [key, { untilMs }] of this.#kept) if (untilMs <= now) this.#kept.delete(key);
    const kept = this.#kept.get(name);
    if (kept !== undefined) return kept.value as T;
    const value = await read();
    // What is not there is looked for again at once.
    if (value !== undefined) this.#kept.set(name, { value, untilMs: now + KEPT_MS });
    return value;
  }
}

function readSources(text: string | undefined): PriceSources | undefined {
  if (text === undefined) return undefined;
  try {
    return sources.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function plain(secret: Secret, key: string): string | undefined {
  const value = secret.data?.[key];
  return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8");
}
