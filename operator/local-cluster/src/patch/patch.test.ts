import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ApiStatus } from "../apiserver/api-status.ts";
import { admit } from "../schema/admit.ts";
import { builtinKinds, type CompiledKind, compileCrd } from "../schema/kinds.ts";
import type { Json, JsonObject } from "../schema/schema.ts";
import { applyPatch } from "./patch.ts";
import { trackUpdate } from "./track.ts";

interface Recorded {
  readonly scenario: string;
  readonly kind: string;
  readonly method: "PATCH" | "PUT" | "POST";
  readonly contentType: string;
  readonly fieldManager: string;
  readonly force: boolean;
  readonly subresource?: "status" | "scale";
  readonly live?: JsonObject;
  readonly body: Json;
  readonly code: number;
  readonly answer: JsonObject & {
    message?: string;
    reason?: string;
    details?: { causes?: unknown };
  };
}

const recorded = JSON.parse(
  readFileSync(new URL("./recorded/patches.json", import.meta.url), "utf8"),
) as Recorded[];
const crd = new URL("../schema/recorded/gadget-crd.json", import.meta.url);
const gadget = compileCrd(JSON.parse(readFileSync(crd, "utf8")))[0] as CompiledKind;

const NOW = "2026-11-22T20:00:00Z";

/** Judged by the router, or told with Go's dump of the whole object. */
const APART = [
  "does not match the name on the URL",
  "415: Unsupported Media Type",
  "is invalid: patch",
  "doesn't match $setElementOrder list",
];

describe("patches and field managers are as the API server v1.34.4 had them", () => {
  for (const [index, entry] of recorded.entries()) {
    const message = entry.answer.message ?? "";
    if (entry.subresource === "scale" || APART.some((text) => message.includes(text))) continue;
    test(`${index} ${entry.scenario}: ${entry.method} by ${entry.fieldManager} ${message}`, () => {
      const kind =
        entry.kind === "Gadget"
          ? gadget
          : (builtinKinds().find((candidate) => candidate.kind === entry.kind) as CompiledKind);
      const outcome = perform(kind, entry);
      if (entry.code >= 300) {
        expect(outcome).toBeInstanceOf(ApiStatus);
        expect((outcome as ApiStatus).message).toBe(entry.answer.message);
        expect((outcome as ApiStatus).code).toBe(entry.code);
        expect((outcome as ApiStatus).reason).toBe(entry.answer.reason ?? "");
        expect((outcome as ApiStatus).causes).toEqual(entry.answer.details?.causes ?? []);
      } else {
        if (outcome instanceof ApiStatus) throw outcome;
        expect(masked(outcome)).toEqual(masked(entry.answer));
      }
    });
  }
});

function perform(kind: CompiledKind, entry: Recorded): JsonObject | ApiStatus {
  const live = entry.live === undefined ? {} : { live: entry.live };
  const old = entry.live === undefined ? {} : { old: entry.live };
  const before = entry.live === undefined ? {} : { before: entry.live };
  const { fieldManager, subresource, contentType, force } = entry;
  const sub = subresource === undefined ? {} : { subresource };
  try {
    const patched =
      entry.method === "PATCH"
        ? applyPatch(kind, {
            ...live,
            ...sub,
            patch: entry.body,
            contentType,
            fieldManager,
            force,
            now: NOW,
          })
        : (entry.body as JsonObject);
    const operation = entry.live === undefined ? "create" : "update";
    const admitted = admit(kind, {
      object: patched,
      ...old,
      ...sub,
      operation,
      fieldValidation: "Warn",
    }).object;
    if (contentType.includes("apply-patch")) return admitted;
    return trackUpdate(kind, { ...before, ...sub, after: admitted, fieldManager, now: NOW });
  } catch (error) {
    if (error instanceof ApiStatus) return error;
    throw error;
  }
}

/** Without what store, plugins and controllers set; times of managers become "some" or "none". */
function masked(object: JsonObject): JsonObject {
  const { metadata, spec, ...rest } = structuredClone(object) as Record<string, JsonObject>;
  const kept = { ...metadata } as JsonObject;
  for (const field of ["uid", "resourceVersion", "generation", "creationTimestamp", "namespace"]) {
    delete kept[field];
  }
  // The Deployment's controller wrote between the recorder's read and its request.
  const entries = ((kept["managedFields"] ?? []) as JsonObject[]).filter(
    (entry) => entry["manager"] !== "kube-controller-manager",
  );
  delete (kept["annotations"] as JsonObject | undefined)?.["deployment.kubernetes.io/revision"];
  const managers = entries.map((entry) => ({
    ...entry,
    time: entry["time"] === undefined ? "none" : "some",
  }));
  delete kept["managedFields"];
  const ownSpec = { ...spec } as JsonObject;
  for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]) {
    delete ownSpec[field];
  }
  delete rest["status"];
  const nameOf = (entry: JsonObject) =>
    `${entry["manager"]} ${entry["operation"]} ${entry["subresource"]}`;
  const sorted = managers.sort((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1));
  return { ...rest, metadata: kept, spec: ownSpec, managers: sorted };
}
