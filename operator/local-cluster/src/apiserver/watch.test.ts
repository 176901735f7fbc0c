import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { startTestServer, type WatchReader, WIDGETS } from "./test-server.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const MERGE = { "content-type": "application/merge-patch+json" };
const TABLE = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };

function configMap(name: string, labels: Record<string, string> = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels } };
}

interface Event {
  readonly type: string;
  readonly object: Record<string, unknown>;
}

function nameOf(event: Event | undefined): string {
  const metadata = event?.object["metadata"] as { name: string } | undefined;
  return metadata?.name ?? "";
}

function versionOf(body: Record<string, unknown>): string {
  return (body["metadata"] as { resourceVersion: string }).resourceVersion;
}

async function take(reader: WatchReader, count: number): Promise<string[]> {
  const found: string[] = [];
  for (let i = 0; i < count; i++) {
    const event = await reader.next();
    found.push(`${event?.type} ${event === undefined ? "" : nameOf(event)}`);
  }
  return found;
}

async function rest(reader: WatchReader): Promise<Event[]> {
  const events: Event[] = [];
  for (let event = await reader.next(); event !== undefined; event = await reader.next()) {
    events.push(event);
  }
  return events;
}

describe("a watch", () => {
  test("from a version tells every change after it, in order", async () => {
    const api = startTestServer();
    const from = versionOf(api.call("POST", MAPS, configMap("a")).body);
    api.call("POST", MAPS, configMap("b"));
    const reader = api.watch(`${MAPS}?watch=true&resourceVersion=${from}`);
    api.call("PATCH", `${MAPS}/a`, { data: { x: "1" } }, MERGE);
    api.call("DELETE", `${MAPS}/b`);
    expect(await take(reader, 3)).toEqual(["ADDED b", "MODIFIED a", "DELETED b"]);
    reader.stop();
  });

  test("from a version that is not yet is refused as a list is", () => {
    const api = startTestServer();
    const path = `${MAPS}?resourceVersion=999999`;
    const listed = api.call("GET", path);
    const watched = api.call("GET", `${path}&watch=true`);
    expect(watched.status).toBe(504);
    expect(watched.body["message"]).toContain("Too large resource version: 999999, current: ");
    expect(watched.body).toEqual(listed.body);
  });

  test("of another namespace's objects says nothing", async () => {
    const api = startTestServer();
    const from = versionOf(api.call("GET", MAPS).body);
    const reader = api.watch(`${MAPS}?watch=true&resourceVersion=${from}`);
    api.call("POST", "/api/v1/namespaces/kube-system/configmaps", configMap("other"));
    api.call("POST", MAPS, configMap("mine"));
    expect(await take(reader, 1)).toEqual(["ADDED mine"]);
    reader.stop();
  });

  test("without a version begins with what is there; initial events end with a bookmark", async () => {
    const api = startTestServer();
    const plain = api.watch(`${MAPS}?watch=true`);
    expect(await take(plain, 1)).toEqual(["ADDED kube-root-ca.crt"]);
    plain.stop();
    const reader = api.watch(
      `${MAPS}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true` +
        "&resourceVersionMatch=NotOlderThan",
    );
    expect((await reader.next())?.type).toBe("ADDED");
    expect((await reader.next())?.object).toMatchObject({
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: {
        resourceVersion: versionOf(api.call("GET", MAPS).body),
        annotations: { "k8s.io/initial-events-end": "true" },
      },
    });
    reader.stop();
  });

  test("from a version that is too old is told so in-band, and ends", async () => {
    const api = startTestServer({ historySize: 5 });
    const from = versionOf(api.call("POST", MAPS, configMap("a")).body);
    for (let i = 0; i < 30; i++) api.call("PATCH", `${MAPS}/a`, { data: { x: `${i}` } }, MERGE);
    const [only, ...more] = await rest(api.watch(`${MAPS}?watch=true&resourceVersion=${from}`));
    expect(more).toEqual([]);
    expect(only).toMatchObject({
      type: "ERROR",
      object: { kind: "Status", code: 410, reason: "Expired" },
    });
    expect(only?.object["message"]).toMatch(/^too old resource version: \d+ \(\d+\)$/);
  });

  test("of a custom resource reaches back to its definition, not before", async () => {
    const api = startTestServer();
    const before = versionOf(api.call("GET", MAPS).body);
    const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    expect(api.call("POST", crds, WIDGETS).status).toBe(201);
    const widgets = "/apis/test.quorate.dev/v1/namespaces/default/widgets";
    const listed = versionOf(api.call("GET", widgets).body);
    api.call("POST", widgets, { metadata: { name: "w" }, spec: { replicas: 1 } });
    const [only] = await rest(api.watch(`${widgets}?watch=true&resourceVersion=${before}`));
    expect(only?.object).toMatchObject({ code: 410, reason: "Expired" });
    const reader = api.watch(`${widgets}?watch=true&resourceVersion=${listed}`);
    expect(await take(reader, 1)).toEqual(["ADDED w"]);
    reader.stop();
  });

  test("sends bookmarks while nothing happens, and ends after its timeout", async () => {
    const api = startTestServer();
    const from = versionOf(api.call("POST", MAPS, configMap("a")).body);
    const reader = api.watch(
      `${MAPS}?watch=true&resourceVersion=${from}&allowWatchBookmarks=true&timeoutSeconds=90`,
    );
    api.call("POST", "/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "elsewhere" },
    });
    api.clock.advance(60_000);
    const bookmark = await reader.next();
    expect(bookmark?.type).toBe("BOOKMARK");
    expect(Number(versionOf(bookmark?.object ?? {}))).toBeGreaterThan(Number(from));
    api.clock.advance(30_000);
    expect((await rest(reader)).map(({ type }) => type)).toEqual(["BOOKMARK"]);
  });

  test("as a table names the columns once", async () => {
    const api = startTestServer();
    const reader = api.watch(`${MAPS}?watch=true`, TABLE);
    api.call("POST", MAPS, configMap("a"));
    const columns = [await reader.next(), await reader.next()].map((event) => {
      expect(event?.object["kind"]).toBe("Table");
      return event?.object["columnDefinitions"];
    });
    expect(columns[0]).toHaveLength(3);
    expect(columns[1]).toBeNull();
    reader.stop();
  });

  test("under a selector: what comes into view is ADDED, what leaves it is DELETED", async () => {
    const api = startTestServer();
    const reader = api.watch(`${MAPS}?watch=true&labelSelector=app%3Dx`);
    api.call("POST", MAPS, configMap("a"));
    api.call("PATCH", `${MAPS}/a`, { metadata: { labels: { app: "x" } } }, MERGE);
    api.call("PATCH", `${MAPS}/a`, { data: { k: "v" } }, MERGE);
    api.call("PATCH", `${MAPS}/a`, { metadata: { labels: { app: "y" } } }, MERGE);
    expect(await take(reader, 3)).toEqual(["ADDED a", "MODIFIED a", "DELETED a"]);
    reader.stop();
  });

  test("replayed on the list it began from always gives the list at its end", async () => {
    const step = fc.record({
      act: fc.constantFrom("create", "label", "delete"),
      name: fc.constantFrom("a", "b", "c"),
      label: fc.constantFrom("x", "y"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat(25), async (steps, cut) => {
        const api = startTestServer();
        const query = "labelSelector=app%3Dx";
        const act = ({ act: verb, name, label }: (typeof steps)[number]): void => {
          if (verb === "create") api.call("POST", MAPS, configMap(name, { app: label }));
          else if (verb === "delete") api.call("DELETE", `${MAPS}/${name}`);
          else
            api.call("PATCH", `${MAPS}/${name}`, { metadata: { labels: { app: label } } }, MERGE);
        };
        const list = (): [string, Record<string, unknown>[]] => {
          const { body } = api.call("GET", `${MAPS}?${query}`);
          return [versionOf(body), body["items"] as Record<string, unknown>[]];
        };
        for (const one of steps.slice(0, cut)) act(one);
        const [from, before] = list();
        for (const one of steps.slice(cut)) act(one);
        const reader = api.watch(
          `${MAPS}?watch=true&${query}&resourceVersion=${from}&timeoutSeconds=1`,
        );
        api.clock.advance(1_000);
        const seen = new Map(
          before.map((item) => [nameOf({ type: "", object: item }), versionOf(item)]),
        );
        for (const event of await rest(reader)) {
          expect(event.type === "ADDED").toBe(!seen.has(nameOf(event)));
          if (event.type === "DELETED") seen.delete(nameOf(event));
          else seen.set(nameOf(event), versionOf(event.object));
        }
        const after = list()[1].map((item): [string, string] => [
          nameOf({ type: "", object: item }),
          versionOf(item),
        ]);
        expect([...seen].sort()).toEqual(after);
      }),
      { numRuns: 60 },
    );
  });
});
