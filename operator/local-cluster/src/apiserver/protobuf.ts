import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { ApiStatus } from "./api-status.ts";
import { badRequest } from "./failures.ts";
import { timestamp } from "./objects.ts";

type Scalar = "string" | "bytes" | "bool" | "int" | "time" | "int-or-string";
interface Field {
  readonly name: string;
  readonly type: Scalar | Message;
  readonly repeated?: boolean;
  /** No pointer in Go: zero and false are written too, and mean that it was not set. */
  readonly omitZero?: boolean;
  /** A map from string to `type`. */
  readonly map?: boolean;
}
/** Fields by their number, after k8s.io/api's generated.proto. */
type Message = Readonly<Record<number, Field>>;

const TEXT_MAP = { type: "string", map: true } as const;
const BYTES_MAP = { type: "bytes", map: true } as const;
const TEXTS = { type: "string", repeated: true } as const;

function text(name: string): Field {
  return { name, type: "string" };
}

const OWNER: Message = {
  1: text("kind"),
  3: text("name"),
  4: text("uid"),
  5: text("apiVersion"),
  6: { name: "controller", type: "bool" },
  7: { name: "blockOwnerDeletion", type: "bool" },
};

const META: Message = {
  1: text("name"),
  2: text("generateName"),
  3: text("namespace"),
  5: text("uid"),
  6: text("resourceVersion"),
  7: { name: "generation", type: "int", omitZero: true },
  8: { name: "creationTimestamp", type: "time" },
  11: { name: "labels", ...TEXT_MAP },
  12: { name: "annotations", ...TEXT_MAP },
  13: { name: "ownerReferences", type: OWNER, repeated: true },
  14: { name: "finalizers", ...TEXTS },
};

const metadata: Field = { name: "metadata", type: META };

const DELETE_OPTIONS: Message = {
  1: { name: "gracePeriodSeconds", type: "int" },
  2: { name: "preconditions", type: { 1: text("uid"), 2: text("resourceVersion") } },
  3: { name: "orphanDependents", type: "bool" },
  4: text("propagationPolicy"),
  5: { name: "dryRun", ...TEXTS },
};

const SERVICE_PORT: Message = {
  1: text("name"),
  2: text("protocol"),
  3: { name: "port", type: "int" },
  4: { name: "targetPort", type: "int-or-string" },
  5: { name: "nodePort", type: "int", omitZero: true },
};

const SERVICE_SPEC: Message = {
  1: { name: "ports", type: SERVICE_PORT, repeated: true },
  2: { name: "selector", ...TEXT_MAP },
  3: text("clusterIP"),
  4: text("type"),
  7: text("sessionAffinity"),
  10: text("externalName"),
  13: { name: "publishNotReadyAddresses", type: "bool", omitZero: true },
};

const RESOURCE_ATTRIBUTES: Message = {
  1: text("namespace"),
  2: text("verb"),
  3: text("group"),
  4: text("version"),
  5: text("resource"),
  6: text("subresource"),
  7: text("name"),
};

const ACCESS_SPEC: Message = {
  1: { name: "resourceAttributes", type: RESOURCE_ATTRIBUTES },
  2: { name: "nonResourceAttributes", type: { 1: text("path"), 2: text("verb") } },
};

const SCALE_SPEC: Message = { 1: { name: "replicas", type: "int" } };

/** The kinds that kubectl sends as protobuf and that are served here. */
const MESSAGES: Readonly<Record<string, Message>> = {
  DeleteOptions: DELETE_OPTIONS,
  "policy/v1/Eviction": {
    1: metadata,
    2: { name: "deleteOptions", type: DELETE_OPTIONS },
  },
  "v1/ConfigMap": {
    1: metadata,
    2: { name: "data", ...TEXT_MAP },
    3: { name: "binaryData", ...BYTES_MAP },
    4: { name: "immutable", type: "bool" },
  },
  "v1/Secret": {
    1: metadata,
    2: { name: "data", ...BYTES_MAP },
    3: text("type"),
    4: { name: "stringData", ...TEXT_MAP },
    5: { name: "immutable", type: "bool" },
  },
  "v1/Namespace": {
    1: metadata,
    2: { name: "spec", type: { 1: { name: "finalizers", ...TEXTS } } },
  },
  "v1/ServiceAccount": { 1: metadata, 4: { name: "automountServiceAccountToken", type: "bool" } },
  "v1/Service": { 1: metadata, 2: { name: "spec", type: SERVICE_SPEC } },
  "autoscaling/v1/Scale": { 1: metadata, 2: { name: "spec", type: SCALE_SPEC } },
  "authorization.k8s.io/v1/SelfSubjectAccessReview": {
    1: metadata,
    2: { name: "spec", type: ACCESS_SPEC },
  },
  "authorization.k8s.io/v1/SelfSubjectRulesReview": {
    1: metadata,
    2: { name: "spec", type: { 1: text("namespace") } },
  },
};

