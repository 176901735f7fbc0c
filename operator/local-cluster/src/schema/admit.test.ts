import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ApiStatus } from "../apiserver/api-status.ts";
import { type AdmitRequest, admit } from "./admit.ts";
import { builtinKinds, type CompiledKind, compileCrd } from "./kinds.ts";
import type { JsonObject } from "./schema.ts";

interface Recorded extends AdmitRequest {
  readonly case: string;
  readonly group?: string;
  readonly kind: string;
  readonly code: number;
  readonly status?: { readonly message: string; readonly details?: { causes?: unknown } };
  readonly result?: JsonObject;
  readonly warnings?: readonly string[];
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./recorded/${name}`, import.meta.url), "utf8")) as T;
}

const gadget = compileCrd(read("gadget-crd.json"))[0] as CompiledKind;

/** Differences that stay, each with its reason. */
const GADGETS_APART = new Set([
  // JSON.parse gives 4 for 4.0: a whole number is an integer here.
  "float that is whole",
  // A fault of the real validator: it divides by the value.
  "exclusive minimum",
  // Judged by the router before admission.
  "wrong kind",
  "update other name",
  "uid changed",
  // A map's order: Go iterates in another one at each call.
  "bad label",
  // The message names the field without its parent, a slip of the real ratcheting validator.
  "status update invalid",
]);

describe("custom resources are judged as the API server v1.34.4 judged them", () => {
  for (const entry of read<Recorded[]>("gadgets.json")) {
    test(entry.case, () => {
      if (!GADGETS_APART.has(entry.case)) expectRecorded(gadget, entry);
    });
  }
});

/** Set outside of admission: by the store, by admission plugins, by controllers. */
function withoutServerFields(object: JsonObject | undefined): JsonObject {
  const { metadata, ...rest } = structuredClone(object) as { metadata: JsonObject } & JsonObject;
  for (const field of [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "namespace",
    "selfLink",
  ]) {
    delete metadata[field];
  }
  delete metadata["finalizers"];
  const spec = rest["spec"] as JsonObject | undefined;
  for (const field of PLUGIN_FIELDS) delete spec?.[field];
  for (const container of (spec?.["containers"] ?? []) as JsonObject[]) {
    const mounts = JSON.stringify(container["volumeMounts"] ?? []);
    // The token's volume, from the service account plugin.
    if (mounts.includes("kube-api-access-")) delete container["volumeMounts"];
  }
  delete (rest["status"] as JsonObject | undefined)?.["lastPhaseTransitionTime"];
  return { ...rest, metadata };
}

/** Of the admission plugins and allocators, which run after admission here. */
const PLUGIN_FIELDS = [
  "tolerations",
  "serviceAccount",
  "serviceAccountName",
  "priority",
  "preemptionPolicy",
  "clusterIP",
  "clusterIPs",
  "ipFamilies",
  "ipFamilyPolicy",
  "storageClassName",
  "volumes",
];

function expectRecorded(kind: CompiledKind, entry: Recorded): void {
  const outcome = judge(kind, entry);
  if (entry.code >= 300) {
    expect(outcome).toBeInstanceOf(ApiStatus);
    const status = outcome as ApiStatus;
    expect(status.message).toBe(withoutDump(entry.status?.message ?? ""));
    expect(status.code).toBe(entry.code);
    const causes = (entry.status?.details?.causes ?? []) as { message: string }[];
    expect(status.causes).toEqual(
      causes.map((cause) => ({ ...cause, message: withoutDump(cause.message) })),
    );
    return;
  }
  if (outcome instanceof ApiStatus) throw outcome;
  expect(withoutServerFields(outcome.object)).toEqual(withoutServerFields(entry.result));
  const texts = (entry.warnings ?? []).map((text) => JSON.parse(text.replace(/^299 - /, "")));
  expect(outcome.warnings).toEqual(texts);
}

/** Go's dump of the difference of two structs follows the words of some refusals. */
function withoutDump(message: string): string {
  return message.split("\n@@")[0] ?? message;
}

function judge(kind: CompiledKind, request: AdmitRequest) {
  try {
    return admit(kind, request);
  } catch (error) {
    if (error instanceof ApiStatus) return error;
    throw error;
  }
}

/** Judged by the authorizer, or with the namespace that the router sets. */
const BUILTIN_APART = new Set(["role binding no ref", "event other namespace"]);

describe("built-in kinds are judged as the API server v1.34.4 judged them", () => {
  for (const entry of read<Recorded[]>("builtin.json")) {
    test(entry.case, () => {
      const kind = builtinKinds().find(
        (candidate) => candidate.kind === entry.kind && candidate.group === (entry.group ?? ""),
      );
      if (kind === undefined) throw new Error(`no kind ${entry.kind}`);
      if (!BUILTIN_APART.has(entry.case)) expectRecorded(kind, entry);
    });
  }
});

describe("built-in kinds", () => {
  const causes = (kind: string, object: JsonObject): string => {
    const known = builtinKinds().find((one) => one.kind === kind && one.group === "");
    try {
      admit(known as CompiledKind, { object, operation: "create", fieldValidation: "Strict" });
      return "";
    } catch (error) {
      return (error as ApiStatus).message;
    }
  };

  test("a key that is or begins with two dots is no name of a file", () => {
    const withKey = (key: string) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "c", namespace: "default" },
      data: { [key]: "eHg=" },
    });
    expect(causes("ConfigMap", withKey("."))).toContain(
      `data[.]: Invalid value: ".": must not be '.'`,
    );
    expect(causes("ConfigMap", withKey(".."))).toContain("must not be '..'");
    expect(causes("ConfigMap", withKey("..data"))).toContain("must not start with '..'");
    expect(causes("Secret", { ...withKey(".."), kind: "Secret" })).toContain("must not be '..'");
    expect(causes("ConfigMap", withKey(".a..b"))).toBe("");
  });

  test("a subPath or a path of a volume's file stays within the volume", () => {
    const withPaths = (subPath: string, path: string) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace: "default" },
      spec: {
        volumes: [{ name: "v", configMap: { name: "c", items: [{ key: "k", path }] } }],
        containers: [
          {
            name: "c",
            image: "i",
            volumeMounts: [{ name: "v", mountPath: "/v", subPath }],
          },
        ],
      },
    });
    const mount = "spec.containers[0].volumeMounts[0].subPath: Invalid value";
    expect(causes("Pod", withPaths("../../..", "f"))).toContain(
      `${mount}: "../../..": must not contain '..'`,
    );
    expect(causes("Pod", withPaths("/a", "f"))).toContain(
      `${mount}: "/a": must be a relative path`,
    );
    expect(causes("Pod", withPaths("a", "..data"))).toContain(
      `spec.volumes[0].configMap.items[0].path: Invalid value: "..data": must not start with '..'`,
    );
    expect(causes("Pod", withPaths("a/..b", "d/..f"))).toBe("");
  });
});
