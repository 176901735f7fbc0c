import { randomBytes } from "node:crypto";
import type { KubeObject } from "@quorate/runtime/objects";
import type { StoreClient } from "../apiserver/store-client.ts";
import { apiTime, type CoreEvent, EVENTS } from "./api-types.ts";

export interface EventText {
  readonly type?: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
  /** E.g. `spec.containers{node}`. */
  readonly fieldPath?: string;
}

/** Repeats within this time raise the count of the one event, as client-go's correlator does. */
const REPEAT_MS = 10 * 60_000;
const KNOWN_MAX = 1_000;

/** Writes core/v1 events in the name of one component. */
export class EventRecorder {
  readonly #store: StoreClient;
  readonly #component: string;
  readonly #host: string | undefined;
  readonly #known = new Map<string, { readonly name: string; readonly at: number }>();

  constructor(store: StoreClient, component: string, host?: string) {
    this.#store = store;
    this.#component = component;
    this.#host = host;
  }

  /** Never throws: an event that cannot be written (its namespace goes) stops no work. */
  record(object: KubeObject, text: EventText): void {
    try {
      this.#record(object, text, Date.now());
    } catch {
      this.#known.clear();
    }
  }

  #record(object: KubeObject, text: EventText, now: number): void {
    const namespace = object.metadata.namespace ?? "default";
    const { uid = "", name } = object.metadata;
    const key = [uid, name, text.reason, text.message, text.fieldPath ?? ""].join("\n");
    const known = this.#known.get(key);
    if (known !== undefined && now - known.at < REPEAT_MS) {
      const old = this.#store.get(EVENTS, { namespace, name: known.name });
      if (old !== undefined) {
        this.#repeat(old, now);
        return;
      }
    }
    const created = this.#store.create<CoreEvent>(
      EVENTS,
      this.#event(object, text, { namespace, now }),
    );
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(key, { name: created.metadata.name, at: now });
  }

  #repeat(old: CoreEvent, now: number): void {
    const key = { namespace: old.metadata.namespace ?? "default", name: old.metadata.name };
    this.#store.patch(EVENTS, key, { count: (old.count ?? 1) + 1, lastTimestamp: apiTime(now) });
  }

  #event(
    object: KubeObject,
    text: EventText,
    { namespace, now }: { readonly namespace: string; readonly now: number },
  ): unknown {
    const { name, uid, resourceVersion } = object.metadata;
    const host = this.#host === undefined ? {} : { host: this.#host };
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { namespace, name: `${name}.${randomBytes(8).toString("hex")}` },
      involvedObject: {
        apiVersion: object.apiVersion,
        kind: object.kind,
        ...(object.metadata.namespace === undefined ? {} : { namespace }),
        name,
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        ...(text.fieldPath === undefined ? {} : { fieldPath: text.fieldPath }),
      },
      reason: text.reason,
      message: text.message,
      type: text.type ?? "Normal",
      source: { component: this.#component, ...host },
      reportingComponent: this.#component,
      reportingInstance: this.#host ?? "",
      count: 1,
      firstTimestamp: apiTime(now),
      lastTimestamp: apiTime(now),
    };
  }
}
