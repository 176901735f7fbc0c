import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ApiStatus } from "../apiserver/api-status.ts";
import { admit } from "./admit.ts";
import { builtinKinds, type CompiledKind, compileCrd } from "./kinds.ts";
import type { JsonObject } from "./schema.ts";

const crd = JSON.parse(
  readFileSync(new URL("./recorded/gadget-crd.json", import.meta.url), "utf8"),
) as JsonObject;

function builtin(kind: string): CompiledKind {
  return builtinKinds().find((one) => one.kind === kind && one.group !== "events") as CompiledKind;
}

function judge(kind: CompiledKind, object: JsonObject, old?: JsonObject) {
  const type = { apiVersion: kind.group === "" ? "v1" : `${kind.group}/v1`, kind: kind.kind };
  try {
    return admit(kind, {
      object: { ...type, ...object },
      ...(old === undefined ? {} : { old: { ...type, ...old } }),
      operation: old === undefined ? "create" : "update",
      fieldValidation: "Strict",
    });
  } catch (error) {
    if (error instanceof ApiStatus) return error;
    throw error;
  }
}

function refusal(kind: CompiledKind, object: JsonObject, old?: JsonObject): string {
  const outcome = judge(kind, object, old);
  return outcome instanceof ApiStatus ? outcome.message : "admitted";
}

const ADVICE =
  'metadata.finalizers: "hold": prefer a domain-qualified finalizer name to avoid accidental ' +
  "conflicts with other finalizer writers";

describe("finalizers without a slash", () => {
  const held = { name: "x", finalizers: ["hold"] };

  test("are refused on a built-in kind", () => {
    expect(refusal(builtin("ConfigMap"), { metadata: held })).toContain(
      'metadata.finalizers[0]: Invalid value: "hold": name is neither a standard finalizer name',
    );
  });

  test("are advised against on a custom kind, once: when they are added", () => {
    const custom = compileCrd(withSchema({ type: "object" }))[0] as CompiledKind;
    const object = { metadata: held };
    expect(judge(custom, object)).toMatchObject({ warnings: [ADVICE] });
    expect(judge(custom, object, object)).toMatchObject({ warnings: [] });
  });
});

describe("owner references", () => {
  const owner = { apiVersion: "v1", kind: "Pod", name: "a", uid: "1", controller: true };

  test("an empty field is named without its index", () => {
    const metadata = { name: "x", ownerReferences: [{ ...owner, uid: "" }] };
    expect(refusal(builtin("ConfigMap"), { metadata })).toBe(
      'ConfigMap "x" is invalid: metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    );
  });

  test("two controllers are both named", () => {
    const metadata = { name: "x", ownerReferences: [owner, { ...owner, name: "b", uid: "2" }] };
    expect(refusal(builtin("ConfigMap"), { metadata })).toContain(
      'Only one reference can have Controller set to true. Found "true" in references for Pod/a ' +
        "and Pod/b",
    );
  });
});

describe("names of namespaces", () => {
  test.each([
    ["a.b", "must not contain dots"],
    ["A.b", "a lowercase RFC 1123 label must consist of"],
    ["a_b", "a lowercase RFC 1123 label must consist of"],
    ["a".repeat(64), "must be no more than 63 bytes"],
  ])("%s", (name, message) => {
    expect(refusal(builtin("Namespace"), { metadata: { name } })).toContain(message);
  });
});

describe("values", () => {
  test("format int32 bounds nothing: the real validator looks at the formats of texts alone", () => {
    const schema = {
      type: "object",
      properties: { count: { type: "integer", format: "int32" } },
    };
    const wide = compileCrd(withSchema(schema))[0] as CompiledKind;
    expect(refusal(wide, { metadata: { name: "x" }, count: 4294967296 })).toBe("admitted");
  });

  test("an address of a service that changes is shown as it would be", () => {
    const metadata = { name: "s" };
    const ports = [{ port: 80 }];
    const old = { metadata, spec: { clusterIP: "None", clusterIPs: ["None"], ports } };
    const spec = { ...old.spec, clusterIP: "10.96.0.9" };
    expect(refusal(builtin("Service"), { metadata, spec }, old)).toContain(
      'spec.clusterIPs[0]: Invalid value: ["10.96.0.9"]: may not change once set',
    );
  });
});

describe("CustomResourceDefinitions", () => {
  const kind = builtin("CustomResourceDefinition");
  const text = (rules: object[], value: string) => ({
    type: "object",
    properties: { word: { type: "string", default: value, "x-kubernetes-validations": rules } },
  });

  test("are judged when they are written", () => {
    expect(refusal(kind, crd)).toBe("admitted");
    const wrong = { ...(crd["spec"] as JsonObject), scope: "Everywhere" };
    expect(refusal(kind, { ...crd, spec: wrong })).toContain(
      'spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced"',
    );
  });

  test("a rule that can't be compiled is told by the default that it would judge", () => {
    const schema = text([{ rule: "self + 1" }], "a");
    expect(refusal(kind, withSchema(schema))).toContain(
      'properties[word].default: Invalid value: "string": rule compile error: compilation failed: ' +
        "ERROR: <input>:1:6: found no matching overload for '_+_' applied to '(string, int)'",
    );
  });

  test("a default that breaks a rule is refused", () => {
    const schema = text([{ rule: "self != 'a'", message: "not a" }], "a");
    const refused = refusal(kind, withSchema(schema));
    expect(refused).toContain('properties[word].default: Invalid value: "string": not a');
    expect(refusal(kind, withSchema(text([{ rule: "self == oldSelf" }], "a")))).toBe("admitted");
  });
});

function withSchema(schema: object): JsonObject {
  const spec = structuredClone(crd["spec"]) as { versions: JsonObject[] } & JsonObject;
  const versions = spec.versions.map((version) => {
    const { additionalPrinterColumns: _columns, subresources: _sub, ...rest } = version;
    return { ...rest, schema: { openAPIV3Schema: schema } };
  });
  return { ...crd, spec: { ...spec, versions } } as unknown as JsonObject;
}
