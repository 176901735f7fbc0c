import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { admit } from "../schema/admit.ts";
import { builtinKinds, type CompiledKind } from "../schema/kinds.ts";
import type { Json, JsonObject } from "../schema/schema.ts";
import { mergePatch } from "./merge-patch.ts";
import { applyPatch } from "./patch.ts";
import { trackUpdate } from "./track.ts";

const configMap = builtinKinds().find((kind) => kind.kind === "ConfigMap") as CompiledKind;

type Data = Record<string, string>;
const dataArbitrary: fc.Arbitrary<Data> = fc.dictionary(
  fc.constantFrom("a", "b", "c", "d"),
  fc.constantFrom("1", "2", "3"),
  { maxKeys: 4 },
);
const stepArbitrary = fc.record({
  manager: fc.constantFrom("alice", "bob", "carl"),
  data: dataArbitrary,
});

function manifest(data: Data): JsonObject {
  const base = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } };
  // An empty map would be a field of its own.
  return Object.keys(data).length === 0 ? base : { ...base, data };
}

function apply(live: JsonObject | undefined, manager: string, data: Data): JsonObject {
  const patched = applyPatch(configMap, {
    ...(live === undefined ? {} : { live }),
    patch: manifest(data),
    contentType: "application/apply-patch+yaml",
    fieldManager: manager,
    force: true,
    now: "2026-01-01T00:00:00Z",
  });
  const old = live === undefined ? {} : { old: live };
  const operation = live === undefined ? "create" : "update";
  return admit(configMap, { object: patched, ...old, operation, fieldValidation: "Strict" }).object;
}

/** Keys of `data` by manager, as managedFields tells them. */
function owners(object: JsonObject): Record<string, string[]> {
  const list = ((object["metadata"] as JsonObject)["managedFields"] ?? []) as JsonObject[];
  return Object.fromEntries(
    list.map((entry) => {
      const data = ((entry["fieldsV1"] as JsonObject)["f:data"] ?? {}) as JsonObject;
      const keys = Object.keys(data).filter((key) => key !== ".");
      return [`${entry["manager"]}`, keys.map((key) => key.slice(2)).sort()];
    }),
  );
}

function update(live: JsonObject | undefined, manager: string, data: Data): JsonObject {
  return trackUpdate(configMap, {
    ...(live === undefined ? {} : { before: live }),
    after: live === undefined ? manifest(data) : { ...live, data },
    fieldManager: manager,
    now: "2026-01-01T00:00:00Z",
  });
}

function recordWriter(writer: Map<string, string>, manager: string, before: Data, data: Data) {
  for (const key of Object.keys(before)) if (!(key in data)) writer.delete(key);
  for (const [key, value] of Object.entries(data)) {
    if (before[key] !== value) writer.set(key, manager);
  }
}

function ownerOfKeys(object: JsonObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(owners(object)).flatMap(([name, keys]) => keys.map((key) => [key, name])),
  );
}

describe("server-side apply against a dumb model", () => {
  test("fields, values and owners are those of a table of last applied sets", () => {
    void fc.assert(
      fc.property(fc.array(stepArbitrary, { minLength: 1, maxLength: 8 }), (steps) => {
        let live: JsonObject | undefined;
        const applied = new Map<string, Data>();
        for (const { manager, data } of steps) {
          live = apply(live, manager, data);
          // Forced: whoever wanted another value loses the field.
          for (const [other, theirs] of applied) {
            for (const key of Object.keys(theirs)) {
              if (other !== manager && key in data && theirs[key] !== data[key]) delete theirs[key];
            }
          }
          applied.set(manager, { ...data });
          const wanted = Object.assign({}, ...applied.values()) as Data;
          expect(live["data"] ?? {}).toEqual(wanted);
          const owned = [...applied].filter(([, theirs]) => Object.keys(theirs).length > 0);
          expect(owners(live)).toEqual(
            Object.fromEntries(owned.map(([name, theirs]) => [name, Object.keys(theirs).sort()])),
          );
        }
      }),
    );
  });

  test("the same apply twice changes nothing", () => {
    void fc.assert(
      fc.property(fc.array(stepArbitrary, { minLength: 1, maxLength: 5 }), (steps) => {
        let live: JsonObject | undefined;
        for (const { manager, data } of steps) {
          live = apply(live, manager, data);
          expect(apply(live, manager, data)).toEqual(live);
        }
      }),
    );
  });

  test("after an update every leaf has exactly the owners that wrote it last", () => {
    void fc.assert(
      fc.property(fc.array(stepArbitrary, { minLength: 1, maxLength: 8 }), (steps) => {
        let live: JsonObject | undefined;
        const writer = new Map<string, string>();
        for (const { manager, data } of steps) {
          const before: Data = (live?.["data"] ?? {}) as Data;
          live = update(live, manager, data);
          recordWriter(writer, manager, before, data);
          // Without any managers left, tracking is off: as on a real server.
          if (Object.keys(owners(live)).length === 0) return;
          expect(ownerOfKeys(live)).toEqual(Object.fromEntries(writer));
        }
      }),
    );
  });
});

/** RFC 7386, section 2, word for word. */
function naive(target: Json | undefined, patch: Json): Json {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const object = typeof target === "object" && target !== null && !Array.isArray(target);
  const result: JsonObject = object ? structuredClone(target) : {};
  for (const name of Object.keys(patch)) {
    if (patch[name] === null) delete result[name];
    else result[name] = naive(result[name], patch[name] as Json);
  }
  return result;
}

test("a merge patch is RFC 7386 and leaves its arguments alone", () => {
  const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
  void fc.assert(
    fc.property(json, json, (target, patch) => {
      const copy = structuredClone(target);
      expect(mergePatch(target, patch)).toEqual(naive(copy, patch));
      expect(target).toEqual(copy);
    }),
  );
});
