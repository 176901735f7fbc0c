import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { ApiStatus } from "../local-cluster/src/apiserver/api-status.ts";
import { admit } from "../local-cluster/src/schema/admit.ts";
import { type CompiledKind, compileCrd } from "../local-cluster/src/schema/kinds.ts";
import type { JsonObject } from "../local-cluster/src/schema/schema.ts";
import { customResourceDefinitions } from "../src/api/v1alpha1/crds.ts";

interface Case {
  readonly name: string;
  readonly operation: "create" | "update";
  readonly object: JsonObject;
  readonly old?: JsonObject;
  /** As kubectl printed the answer of a real API server; absent: it took the object. */
  readonly refused?: string;
}

const { cases } = JSON.parse(
  readFileSync(new URL("./crd-cases.json", import.meta.url), "utf8"),
) as { cases: Case[] };

const kinds = new Map<unknown, CompiledKind>(
  customResourceDefinitions()
    .flatMap((crd) => compileCrd(crd))
    .map((kind) => [kind.kind, kind]),
);

function kindOf(object: JsonObject): CompiledKind {
  const kind = kinds.get(object["kind"]);
  if (kind === undefined) throw new Error(`no CRD for ${String(object["kind"])}`);
  return kind;
}

/** The object with its defaults, as the API server would have stored it. */
function stored(object: JsonObject): JsonObject {
  return admit(kindOf(object), { object, operation: "create", fieldValidation: "Strict" }).object;
}

/** Lines that kubectl makes of the answer; empty where the object is taken. */
function refusal({ object, old, operation }: Case): readonly string[] {
  try {
    const before = old === undefined ? {} : { old: stored(old) };
    admit(kindOf(object), { object, operation, fieldValidation: "Strict", ...before });
    return [];
  } catch (error) {
    if (!(error instanceof ApiStatus)) throw error;
    const causes = error.causes ?? [];
    if (causes.length === 0) return [error.message];
    return causes.map(({ field, message }) => `${field}: ${message}`).toSorted();
  }
}

describe("the CRDs refuse in the words of Kubernetes v1.34.4", () => {
  test.each(cases)("$operation: $name", (each) => {
    const lines = refusal(each);
    if (each.refused === undefined) return expect(lines).toEqual([]);
    const [head = "", ...bullets] = each.refused.split("\n* ");
    const said = bullets.length > 0 ? bullets : [head.replace(/^The \S+ "\S+" is invalid: /, "")];
    const plain = said.map((line) => line.replace(/^Error from server.*?: .*?STDIN": /, ""));
    expect(lines).toEqual(plain.toSorted());
  });
});

test("a set of a few words gets every default", () => {
  const [first] = cases;
  if (first === undefined) throw new Error("a case");
  expect(stored(first.object)["spec"]).toMatchObject({
    replicas: 4,
    spares: 1,
    faultTolerance: 1,
    mode: "Observe",
    paused: false,
    endorsements: [],
    prices: {},
    storage: { size: "10Gi" },
    placement: { topologyKey: "topology.kubernetes.io/zone" },
    healing: {
      signals: ["Chain", "Peers", "Kubernetes"],
      intervalSeconds: 5,
      cooldownSeconds: 120,
      dailyBudget: 4,
    },
    trustPeriodHours: 336,
    deletionPolicy: "Retain",
  });
});

describe("spec.maintenance", () => {
  const until = "2026-01-31T08:00:00Z";
  const refused = (entry: JsonObject): readonly string[] => {
    const [first] = cases;
    if (first === undefined) throw new Error("a case");
    const { spec, metadata } = first.object as { spec: JsonObject; metadata: JsonObject };
    const object = { ...first.object, metadata: { ...metadata, name: "val" } };
    const full = { ...spec, maintenance: [{ reason: "new disks", until, ...entry }] };
    return refusal({ name: "", operation: "create", object: { ...object, spec: full } });
  };

  test("takes a member of the set or a zone", () => {
    expect(refused({ member: "val-3" })).toEqual([]);
    expect(refused({ zone: "zone-1" })).toEqual([]);
  });

  test.each([
    [{}, "name a member or a zone"],
    [{ member: "val-3", zone: "zone-1" }, "name a member or a zone"],
    [{ member: "other-3" }, "spec.maintenance.member: name a member of this set"],
    [{ member: "val" }, "spec.maintenance.member: name a member of this set"],
    [{ member: "val-a-3" }, "spec.maintenance.member: name a member of this set"],
    [{ member: "val-3", until: "tomorrow" }, "maintenance.until: write a time in UTC"],
    [{ member: "val-3", reason: "" }, "spec.maintenance[0].reason"],
  ])("refuses %o by field and fix", (entry, said) => {
    expect(refused(entry).join("\n")).toContain(said);
  });
});

test("every list has a bound, so that the cost of CEL has one, and every field a description", () => {
  const unbounded: string[] = [];
  const silent: string[] = [];
  const visit = (schema: JsonObject, path: string): void => {
    if (schema["type"] === "array" && schema["maxItems"] === undefined) unbounded.push(path);
    if (schema["type"] === "string" && schema["maxLength"] === undefined && !schema["enum"]) {
      unbounded.push(path);
    }
    for (const [name, inner] of Object.entries((schema["properties"] ?? {}) as JsonObject)) {
      const field = inner as JsonObject;
      if (/^\.spec\.\w+$/.test(`${path}.${name}`) && field["description"] === undefined) {
        silent.push(`${path}.${name}`);
      }
      visit(field, `${path}.${name}`);
    }
    if (schema["items"] !== undefined) visit(schema["items"] as JsonObject, `${path}[]`);
  };
  for (const crd of customResourceDefinitions()) {
    const { versions } = crd["spec"] as { versions: { schema: { openAPIV3Schema: JsonObject } }[] };
    for (const { schema } of versions) visit(schema.openAPIV3Schema, "");
  }
  expect(unbounded).toEqual([".apiVersion", ".kind", ".apiVersion", ".kind"]);
  expect(silent).toEqual([]);
});

test("manifests/install.yaml has these CRDs: else npm run gen and npm run chart -- --write", () => {
  const text = readFileSync(new URL("../../manifests/install.yaml", import.meta.url), "utf8");
  const installed = parseAllDocuments(text)
    .map((document) => document.toJSON())
    .filter(({ kind }) => kind === "CustomResourceDefinition");
  const byName = Object.fromEntries(
    installed.map(({ metadata, spec }) => [metadata.name, JSON.parse(JSON.stringify(spec))]),
  );
  const source: readonly unknown[] = customResourceDefinitions();
  for (const { metadata, spec } of source as readonly Installed[]) {
    expect(byName[metadata.name]).toEqual(JSON.parse(JSON.stringify(spec)));
  }
});

interface Installed {
  readonly metadata: { readonly name: string };
  readonly spec: unknown;
}
