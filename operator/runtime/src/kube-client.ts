import type { KubeObject, ObjectKey, ResourceType } from "./objects.ts";

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ApplyOptions {
  /** Takes fields over from other managers. */
  readonly force?: boolean;
}

/**
 * Verbs over a Transport. Every failure is an ApiError or a TransportError; a 429 or 503 with
 * Retry-After is waited out, within the budget given at construction.
 */
export interface KubeClient {
  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): Promise<T | undefined>;
  /** All pages. */
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<readonly T[]>;
  /** Throws ApiError AlreadyExists. */
  create<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T>;
  /** Server-side apply under the client's one field manager. */
  apply<T extends KubeObject>(type: ResourceType<T>, object: T, options?: ApplyOptions): Promise<T>;
  /**
   * Server-side apply to `/status`. Its fields are the client's own: taken over from whoever wrote
   * them, unless the object names a resourceVersion; then every conflict is an error.
   */
  applyStatus<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T>;
  /** JSON merge patch; `resourceVersion` in the patch makes it a compare and set. */
  mergePatch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: unknown,
  ): Promise<T>;
  /** PUT: throws ApiError Conflict where resourceVersion is not the newest. */
  replace<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T>;
  /** With the uid as a precondition. Gone already is no error. */
  delete(
    type: ResourceType,
    key: ObjectKey,
    options: { readonly uid: string; readonly gracePeriodSeconds?: number },
  ): Promise<void>;
  /**
   * Asks for an eviction (which disruption budgets may refuse: ApiError TooManyRequests, never
   * waited out), with the uid as a precondition. Gone already is no error.
   */
  evict(
    pod: ObjectKey,
    options: { readonly uid: string; readonly gracePeriodSeconds?: number },
  ): Promise<void>;
}
