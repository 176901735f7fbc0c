import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "./test-server.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const MERGE = { "content-type": "application/merge-patch+json" };

interface Reference {
  readonly name: string;
  readonly uid: string;
  readonly blocks?: boolean;
}

function create(
  api: TestServer,
  name: string,
  owners: readonly Reference[],
  finalizers: readonly string[] = [],
): Reference {
  const ownerReferences = owners.map((owner) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    name: owner.name,
    uid: owner.uid,
    blockOwnerDeletion: owner.blocks === true,
  }));
  const metadata = { name, ownerReferences, finalizers };
  const { body } = api.call("POST", MAPS, { apiVersion: "v1", kind: "ConfigMap", metadata });
  return { name, uid: (body["metadata"] as { uid: string }).uid };
}

function metaOf(api: TestServer, name: string): Record<string, unknown> | undefined {
  const { status, body } = api.call("GET", `${MAPS}/${name}`);
  return status === 200 ? (body["metadata"] as Record<string, unknown>) : undefined;
}

function names(api: TestServer): string[] {
  const items = api.call("GET", MAPS).body["items"] as { metadata: { name: string } }[];
  return items.map(({ metadata }) => metadata.name).filter((name) => name !== "kube-root-ca.crt");
}

describe("garbage collection", () => {
  test("in the background leaves exactly what has no owner or one that lives", () => {
    const graph = fc.array(fc.array(fc.nat(7), { maxLength: 3 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(graph, fc.array(fc.nat(7), { maxLength: 4 }), (owners, deleted) => {
        const api = startTestServer();
        const made: Reference[] = [];
        const edges = owners.map((list, index) => [
          ...new Set(list.filter((owner) => owner < index)),
        ]);
        for (const [index, list] of edges.entries()) {
          const references = list.flatMap((owner) => made[owner] ?? []);
          made.push(create(api, `m${index}`, references));
        }
        const alive = new Set(edges.keys());
        for (const index of deleted) {
          if (!alive.has(index)) continue;
          api.call("DELETE", `${MAPS}/m${index}`, { propagationPolicy: "Background" });
          alive.delete(index);
          for (let settled = false; !settled; ) {
            const dead = [...alive].filter((one) => {
              const list = edges[one] ?? [];
              return list.length > 0 && list.every((owner) => !alive.has(owner));
            });
            for (const one of dead) alive.delete(one);
            settled = dead.length === 0;
          }
        }
        expect(names(api)).toEqual([...alive].map((index) => `m${index}`).sort());
      }),
      { numRuns: 150 },
    );
  });

  test("in the foreground the owner waits for dependents that block it", () => {
    const api = startTestServer();
    const owner = create(api, "owner", []);
    create(api, "held", [{ ...owner, blocks: true }], ["quorate.dev/x"]);
    create(api, "free", [owner]);
    api.call("DELETE", `${MAPS}/owner`, { propagationPolicy: "Foreground" });
    expect(names(api)).toEqual(["held", "owner"]);
    expect(metaOf(api, "owner")?.["finalizers"]).toEqual(["foregroundDeletion"]);
    expect(metaOf(api, "held")?.["deletionTimestamp"]).toBeDefined();
    api.call("PATCH", `${MAPS}/held`, { metadata: { finalizers: null } }, MERGE);
    expect(names(api)).toEqual([]);
  });

  test("Orphan leaves the dependents without their reference", () => {
    const api = startTestServer();
    const owner = create(api, "owner", []);
    create(api, "kept", [owner]);
    api.call("DELETE", `${MAPS}/owner`, { propagationPolicy: "Orphan" });
    expect(names(api)).toEqual(["kept"]);
    expect(metaOf(api, "kept")?.["ownerReferences"]).toBeUndefined();
  });

  test("an object whose owner never was, or is another of the same name, is collected", () => {
    const api = startTestServer();
    const owner = create(api, "owner", []);
    create(api, "stray", [{ name: "owner", uid: "00000000-0000-0000-0000-000000000000" }]);
    create(api, "mine", [owner]);
    expect(names(api)).toEqual(["mine", "owner"]);
  });

  test("an owner of another kind or group is none; its version does not matter", () => {
    const api = startTestServer();
    const { name, uid } = create(api, "owner", []);
    const owned = (dependent: string, apiVersion: string, kind: string) => {
      const metadata = { name: dependent, ownerReferences: [{ apiVersion, kind, name, uid }] };
      api.call("POST", MAPS, { apiVersion: "v1", kind: "ConfigMap", metadata });
    };
    owned("other-kind", "v1", "Secret");
    owned("other-group", "apps/v1", "ConfigMap");
    owned("other-version", "v2", "ConfigMap");
    expect(names(api)).toEqual(["other-version", "owner"]);
  });

  test("an owner in another namespace is none", () => {
    const api = startTestServer();
    const maps = "/api/v1/namespaces/kube-system/configmaps";
    const far = api.call("POST", maps, { metadata: { name: "owner" } }).body["metadata"];
    create(api, "stray", [far as unknown as Reference]);
    expect(names(api)).toEqual([]);
  });
});
