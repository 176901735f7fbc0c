import type { StoreClient } from "../apiserver/store-client.ts";
import {
  CONFIG_MAPS,
  type Container,
  type EnvVar,
  type Pod,
  SECRETS,
} from "../controllers/api-types.ts";
import { parseQuantity } from "../schema/quantity.ts";

/** What the machine knows of the pod beside its object. */
export interface PodPlace {
  readonly podIp: string;
  readonly hostIp: string;
  readonly nodeName: string;
}

/** The container cannot be made as its spec asks: CreateContainerConfigError. */
export class ContainerConfigError extends Error {
  override readonly name = "ContainerConfigError";
}

export interface EnvironmentInput {
  readonly store: Pick<StoreClient, "get">;
  readonly pod: Pod;
  readonly container: Container;
  readonly place: PodPlace;
  /** What the machine sets; the pod's own values win. */
  readonly base: Readonly<Record<string, string>>;
}

/**
 * The environment of a container: `envFrom`, then `env` in its order, each value with `$(NAME)` of
 * what stands before it.
 */
export function containerEnvironment(input: EnvironmentInput): Record<string, string> {
  const { container, base } = input;
  const fromSpec: Record<string, string> = {};
  for (const source of container.envFrom ?? []) {
    for (const [key, value] of sourceEntries(input, source)) {
      fromSpec[`${source.prefix ?? ""}${key}`] = value;
    }
  }
  for (const variable of container.env ?? []) {
    const value =
      variable.valueFrom === undefined
        ? expand(variable.value ?? "", fromSpec)
        : referencedValue(input, variable);
    if (value !== undefined) fromSpec[variable.name] = value;
  }
  return { ...base, ...fromSpec };
}

/** `$(NAME)` becomes its value, `$$` a `$`; an unknown name stays as it is written. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? "$" : (env[name] ?? whole),
  );
}

type EnvSource = NonNullable<Container["envFrom"]>[number];

function sourceEntries(input: EnvironmentInput, source: EnvSource): readonly [string, string][] {
  const namespace = input.pod.metadata.namespace ?? "";
  if (source.configMapRef !== undefined) {
    const name = source.configMapRef.name ?? "";
    const found = input.store.get(CONFIG_MAPS, { namespace, name });
    if (found !== undefined) return Object.entries(found.data ?? {});
    if (source.configMapRef.optional === true) return [];
    throw new ContainerConfigError(`configmap "${name}" not found`);
  }
  if (source.secretRef !== undefined) {
    const name = source.secretRef.name ?? "";
    const found = input.store.get(SECRETS, { namespace, name });
    if (found !== undefined) return Object.entries(found.data ?? {}).map(decoded);
    if (source.secretRef.optional === true) return [];
    throw new ContainerConfigError(`secret "${name}" not found`);
  }
  return [];
}

function decoded([key, value]: [string, string]): [string, string] {
  return [key, Buffer.from(value, "base64").toString()];
}

/** Undefined where an optional reference leads nowhere: the variable is not set then. */
function referencedValue(input: EnvironmentInput, variable: EnvVar): string | undefined {
  const from = variable.valueFrom ?? {};
  if (from.fieldRef !== undefined) {
    const value = podField(input.pod, from.fieldRef.fieldPath, input.place);
    if (value !== undefined) return value;
    throw new ContainerConfigError(
      `env ${variable.name}: fieldPath ${from.fieldRef.fieldPath} is not supported`,
    );
  }
  if (from.configMapKeyRef !== undefined) return configMapKey(input, from.configMapKeyRef);
  if (from.secretKeyRef !== undefined) return secretKey(input, from.secretKeyRef);
  if (from.resourceFieldRef !== undefined) return resourceField(input, from.resourceFieldRef);
  return undefined;
}

interface KeyReference {
  readonly key: string;
  readonly name?: string;
  readonly optional?: boolean;
}

function configMapKey(input: EnvironmentInput, { key, name = "", optional }: KeyReference) {
  const { namespace = "" } = input.pod.metadata;
  const found = input.store.get(CONFIG_MAPS, { namespace, name });
  const value = found?.data?.[key];
  if (value !== undefined || optional === true) return value;
  throw new ContainerConfigError(
    found === undefined
      ? `configmap "${name}" not found`
      : `couldn't find key ${key} in ConfigMap ${namespace}/${name}`,
  );
}

function secretKey(input: EnvironmentInput, { key, name = "", optional }: KeyReference) {
  const { namespace = "" } = input.pod.metadata;
  const found = input.store.get(SECRETS, { namespace, name });
  const value = found?.data?.[key];
  if (value !== undefined) return Buffer.from(value, "base64").toString();
  if (optional === true) return undefined;
  throw new ContainerConfigError(
    found === undefined
      ? `secret "${name}" not found`
      : `couldn't find key ${key} in Secret ${namespace}/${name}`,
  );
}

function resourceField(
  { container }: EnvironmentInput,
  { resource, divisor }: { readonly resource: string; readonly divisor?: string },
): string {
  const [list, name = ""] = resource.split(".");
  const resources = list === "limits" ? container.resources?.limits : container.resources?.requests;
  const quantity = (resources as Readonly<Record<string, string>> | undefined)?.[name] ?? "0";
  const unit = nanosOf(divisor ?? "0") || NANOS;
  return String((nanosOf(quantity) + unit - 1n) / unit);
}

const NANOS = 1_000_000_000n;

/** The API server has refused what is no quantity. */
function nanosOf(quantity: string): bigint {
  return parseQuantity(quantity)?.nanos ?? 0n;
}

/** The value of a field path of the downward API; undefined where it has none. */
export function podField(pod: Pod, path: string, place: PodPlace): string | undefined {
  const { metadata } = pod;
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (subscript !== null) {
    return metadata[subscript[1] as "labels" | "annotations"]?.[subscript[2] ?? ""] ?? "";
  }
  const fields: Readonly<Record<string, string | undefined>> = {
    "metadata.name": metadata.name,
    "metadata.namespace": metadata.namespace,
    "metadata.uid": metadata.uid,
    "metadata.labels": quotedMap(metadata.labels),
    "metadata.annotations": quotedMap(metadata.annotations),
    "spec.nodeName": place.nodeName,
    "spec.serviceAccountName": pod.spec?.serviceAccountName ?? "default",
    "status.podIP": place.podIp,
    "status.podIPs": place.podIp,
    "status.hostIP": place.hostIp,
    "status.hostIPs": place.hostIp,
  };
  return fields[path];
}

function quotedMap(map: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(map).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return lines.sort().join("\n");
}
