import { apiErrorOf, bodyOf, isRecord } from "./api-status.ts";
import type { Clock } from "./clock.ts";
import type { ApplyOptions, KubeClient, ListOptions } from "./kube-client.ts";
import type { KubeObject, ObjectKey, ResourceType } from "./objects.ts";
import { listAll } from "./paged-list.ts";
import { collectionPath, objectPath, type Query } from "./resource-path.ts";
import { pods } from "./resources.ts";
import {
  ApiError,
  type ApiRequest,
  type ApiResponse,
  type Transport,
  TransportError,
} from "./transport.ts";

export interface KubeClientOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** On every write. */
  readonly fieldManager: string;
  /** Longest time that one call waits for 429 and 503 in all, ms. */
  readonly retryBudgetMs?: number;
  readonly pageSize?: number;
  /** Ends every request and every wait. */
  readonly signal?: AbortSignal;
}

const RETRY_BUDGET_MS = 30_000;
const PAGE_SIZE = 500;

function keyOf(object: KubeObject): ObjectKey {
  return { namespace: object.metadata.namespace ?? "", name: object.metadata.name };
}

/** Every field of `part` stands in `whole`, with its value. */
function includes(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) {
    return (
      Array.isArray(whole) &&
      whole.length === part.length &&
      part.every((item, index) => includes(whole[index], item))
    );
  }
  if (!isRecord(part)) return whole === part;
  if (!isRecord(whole)) return false;
  return Object.entries(part).every(
    ([name, value]) => value === undefined || includes(whole[name], value),
  );
}

/** No one knows whether the request had its effect. */
function isUnanswered(error: unknown): boolean {
  return error instanceof TransportError || (error instanceof ApiError && error.status === 504);
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status;
}

class Client implements KubeClient {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #write: Query;
  readonly #budgetMs: number;
  readonly #pageSize: number;
  readonly #signal: AbortSignal | undefined;

  constructor(options: KubeClientOptions) {
    this.#transport = options.transport;
    this.#clock = options.clock;
    this.#write = { fieldManager: options.fieldManager, fieldValidation: "Strict" };
    this.#budgetMs = options.retryBudgetMs ?? RETRY_BUDGET_MS;
    this.#pageSize = options.pageSize ?? PAGE_SIZE;
    this.#signal = options.signal;
  }

  async get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T | undefined> {
    const response = await this.#send({ method: "GET", path: objectPath(type, key) });
    if (response.status === 404) return undefined;
    return bodyOf(response) as T;
  }

  async list<T extends KubeObject>(
    type: ResourceType<T>,
    options: ListOptions = {},
  ): Promise<readonly T[]> {
    const list = await listAll(type, {
      ...options,
      pageSize: this.#pageSize,
      fetchPage: async (path) => bodyOf(await this.#send({ method: "GET", path })),
    });
    return list.items;
  }

  async create<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T> {
    const key = keyOf(object);
    // Names are given here and never generated: what a lost answer did can be looked up.
    objectPath(type, key);
    let waited = false;
    try {
      const response = await this.#send(
        {
          method: "POST",
          path: collectionPath(type, key.namespace, this.#write),
          contentType: "application/json",
          body: object,
        },
        () => {
          waited = true;
        },
      );
      return bodyOf(response) as T;
    } catch (error) {
      const doubtful = isUnanswered(error) || (waited && isStatus(error, 409));
      if (!doubtful) throw error;
      return await this.#resolveCreate(type, object, error);
    }
  }

  /** A create without an answer: what stands there now says whether it had its effect. */
  async #resolveCreate<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    cause: unknown,
  ): Promise<T> {
    const live = await this.get(type, keyOf(object)).catch(() => undefined);
    if (live === undefined) throw cause;
    if (includes(live, object)) return live;
    const { namespace, name } = keyOf(object);
    throw new ApiError(
      409,
      "AlreadyExists",
      `${type.plural} "${namespace}/${name}" already exists`,
    );
  }

