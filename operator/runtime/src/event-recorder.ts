import type { Clock, Random } from "./clock.ts";
import type { KubeClient } from "./kube-client.ts";
import type { Log } from "./log.ts";
import { wholeSecondTime } from "./micro-time.ts";
import type { KubeObject } from "./objects.ts";
import { randomHex } from "./random-hex.ts";
import { type Event, events, type ObjectReference } from "./resources.ts";
import { TokenBucket } from "./token-bucket.ts";
import { ApiError } from "./transport.ts";

export interface EventNote {
  readonly type: "Normal" | "Warning";
  /** CamelCase, for machines. */
  readonly reason: string;
  /** For people. Never a secret: everybody who may list events reads it. */
  readonly message: string;
}

export interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Shown in the column From of `kubectl describe`. */
  readonly component: string;
  /** Name of this pod. */
  readonly instance: string;
}

export interface EventRecorder {
  /** Returns at once and never throws; what cannot be written is logged. */
  record(object: KubeObject, note: EventNote): void;
  /** Resolves when everything recorded so far is written or given up. */
  flush(): Promise<void>;
}

/** As client-go has them: 25 events of one object at once, then one in 5 min. */
const BURST_PER_OBJECT = 25;
const PER_SECOND_PER_OBJECT = 1 / 300;
/** The same event again within this time counts up the old one. */
const SERIES_MS = 600_000;
/** So many events of one reason with differing messages, then one event stands for all. */
const SIMILAR_MAX = 10;
const MESSAGE_MAX = 1_024;
const PENDING_MAX = 1_000;
const REMEMBERED_MAX = 4_096;

interface Series {
  readonly name: string;
  readonly namespace: string;
  count: number;
  lastAt: number;
}

/** A map that forgets what was used least recently. */
class Recent<T> {
  readonly #values = new Map<string, T>();

  get(key: string): T | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: T): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    const oldest = this.#values.keys().next();
    if (this.#values.size > REMEMBERED_MAX && !oldest.done) this.#values.delete(oldest.value);
  }
}

function referenceOf(object: KubeObject): ObjectReference {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new Recent<Series>();
  readonly #similar = new Recent<{ readonly messages: Set<string>; since: number }>();
  readonly #buckets = new Recent<TokenBucket>();
  readonly #pending: { readonly object: KubeObject; readonly note: EventNote }[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  record(object: KubeObject, note: EventNote): void {
    const { log } = this.#options;
    const { namespace, name, uid } = object.metadata;
    const fields = { kind: object.kind, namespace, name, ...note };
    if (this.#pending.length >= PENDING_MAX) {
      log.warn(fields, "event dropped: too many wait");
      return;
    }
    const source = `${object.kind}/${namespace}/${name}/${uid}`;
    if (!this.#bucket(source).tryTake()) {
      log.debug(fields, "event dropped: the object has too many");
      return;
    }
    this.#pending.push({ object, note: this.#aggregate(source, note) });
    this.#writing ??= this.#drain();
  }

  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  #bucket(source: string): TokenBucket {
    let bucket = this.#buckets.get(source);
    if (!bucket) {
      const { clock } = this.#options;
      const limits = { perSecond: PER_SECOND_PER_OBJECT, burst: BURST_PER_OBJECT };
      bucket = new TokenBucket({ clock, ...limits });
      this.#buckets.set(source, bucket);
    }
    return bucket;
  }

  /** A reason whose message changes all the time becomes one event. */
  #aggregate(source: string, note: EventNote): EventNote {
    const now = this.#options.clock.monotonic();
    const key = JSON.stringify([source, note.type, note.reason]);
    let group = this.#similar.get(key);
    if (!group || now - group.since > SERIES_MS) {
      group = { messages: new Set(), since: now };
      this.#similar.set(key, group);
    }
    if (group.messages.size < SIMILAR_MAX) group.messages.add(note.message);
    const message = group.messages.has(note.message)
      ? note.message
      : `${note.reason} with changing messages (they are in the log)`;
    return { ...note, message: message.slice(0, MESSAGE_MAX) };
  }

  async #drain(): Promise<void> {
    for (let next = this.#pending.shift(); next; next = this.#pending.shift()) {
      const { object, note } = next;
      try {
        await this.#write(object, note);
      } catch (error) {
        const { namespace, name } = object.metadata;
        const fields = { kind: object.kind, namespace, name, ...note, err: error };
        this.#options.log.warn(fields, "event not written");
      }
    }
    this.#writing = undefined;
  }

  async #write(object: KubeObject, note: EventNote): Promise<void> {
    const now = this.#options.clock.monotonic();
    const { resourceVersion: _, ...reference } = referenceOf(object);
    const key = JSON.stringify([reference, note]);
    const series = this.#series.get(key);
    if (series && now - series.lastAt <= SERIES_MS && (await this.#countUp(series))) {
      series.lastAt = now;
      return;
    }
    this.#series.set(key, { ...(await this.#create(object, note)), count: 1, lastAt: now });
  }

  /** False where the event is gone: the API server keeps events for an hour. */
  async #countUp(series: Series): Promise<boolean> {
    const { client, clock } = this.#options;
    const patch = { count: series.count + 1, lastTimestamp: wholeSecondTime(clock.now()) };
    try {
      await client.mergePatch(events, series, patch);
      series.count += 1;
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }

  async #create(object: KubeObject, note: EventNote) {
    const { client, clock, random, component, instance } = this.#options;
    const now = wholeSecondTime(clock.now());
    const namespace = object.metadata.namespace ?? "default";
    const name = `${object.metadata.name}.${randomHex(random, 16)}`;
    const event: Event = {
      apiVersion: events.apiVersion,
      kind: events.kind,
      metadata: { name, namespace },
      involvedObject: referenceOf(object),
      ...note,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component },
      reportingComponent: component,
      reportingInstance: instance,
    };
    await client.create(events, event);
    return { name, namespace };
  }
}

/**
 * Writes v1 Events, as `kubectl describe` shows them: the same again counts up, similar ones are
 * put together, each object has a rate.
 */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}
