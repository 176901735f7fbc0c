import type { ObjectKey, ResourceType } from "./objects.ts";

export type Query = Readonly<Record<string, string | undefined>>;

function withQuery(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, value);
  }
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** All objects of a type, in one namespace or (without one) in all. */
export function collectionPath(
  type: ResourceType,
  namespace: string | undefined,
  query: Query = {},
): string {
  const root = type.apiVersion.includes("/") ? "/apis/" : "/api/";
  const scope = type.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return withQuery(`${root}${type.apiVersion}${scope}/${type.plural}`, query);
}

/** One object, or a subresource of it. */
export function objectPath(
  type: ResourceType,
  key: ObjectKey,
  query: Query = {},
  subresource?: "status" | "eviction",
): string {
  if (key.name === "")
    throw new RangeError(`${type.kind}: metadata.name is empty; name the object`);
  if (type.namespaced && key.namespace === "") {
    throw new RangeError(`${type.kind} ${key.name}: metadata.namespace is empty; name one`);
  }
  const collection = collectionPath(type, key.namespace);
  const tail = subresource === undefined ? "" : `/${subresource}`;
  return withQuery(`${collection}/${encodeURIComponent(key.name)}${tail}`, query);
}