  async apply<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: ApplyOptions = {},
  ): Promise<T> {
    const query = options.force ? { ...this.#write, force: "true" } : this.#write;
    return await this.#applyTo(objectPath(type, keyOf(object), query), object);
  }

  async applyStatus<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T> {
    const path = (query: Query) => objectPath(type, keyOf(object), query, "status");
    try {
      return await this.#applyTo(path(this.#write), object);
    } catch (error) {
      // With a resourceVersion a conflict may mean that the object is newer: then it stands.
      const isOwnedByOthers = isStatus(error, 409) && !object.metadata.resourceVersion;
      if (!isOwnedByOthers) throw error;
      return await this.#applyTo(path({ ...this.#write, force: "true" }), object);
    }
  }

  async #applyTo<T extends KubeObject>(path: string, body: T): Promise<T> {
    const contentType = "application/apply-patch+yaml";
    return bodyOf(await this.#send({ method: "PATCH", path, contentType, body })) as T;
  }

  async mergePatch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: unknown,
  ): Promise<T> {
    const response = await this.#send({
      method: "PATCH",
      path: objectPath(type, key, this.#write),
      contentType: "application/merge-patch+json",
      body: patch,
    });
    return bodyOf(response) as T;
  }

  async replace<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T> {
    const response = await this.#send({
      method: "PUT",
      path: objectPath(type, keyOf(object), this.#write),
      contentType: "application/json",
      body: object,
    });
    return bodyOf(response) as T;
  }

  async delete(
    type: ResourceType,
    key: ObjectKey,
    options: { readonly uid: string; readonly gracePeriodSeconds?: number },
  ): Promise<void> {
    const response = await this.#send({
      method: "DELETE",
      path: objectPath(type, key),
      contentType: "application/json",
      body: deleteOptions(options),
    });
    await this.#expectGone(response, type, key, options.uid);
  }

  async evict(
    pod: ObjectKey,
    options: { readonly uid: string; readonly gracePeriodSeconds?: number },
  ): Promise<void> {
    const response = await this.#transport.request({
      method: "POST",
      path: objectPath(pods, pod, this.#write, "eviction"),
      contentType: "application/json",
      body: {
        apiVersion: "policy/v1",
        kind: "Eviction",
        metadata: pod,
        deleteOptions: deleteOptions(options),
      },
      ...(this.#signal && { signal: this.#signal }),
    });
    await this.#expectGone(response, pods, pod, options.uid);
  }

  /** A conflict that comes from another object of the same name means: gone. */
  async #expectGone(
    response: ApiResponse,
    type: ResourceType,
    key: ObjectKey,
    uid: string,
  ): Promise<void> {
    if (response.status === 404) return;
    if (response.status === 409) {
      const live = await this.get(type, key);
      if (live === undefined || live.metadata.uid !== uid) return;
    }
    bodyOf(response);
  }

  /** Sends, and waits out 429 and 503 as the server asks, within the budget. */
  async #send(request: ApiRequest, onWait?: () => void): Promise<ApiResponse> {
    const sent = this.#signal ? { ...request, signal: this.#signal } : request;
    let leftMs = this.#budgetMs;
    for (;;) {
      const response = await this.#transport.request(sent);
      if (response.status !== 429 && response.status !== 503) return response;
      const refusal = apiErrorOf(response.status, response.body, response.retryAfterSeconds);
      if (refusal.retryAfterSeconds === undefined) return response;
      // A server that says 0 is not asked in a loop.
      const waitMs = Math.max(100, refusal.retryAfterSeconds * 1_000);
      if (waitMs > leftMs) return response;
      leftMs -= waitMs;
      onWait?.();
      await this.#clock.sleep(waitMs, this.#signal);
    }
  }
}

function deleteOptions(options: { uid: string; gracePeriodSeconds?: number }): unknown {
  return {
    apiVersion: "v1",
    kind: "DeleteOptions",
    preconditions: { uid: options.uid },
    propagationPolicy: "Background",
    ...(options.gracePeriodSeconds !== undefined && {
      gracePeriodSeconds: options.gracePeriodSeconds,
    }),
  };
}

/** Verbs over a transport; see KubeClient for what each promises. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  return new Client(options);
}
