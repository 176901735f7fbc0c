import { assert } from "@quorate/node/kernel/assert";
import { z } from "zod";
import { GROUP } from "./labels.ts";
import { validatorRotation } from "./validator-rotation.ts";
import { validatorSet } from "./validator-set.ts";

type Json = Record<string, unknown>;

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What JSON Schema has and a structural schema of the API server has not. */
const FOREIGN = new Set(["$schema", "propertyNames"]);

function isNoise(name: string, value: unknown, keepRequired: boolean): boolean {
  if (FOREIGN.has(name)) return true;
  // A structural schema prunes unknown fields by itself.
  if (name === "additionalProperties" && !isJson(value)) return true;
  if (name === "required" && !keepRequired) return true;
  // Every JSON number of ours is a safe integer: bounds that say only this say nothing.
  return value === Number.MAX_SAFE_INTEGER || value === Number.MIN_SAFE_INTEGER;
}

function propertiesOf(properties: Json, keepRequired: boolean): Json {
  const entries = Object.entries(properties).map(([field, inner]) => {
    assert(isJson(inner), `${field} has a schema`);
    // A status is written in steps: each field may be missing.
    return [field, structural(inner, keepRequired && field !== "status")];
  });
  return Object.fromEntries(entries);
}

/** JSON Schema to the structural schema of a CRD. */
function structural(schema: Json, keepRequired: boolean): Json {
  const { description } = schema;
  const out: Json = description === undefined ? {} : { description };
  for (const [name, value] of Object.entries(schema)) {
    if (isNoise(name, value, keepRequired)) continue;
    if (name === "properties" && isJson(value)) out[name] = propertiesOf(value, keepRequired);
    else if (isJson(value) && (name === "items" || name === "additionalProperties")) {
      out[name] = structural(value, keepRequired);
    } else out[name] = value;
  }
  const keys = schema["x-kubernetes-list-map-keys"];
  // Keys of a list-map are required also where nothing else is.
  if (Array.isArray(keys) && isJson(out["items"])) out["items"]["required"] ??= keys;
  if (out["type"] === "integer") out["format"] = "int64";
  if (out["x-kubernetes-int-or-string"] === true) {
    out["anyOf"] = [{ type: "integer" }, { type: "string" }];
  }
  return out;
}

function openApi(schema: z.ZodType): Json {
  const json = structural(z.toJSONSchema(schema, { io: "input" }) as Json, true);
  const own = json["properties"] as Json;
  const properties = {
    apiVersion: { type: "string", description: "quorate.dev/v1alpha1" },
    kind: { type: "string", description: "Kind of the object." },
    metadata: { type: "object" },
    ...own,
  };
  return { ...json, properties };
}

const condition = (type: string, field: string) =>
  `.status.conditions[?(@.type=="${type}")].${field}`;

function column(name: string, type: string, jsonPath: string, description: string, wide = false) {
  return { name, type, jsonPath, description, ...(wide ? { priority: 1 } : {}) };
}

interface Definition {
  readonly kind: string;
  readonly shortName: string;
  readonly schema: z.ZodType;
  readonly columns: readonly Json[];
  readonly scale: boolean;
}

const age = column("Age", "date", ".metadata.creationTimestamp", "Since its creation.");

const set: Definition = {
  kind: "ValidatorSet",
  shortName: "vset",
  schema: validatorSet,
  scale: true,
  columns: [
    column("Voters", "integer", ".status.voters", "Members of the set that are ours."),
    column("Spares", "integer", ".status.spares", "Registered and not seated."),
    column("Budget", "integer", ".status.faultBudget.seats", "Seats that may still fail."),
    column("Height", "integer", ".status.chain.height", "Newest verified height."),
    column("Mode", "string", ".spec.mode", "What the operator may do."),
    column("Held", "string", condition("Held", "reason"), "Why the operator holds."),
    column("Ready", "string", condition("Ready", "status"), "Whether the set does its work."),
    age,
    column("Trusted", "string", condition("SignalsTrusted", "reason"), "Of the signals.", true),
    column("Image", "string", ".spec.image", "Of the nodes.", true),
  ],
};

const rotation: Definition = {
  kind: "ValidatorRotation",
  shortName: "vrot",
  schema: validatorRotation,
  scale: false,
  columns: [
    column("Set", "string", ".spec.set", "Whose seat."),
    column("Cause", "string", ".spec.cause", "Why."),
    column("Member", "string", ".status.memberName", "Who leaves."),
    column("Phase", "string", ".status.phase", "How far it is."),
    column("Newcomer", "string", ".status.newcomerName", "Who came."),
    age,
    column("Key", "string", ".spec.member", "The leaver's consensus key.", true),
    column("Message", "string", ".status.message", "For people.", true),
  ],
};

function definition({ kind, shortName, schema, columns, scale }: Definition): Json {
  const singular = kind.toLowerCase();
  const plural = `${singular}s`;
  // Seats are fixed at birth: what a person, or an autoscaler, may scale is the spares.
  const scaling = {
    specReplicasPath: ".spec.spares",
    statusReplicasPath: ".status.spares",
    labelSelectorPath: ".status.selector",
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: "Namespaced",
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames: [shortName] },
      versions: [
        {
          name: "v1alpha1",
          served: true,
          storage: true,
          subresources: { status: {}, ...(scale ? { scale: scaling } : {}) },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: openApi(schema) },
        },
      ],
    },
  };
}

/** The two CustomResourceDefinitions, as `npm run gen` writes them to charts/quorate/files/crds. */
export function customResourceDefinitions(): readonly Json[] {
  return [set, rotation].map(definition);
}
