import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ApiStatus } from "./api-status.ts";
import { type Change, ObjectStore } from "./object-store.ts";
import type { ApiObject } from "./objects.ts";
import { StoreFile } from "./store-file.ts";

function objectOf(namespace: string, name: string, value: number): ApiObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name }, value };
}

interface Write {
  readonly kind: "put" | "remove";
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly value: number;
}

const writes: fc.Arbitrary<Write[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("put", "remove"),
    resource: fc.constantFrom("configmaps", "secrets"),
    namespace: fc.constantFrom("a", "b"),
    name: fc.constantFrom("x", "y", "z"),
    value: fc.integer({ min: 0, max: 9 }),
  }),
  { maxLength: 60 },
);

function perform(store: ObjectStore, write: Write): void {
  if (write.kind === "put") {
    store.put(write.resource, objectOf(write.namespace, write.name, write.value));
  } else store.remove(write.resource, write.namespace, write.name);
}

/** The state as a plain list: sorted keys with versions and values. */
function stateOf(store: ObjectStore): string[] {
  return ["configmaps", "secrets"].flatMap((resource) =>
    store.list(resource).map(({ metadata, value }) => {
      const { namespace, name, resourceVersion } = metadata;
      return `${resource} ${namespace}/${name} ${resourceVersion} ${value}`;
    }),
  );
}

/** The dumbest store: an array of what was written, looked through each time. */
function model(all: readonly Write[]): string[] {
  const live = new Map<string, { value: number; version: number; write: Write }>();
  let version = 1;
  for (const write of all) {
    const key = `${write.resource} ${write.namespace}/${write.name}`;
    if (write.kind === "remove" && !live.has(key)) continue;
    version += 1;
    if (write.kind === "remove") live.delete(key);
    else live.set(key, { value: write.value, version, write });
  }
  return [...live.keys()]
    .sort()
    .map((key) => `${key} ${live.get(key)?.version} ${live.get(key)?.value}`);
}

describe("the store", () => {
  test("holds what the model holds, each object under the version of its last write", () => {
    fc.assert(
      fc.property(writes, (all) => {
        const store = new ObjectStore();
        for (const write of all) perform(store, write);
        expect(stateOf(store)).toEqual(model(all));
      }),
    );
  });

  test("the history from any version leads from the state then to the state now", () => {
    fc.assert(
      fc.property(writes, fc.nat(60), (all, cut) => {
        const store = new ObjectStore();
        const earlier = new Map<string, ApiObject>();
        for (const write of all.slice(0, cut)) perform(store, write);
        for (const object of store.list("configmaps")) {
          earlier.set(`${object.metadata.namespace}/${object.metadata.name}`, object);
        }
        const from = store.version;
        for (const write of all.slice(cut)) perform(store, write);
        for (const { type, object } of store.since("configmaps", from)) {
          const key = `${object.metadata.namespace}/${object.metadata.name}`;
          expect(type === "ADDED").toBe(!earlier.has(key));
          if (type === "DELETED") earlier.delete(key);
          else earlier.set(key, object);
        }
        const keys = [...earlier.keys()].sort();
        expect(keys.map((key) => earlier.get(key))).toEqual(store.list("configmaps"));
      }),
    );
  });

  test("a list at an earlier version is the list that was given then, or none", () => {
    fc.assert(
      fc.property(writes, (all) => {
        const store = new ObjectStore({ historySize: 8 });
        const given = new Map([[store.version, store.list("configmaps", "a")]]);
        for (const write of all) {
          perform(store, write);
          given.set(store.version, store.list("configmaps", "a"));
        }
        for (const [version, list] of given) {
          const again = store.listAt("configmaps", version, "a");
          if (again !== undefined) expect(again).toEqual(list);
          else expect(() => store.since("configmaps", version)).toThrow("too old");
        }
      }),
    );
  });

  test("a version that the bounded history no longer reaches is Expired, never half an answer", () => {
    const store = new ObjectStore({ historySize: 10 });
    for (let i = 0; i < 100; i++) store.put("configmaps", objectOf("a", "x", i));
    const answers = Array.from({ length: 101 }, (_, i): readonly Change[] | string => {
      try {
        return store.since("configmaps", i + 1);
      } catch (error) {
        return (error as ApiStatus).reason;
      }
    });
    expect(answers[0]).toBe("Expired");
    expect(answers[100]).toEqual([]);
    for (const [index, answer] of answers.entries()) {
      if (typeof answer !== "string") expect(answer).toHaveLength(100 - index);
    }
    expect(answers.filter((answer) => typeof answer !== "string").length).toBeGreaterThan(10);
  });
});

describe("the file of the store", () => {
  test("a kill after any byte leaves the objects of some moment before, and a file that reads", () => {
    fc.assert(
      fc.property(writes, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const folder = mkdtempSync(join(tmpdir(), "quorate-store-"));
        const file = new StoreFile(folder);
        const store = new ObjectStore({ journal: file });
        const states = [stateOf(store)];
        for (const write of all) {
          perform(store, write);
          states.push(stateOf(store));
        }
        file.close();
        const path = join(folder, "objects.jsonl");
        const bytes = readFileSync(path);
        const first = bytes.indexOf("\n") + 1;
        const kept = first + Math.floor((bytes.length - first) * share);
        writeFileSync(path, bytes.subarray(0, kept));
        const again = new StoreFile(folder);
        expect(states).toContainEqual(stateOf(new ObjectStore({ state: again.state })));
        again.close();
        const third = new StoreFile(folder);
        expect(third.state.objects).toEqual(again.state.objects);
        third.close();
      }),
      { numRuns: 60 },
    );
  });

  test("it is written anew before it grows without bound", () => {
    const folder = mkdtempSync(join(tmpdir(), "quorate-store-"));
    const file = new StoreFile(folder);
    const store = new ObjectStore({ journal: file });
    for (let i = 0; i < 10_000; i++) store.put("leases", objectOf("a", "x", i));
    file.close();
    const lines = readFileSync(join(folder, "objects.jsonl"), "utf8").split("\n").length;
    expect(lines).toBeLessThan(4_100);
    const again = new StoreFile(folder);
    const [only] = new ObjectStore({ state: again.state }).list("leases");
    expect(only?.["value"]).toBe(9_999);
    again.close();
  });

  test("a broken line in the middle names the file and the line", () => {
    const folder = mkdtempSync(join(tmpdir(), "quorate-store-"));
    writeFileSync(join(folder, "objects.jsonl"), '{"version":1}\nnot json\n{"version":2}\n');
    expect(() => new StoreFile(folder)).toThrow(/objects\.jsonl:2 is not a line of JSON/);
  });
});
