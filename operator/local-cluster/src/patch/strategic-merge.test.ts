import { describe, expect, test } from "vitest";
import { builtinKinds, type CompiledKind } from "../schema/kinds.ts";
import type { Json, JsonObject } from "../schema/schema.ts";
import { strategicMerge } from "./strategic-merge.ts";

function merged(kind: string, original: JsonObject, patch: JsonObject): JsonObject {
  const { schema } = builtinKinds().find((one) => one.kind === kind) as CompiledKind;
  return strategicMerge(schema, original, patch);
}

function ports(list: readonly Json[], patch: JsonObject): Json {
  const service = merged("Service", { spec: { ports: [...list] } }, { spec: patch });
  return ((service["spec"] as JsonObject)["ports"] as JsonObject[]).map(({ port }) => port ?? null);
}

const A = { port: 1, name: "a" };
const B = { port: 2, name: "b" };
const C = { port: 3, name: "c" };
const NEW = { port: 9, name: "new" };

describe("the order of a list that a strategic merge patch changes", () => {
  test("an item that was not stored comes before those that were", () => {
    expect(ports([A, B], { ports: [NEW] })).toEqual([9, 1, 2]);
  });

  test("a changed item keeps its place among the stored ones", () => {
    expect(ports([A, B, C], { ports: [{ port: 2, name: "x" }] })).toEqual([1, 2, 3]);
  });

  test("several items of the patch stand in the patch's order", () => {
    expect(ports([A, B, C], { ports: [C, A] })).toEqual([2, 3, 1]);
  });

  test("$setElementOrder puts the items that it names in its order", () => {
    const order = [{ port: 3 }, { port: 1 }];
    expect(ports([A, B, C], { "$setElementOrder/ports": order })).toEqual([2, 3, 1]);
  });

  test("words that are new come before those that were there", () => {
    const patch = { metadata: { finalizers: ["x/new"] } };
    const object = merged("ConfigMap", { metadata: { finalizers: ["x/old"] } }, patch);
    expect(object["metadata"]).toEqual({ finalizers: ["x/new", "x/old"] });
  });
});
