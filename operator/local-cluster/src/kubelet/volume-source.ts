import type { KubeObject, ObjectKey, ResourceType } from "@quorate/runtime/objects";
import type { StoreClient } from "../apiserver/store-client.ts";
import {
  CONFIG_MAPS,
  type KeyToPath,
  type Pod,
  SECRETS,
  type Volume,
  type VolumeProjection,
} from "../controllers/api-types.ts";
import { type PodPlace, podField } from "./environment.ts";
import type { VolumeFile } from "./volume-folder.ts";

/** The volume cannot be set up yet; the pod waits for it. */
export class MountError extends Error {
  override readonly name = "MountError";
}

export interface VolumeInput {
  readonly store: Pick<StoreClient, "get">;
  readonly pod: Pod;
  readonly place: PodPlace;
}

type Files = Map<string, VolumeFile>;

const DEFAULT_MODE = 0o644;
/** Of secrets: our processes share one user, so no group or others as long as nothing asks. */
const SECRET_MODE = 0o600;

/** True where the volume's files come from objects: written by us, and again when they change. */
export function isProjected(volume: Volume): boolean {
  return (
    volume.configMap !== undefined ||
    volume.secret !== undefined ||
    volume.projected !== undefined ||
    volume.downwardAPI !== undefined
  );
}

/** What a config map, secret, downward or projected volume holds at this moment. */
export function projectedFiles(input: VolumeInput, volume: Volume): Files {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap !== undefined) {
    return configMapFiles(input, configMap, configMap.defaultMode ?? DEFAULT_MODE);
  }
  if (secret !== undefined) {
    const { secretName, ...rest } = secret;
    const source = { ...rest, ...(secretName === undefined ? {} : { name: secretName }) };
    // The API fills in 0644, which is not distinguished from one that was written.
    const mode = secret.defaultMode === DEFAULT_MODE ? SECRET_MODE : secret.defaultMode;
    return secretFiles(input, source, mode ?? SECRET_MODE);
  }
  if (downwardAPI !== undefined) {
    return downwardFiles(input, downwardAPI, downwardAPI.defaultMode ?? DEFAULT_MODE);
  }
  const mode = projected?.defaultMode ?? DEFAULT_MODE;
  const parts = (projected?.sources ?? []).map((source) => projectionFiles(input, source, mode));
  return new Map(parts.flatMap((part) => [...part]));
}

/** The objects that the volume's files come from, as `kind/name`. */
export function sourceNames(volume: Volume): readonly string[] {
  const projections = [volume, ...(volume.projected?.sources ?? [])];
  return projections.flatMap((one) => {
    const config = one.configMap?.name;
    const secret =
      one.secret === undefined
        ? undefined
        : "secretName" in one.secret
          ? one.secret.secretName
          : (one.secret as { readonly name?: string }).name;
    return [
      ...(config === undefined ? [] : [`ConfigMap/${config}`]),
      ...(secret === undefined ? [] : [`Secret/${secret}`]),
    ];
  });
}

function projectionFiles(input: VolumeInput, source: VolumeProjection, mode: number): Files {
  if (source.configMap !== undefined) return configMapFiles(input, source.configMap, mode);
  if (source.secret !== undefined) return secretFiles(input, source.secret, mode);
  if (source.downwardAPI !== undefined) return downwardFiles(input, source.downwardAPI, mode);
  // A service account's token: pods get KUBECONFIG in its place.
  return new Map();
}

interface KeyedSource {
  readonly name?: string;
  readonly optional?: boolean;
  readonly items?: readonly KeyToPath[];
}

function configMapFiles(input: VolumeInput, source: KeyedSource, mode: number): Files {
  const found = lookUp(input, CONFIG_MAPS, source);
  const text = Object.entries(found?.data ?? {}).map(([key, value]) => entry(key, value, "utf8"));
  const binary = Object.entries((found?.binaryData ?? {}) as Readonly<Record<string, string>>);
  const all = [...text, ...binary.map(([key, value]) => entry(key, value, "base64"))];
  return pick({ source, kind: "configmap", found: found !== undefined }, new Map(all), mode);
}

function secretFiles(input: VolumeInput, source: KeyedSource, mode: number): Files {
  const found = lookUp(input, SECRETS, source);
  const all = Object.entries(found?.data ?? {}).map(([key, value]) => entry(key, value, "base64"));
  return pick({ source, kind: "secret", found: found !== undefined }, new Map(all), mode);
}

function entry(key: string, value: string, encoding: "utf8" | "base64"): [string, Buffer] {
  return [key, Buffer.from(value, encoding)];
}

function lookUp<T extends KubeObject>(
  { store, pod }: VolumeInput,
  type: ResourceType<T>,
  { name = "", optional }: KeyedSource,
): T | undefined {
  const key: ObjectKey = { namespace: pod.metadata.namespace ?? "", name };
  const found = store.get(type, key);
  if (found === undefined && optional !== true) {
    throw new MountError(`${type.kind.toLowerCase()} "${name}" not found`);
  }
  return found;
}

/** The chosen keys under their paths; all keys where none is chosen. */
function pick(
  from: { readonly source: KeyedSource; readonly kind: string; readonly found: boolean },
  bytes: ReadonlyMap<string, Buffer>,
  mode: number,
): Files {
  const { source, kind, found } = from;
  if (source.items === undefined) {
    return new Map([...bytes].map(([key, value]) => [safePath(key), { bytes: value, mode }]));
  }
  const files: Files = new Map();
  for (const { key, path, mode: own } of source.items) {
    const value = bytes.get(key);
    if (value !== undefined) files.set(safePath(path), { bytes: value, mode: own ?? mode });
    else if (found && source.optional !== true) {
      throw new MountError(`${kind} "${source.name}": references non-existent config key: ${key}`);
    }
  }
  return files;
}

/** The API server refuses such paths; here a slip would write outside the pod's folder. */
function safePath(path: string): string {
  // Names of our own begin with "..", e.g. "..data".
  if (path.startsWith("/") || path.startsWith("..") || path.split("/").includes("..")) {
    throw new MountError(`path ${path} must be relative and without ".."`);
  }
  return path;
}

interface DownwardSource {
  readonly items?: readonly {
    readonly path: string;
    readonly mode?: number;
    readonly fieldRef?: { readonly fieldPath: string };
  }[];
}

function downwardFiles({ pod, place }: VolumeInput, source: DownwardSource, mode: number): Files {
  const files: Files = new Map();
  for (const item of source.items ?? []) {
    const value = podField(pod, item.fieldRef?.fieldPath ?? "", place);
    if (value === undefined) {
      throw new MountError(`downward API: field of ${item.path} is not supported`);
    }
    files.set(safePath(item.path), { bytes: Buffer.from(value), mode: item.mode ?? mode });
  }
  return files;
}
