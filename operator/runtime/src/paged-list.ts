import { isExpired, isRecord } from "./api-status.ts";
import type { KubeObject, ResourceType } from "./objects.ts";
import { collectionPath } from "./resource-path.ts";

export interface ListRequest {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly pageSize: number;
  /** Body of a GET; throws ApiError. */
  readonly fetchPage: (path: string) => Promise<unknown>;
}

export interface CompleteList<T> {
  readonly items: readonly T[];
  /** The state that the items are of; where a watch goes on. */
  readonly resourceVersion: string;
}

/** An object of a list or a watch, complete: lists of built-in kinds leave the type out. */
export function objectOf<T extends KubeObject>(type: ResourceType<T>, value: unknown): T {
  const metadata = isRecord(value) ? value["metadata"] : undefined;
  if (!isRecord(value) || !isRecord(metadata) || typeof metadata["name"] !== "string") {
    throw new TypeError(`${type.plural}: the server sent an object without metadata.name`);
  }
  return { ...value, apiVersion: type.apiVersion, kind: type.kind } as unknown as T;
}

async function listOnce<T extends KubeObject>(
  type: ResourceType<T>,
  request: ListRequest,
  limit: number | undefined,
): Promise<CompleteList<T>> {
  const items: T[] = [];
  let token: string | undefined;
  for (;;) {
    const body = await request.fetchPage(
      collectionPath(type, request.namespace, {
        labelSelector: request.labelSelector,
        fieldSelector: request.fieldSelector,
        limit: limit?.toString(),
        continue: token,
      }),
    );
    const page = isRecord(body) ? body : {};
    const metadata = page["metadata"];
    if (!isRecord(metadata) || typeof metadata["resourceVersion"] !== "string") {
      throw new TypeError(`${type.plural}: the server sent a list without a resourceVersion`);
    }
    const pageItems = page["items"] ?? [];
    if (!Array.isArray(pageItems)) throw new TypeError(`${type.plural}: items is no list`);
    for (const item of pageItems) items.push(objectOf(type, item));
    const next = metadata["continue"];
    if (typeof next !== "string" || next === "") {
      return { items, resourceVersion: metadata["resourceVersion"] };
    }
    token = next;
  }
}

/**
 * All pages of a list, of one state. Where that state expires between two pages, the list starts
 * over in one piece, because pages of two states together are no state at all.
 */
export async function listAll<T extends KubeObject>(
  type: ResourceType<T>,
  request: ListRequest,
): Promise<CompleteList<T>> {
  try {
    return await listOnce(type, request, request.pageSize);
  } catch (error) {
    if (!isExpired(error)) throw error;
    return await listOnce(type, request, undefined);
  }
}