/** Every protobuf body begins with it: `k8s` and a zero byte. */
const MAGIC = [0x6b, 0x38, 0x73, 0x00];

function readScalar(reader: BinaryReader, type: Scalar): unknown {
  switch (type) {
    case "string":
      return reader.string();
    case "bytes":
      return Buffer.from(reader.bytes()).toString("base64");
    case "bool":
      return reader.bool();
    case "int":
      return Number(reader.int64());
    case "time": {
      const time = readMessage(reader.bytes(), { 1: { name: "seconds", type: "int" } });
      return timestamp(Number(time["seconds"] ?? 0) * 1000);
    }
    case "int-or-string": {
      const value = readMessage(reader.bytes(), {
        1: { name: "kind", type: "int" },
        2: { name: "number", type: "int" },
        3: { name: "text", type: "string" },
      });
      return value["kind"] === 1 ? (value["text"] ?? "") : (value["number"] ?? 0);
    }
  }
}

function readValue(reader: BinaryReader, type: Scalar | Message): unknown {
  return typeof type === "string" ? readScalar(reader, type) : readMessage(reader.bytes(), type);
}

function readMessage(bytes: Uint8Array, message: Message): Record<string, unknown> {
  const reader = new BinaryReader(bytes);
  const object: Record<string, unknown> = {};
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = message[number];
    if (field === undefined) {
      reader.skip(wire, number);
      continue;
    }
    if (field.map === true) {
      const entry = readMessage(reader.bytes(), {
        1: text("key"),
        2: { name: "value", type: field.type },
      });
      const map = (object[field.name] ?? {}) as Record<string, unknown>;
      map[String(entry["key"] ?? "")] = entry["value"] ?? "";
      object[field.name] = map;
    } else if (field.repeated === true) {
      const list = (object[field.name] ?? []) as unknown[];
      list.push(readValue(reader, field.type));
      object[field.name] = list;
    } else {
      const value = readValue(reader, field.type);
      if (field.omitZero !== true || value) object[field.name] = value;
    }
  }
  return object;
}

/** Go writes every string of a message, the empty ones too; JSON leaves those out. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value)
    .filter(([, item]) => item !== "")
    .map(([name, item]): [string, unknown] => [
      name,
      name === "data" || name === "stringData" || name === "labels" || name === "annotations"
        ? item
        : withoutEmpty(item),
    ]);
  return Object.fromEntries(kept);
}

/**
 * A body of type `application/vnd.kubernetes.protobuf`: the envelope `runtime.Unknown`
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding) as the object
 * that the same request in JSON has. Fields that are not in the tables above are left out.
 *
 * @throws ApiStatus: BadRequest without the envelope, 415 for a kind that has no table.
 */
export function decodeProtobuf(body: Uint8Array): Record<string, unknown> {
  if (MAGIC.some((byte, index) => body[index] !== byte)) {
    throw badRequest("the body is not a protobuf object: it does not begin with k8s\\0");
  }
  const reader = new BinaryReader(body.subarray(MAGIC.length));
  let type: Record<string, unknown> = {};
  let raw: Uint8Array = new Uint8Array();
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === 1)
      type = readMessage(reader.bytes(), { 1: text("apiVersion"), 2: text("kind") });
    else if (number === 2 && wire === WireType.LengthDelimited) raw = reader.bytes();
    else reader.skip(wire, number);
  }
  const apiVersion = String(type["apiVersion"] ?? "");
  const kind = String(type["kind"] ?? "");
  const message = MESSAGES[kind === "DeleteOptions" ? kind : `${apiVersion}/${kind}`];
  if (message === undefined) {
    throw new ApiStatus({
      code: 415,
      reason: "UnsupportedMediaType",
      message: `${apiVersion} ${kind} is not taken as protobuf here: send application/json`,
    });
  }
  return { kind, apiVersion, ...(withoutEmpty(readMessage(raw, message)) as object) };
}
