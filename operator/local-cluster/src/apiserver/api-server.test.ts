import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startTestServer, type TestServer, WIDGETS } from "./test-server.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";
const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGET = "/apis/test.quorate.dev/v1/namespaces/default/widgets";
const MERGE = { "content-type": "application/merge-patch+json" };

function configMap(name: string, extra: object = {}, data: object = { a: "1" }): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...extra }, data };
}

function pod(name: string, extra: object = {}): object {
  const spec = { containers: [{ name: "c", image: "quorate/node:dev" }] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, ...extra }, spec };
}

function meta(body: Record<string, unknown>): Record<string, unknown> {
  return body["metadata"] as Record<string, unknown>;
}

function runningPod(api: TestServer, name: string, extra: object = {}): void {
  api.call("POST", PODS, pod(name, extra));
  const target = { apiVersion: "v1", kind: "Node", name: "local-1" };
  const binding = { apiVersion: "v1", kind: "Binding", metadata: { name }, target };
  expect(api.call("POST", `${PODS}/${name}/binding`, binding).status).toBe(201);
  const conditions = [{ type: "Ready", status: "True" }];
  const status = { status: { phase: "Running", conditions } };
  expect(api.call("PATCH", `${PODS}/${name}/status`, status, MERGE).status).toBe(200);
}

describe("writes", () => {
  test("a stale version is refused in the words of a real server", () => {
    const api = startTestServer();
    const first = api.call("POST", MAPS, configMap("a")).body;
    api.call("PATCH", `${MAPS}/a`, { data: { a: "2" } }, MERGE);
    const stale = configMap("a", { resourceVersion: meta(first)["resourceVersion"] });
    const refused = api.call("PUT", `${MAPS}/a`, stale);
    expect(refused.status).toBe(409);
    expect(refused.body).toStrictEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message:
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please' +
        " apply your changes to the latest version and try again",
      reason: "Conflict",
      details: { name: "a", kind: "configmaps" },
      code: 409,
    });
  });

  test("a second create, a missing object and a missing namespace are named", () => {
    const api = startTestServer();
    api.call("POST", MAPS, configMap("a"));
    const again = api.call("POST", MAPS, configMap("a"));
    expect([again.status, again.body.message]).toEqual([409, 'configmaps "a" already exists']);
    const missing = api.call("GET", `${MAPS}/b`);
    expect([missing.status, missing.body.message]).toEqual([404, 'configmaps "b" not found']);
    const nowhere = api.call("POST", "/api/v1/namespaces/none/configmaps", configMap("a"));
    expect([nowhere.status, nowhere.body.message]).toEqual([404, 'namespaces "none" not found']);
  });

  test("a name that is being deleted is still taken, and told so", () => {
    const api = startTestServer();
    api.call("POST", MAPS, configMap("a", { finalizers: ["quorate.dev/x"] }));
    api.call("DELETE", `${MAPS}/a`);
    const again = api.call("POST", MAPS, configMap("a"));
    expect([again.status, again.body.message]).toEqual([
      409,
      'object is being deleted: configmaps "a" already exists',
    ]);
  });

  test("another uid is a conflict in a PUT and invalid in a patch", () => {
    const api = startTestServer();
    api.call("POST", MAPS, configMap("a"));
    const put = api.call("PUT", `${MAPS}/a`, configMap("a", { uid: "other" }));
    expect([put.status, put.body.reason]).toEqual([409, "Conflict"]);
    const patch = api.call("PATCH", `${MAPS}/a`, { metadata: { uid: "other" } }, MERGE);
    expect([patch.status, patch.body.message]).toEqual([
      422,
      'ConfigMap "a" is invalid: metadata.uid: Invalid value: "other": field is immutable',
    ]);
  });

  test("a wrong definition is refused and leaves nothing behind", () => {
    const api = startTestServer();
    const spec = { ...(WIDGETS as { spec: object }).spec, scope: "Everywhere" };
    expect(api.call("POST", CRDS, { ...WIDGETS, spec }).status).toBe(422);
    expect(api.call("GET", CRDS).body["items"]).toEqual([]);
  });

  test("a write that changes nothing keeps the version", () => {
    const api = startTestServer();
    const before = api.call("POST", MAPS, configMap("a")).body;
    api.clock.advance(5_000);
    const after = api.call("PATCH", `${MAPS}/a`, { data: { a: "1" } }, MERGE).body;
    expect(meta(after)["resourceVersion"]).toBe(meta(before)["resourceVersion"]);
  });

  test("dryRun=All answers as if, and stores nothing", () => {
    const api = startTestServer();
    expect(api.call("POST", `${MAPS}?dryRun=All`, configMap("a")).status).toBe(201);
    expect(api.call("GET", `${MAPS}/a`).status).toBe(404);
  });

  test("generateName gives a name of its own to each", () => {
    const api = startTestServer();
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "a-" } };
    const names = [1, 2, 3].map(() => meta(api.call("POST", MAPS, body).body)["name"]);
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^a-[a-z0-9]{5}$/);
  });

  test("status and spec are written apart, and only spec counts generations", () => {
    const api = startTestServer();
    expect(api.call("POST", CRDS, WIDGETS).status).toBe(201);
    const metadata = { name: "w" };
    const made = api.call("POST", WIDGET, {
      metadata,
      spec: { replicas: 1 },
      status: { phase: "Lied" },
    }).body;
    expect(made["status"]).toBeUndefined();
    expect(meta(made)["generation"]).toBe(1);
    const both = { spec: { replicas: 2 }, status: { phase: "Up" } };
    const status = api.call("PATCH", `${WIDGET}/w/status`, both, MERGE).body;
    expect([status["spec"], status["status"]]).toEqual([
      { replicas: 1, mode: "a" },
      { phase: "Up" },
    ]);
    expect(meta(status)["generation"]).toBe(1);
    const main = { spec: { replicas: 3 }, status: { phase: "Lied" } };
    const spec = api.call("PATCH", `${WIDGET}/w`, main, MERGE).body;
    expect([spec["spec"], spec["status"]]).toEqual([{ replicas: 3, mode: "a" }, { phase: "Up" }]);
    expect(meta(spec)["generation"]).toBe(2);
  });

  test("scale reads and writes through the paths of the CRD", () => {
    const api = startTestServer();
    api.call("POST", CRDS, WIDGETS);
    api.call("POST", WIDGET, { metadata: { name: "w" }, spec: { replicas: 1 } });
    const patched = api.call("PATCH", `${WIDGET}/w/scale`, { spec: { replicas: 7 } }, MERGE);
    expect([patched.body["kind"], patched.body["spec"]]).toEqual(["Scale", { replicas: 7 }]);
    const { body } = api.call("GET", `${WIDGET}/w`);
    expect(body["spec"]).toEqual({ replicas: 7, mode: "a" });
    const managers = meta(body)["managedFields"] as Record<string, unknown>[];
    expect(managers.find((one) => one["subresource"] === "scale")).toStrictEqual({
      manager: "test",
      operation: "Update",
      apiVersion: "test.quorate.dev/v1",
      subresource: "scale",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:spec": { "f:replicas": {} } },
    });
  });
});

describe("deletion", () => {
  test("a finalizer holds an object until it is taken off", () => {
    const api = startTestServer();
    api.call("POST", MAPS, configMap("a", { finalizers: ["quorate.dev/x"] }));
    const dying = api.call("DELETE", `${MAPS}/a`).body;
    expect(meta(dying)["deletionTimestamp"]).toBe("2026-01-01T00:00:00Z");
    const more = { metadata: { finalizers: ["quorate.dev/x", "quorate.dev/y"] } };
    expect(api.call("PATCH", `${MAPS}/a`, more, MERGE).body.message).toContain(
      "no new finalizers can be added if the object is being deleted",
    );
    api.call("PATCH", `${MAPS}/a`, { metadata: { finalizers: null } }, MERGE);
    expect(api.call("GET", `${MAPS}/a`).status).toBe(404);
  });

  test("preconditions are compared before anything is deleted", () => {
    const api = startTestServer();
    api.call("POST", MAPS, configMap("a"));
    const refused = api.call("DELETE", `${MAPS}/a`, { preconditions: { uid: "x" } });
    expect(refused.body.message).toMatch(
      /^Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition \(x\) does not/,
    );
    expect(api.call("GET", `${MAPS}/a`).status).toBe(200);
  });

  test("a pod on a node stays until the kubelet ends it; one without a node goes at once", () => {
    const api = startTestServer();
    runningPod(api, "p");
    const dying = api.call("DELETE", `${PODS}/p`).body;
    expect(meta(dying)["deletionGracePeriodSeconds"]).toBe(30);
    expect(meta(dying)["deletionTimestamp"]).toBe("2026-01-01T00:00:30Z");
    expect(api.call("DELETE", `${PODS}/p`, { gracePeriodSeconds: 60 }).status).toBe(200);
    expect(meta(api.call("GET", `${PODS}/p`).body)["deletionGracePeriodSeconds"]).toBe(30);
    api.call("DELETE", `${PODS}/p`, { gracePeriodSeconds: 0 });
    expect(api.call("GET", `${PODS}/p`).status).toBe(404);
    api.call("POST", PODS, pod("q"));
    api.call("DELETE", `${PODS}/q`);
    expect(api.call("GET", `${PODS}/q`).status).toBe(404);
  });

  test("a namespace is emptied before it goes, and takes nothing new meanwhile", () => {
    const api = startTestServer();
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } };
    api.call("POST", "/api/v1/namespaces", namespace);
    const maps = "/api/v1/namespaces/n/configmaps";
    api.call("POST", maps, configMap("held", { finalizers: ["quorate.dev/x"] }));
    api.call("POST", maps, configMap("free"));
    api.call("DELETE", "/api/v1/namespaces/n");
    expect(api.call("GET", `${maps}/free`).status).toBe(404);
    const refused = api.call("POST", maps, configMap("new"));
    expect([refused.status, refused.body.message]).toEqual([
      403,
      'configmaps "new" is forbidden: unable to create new content in namespace n because it is' +
        " being terminated",
    ]);
    api.call("PATCH", `${maps}/held`, { metadata: { finalizers: null } }, MERGE);
    expect(api.call("GET", "/api/v1/namespaces/n").status).toBe(404);
  });

  test("a claim stays while a pod uses it", () => {
    const api = startTestServer();
    const claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
    api.call("POST", claims, {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "c" },
      spec,
    });
    const user = pod("p") as { spec: object };
    const volumes = [{ name: "v", persistentVolumeClaim: { claimName: "c" } }];
    api.call("POST", PODS, { ...user, spec: { ...user.spec, volumes } });
    api.call("DELETE", `${claims}/c`);
    expect(api.call("GET", `${claims}/c`).status).toBe(200);
    api.call("DELETE", `${PODS}/p`);
    expect(api.call("GET", `${claims}/c`).status).toBe(404);
  });

  test("a CRD takes its objects with it and is no longer served", () => {
    const api = startTestServer();
    api.call("POST", CRDS, WIDGETS);
    api.call("POST", WIDGET, { metadata: { name: "w" }, spec: { replicas: 1 } });
    api.call("DELETE", `${CRDS}/widgets.test.quorate.dev`);
    expect(api.call("GET", `${CRDS}/widgets.test.quorate.dev`).status).toBe(404);
    expect(api.call("GET", WIDGET).text).toBe("404 page not found\n");
  });
});

describe("eviction", () => {
  const evict = (api: TestServer, name: string): { status: number; body: object } =>
    api.call("POST", `${PODS}/${name}/eviction`, {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name },
    });
  const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";

  test("is refused with 429 where a budget does not allow it", () => {
    const api = startTestServer();
    runningPod(api, "p", { labels: { app: "x" } });
    const spec = { minAvailable: 1, selector: { matchLabels: { app: "x" } } };
    api.call("POST", budgets, { metadata: { name: "b" }, spec });
    const refused = evict(api, "p");
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      reason: "TooManyRequests",
      details: {
        causes: [
          {
            reason: "DisruptionBudget",
            message: "The disruption budget b needs 1 healthy pods and has 1 currently",
          },
        ],
      },
    });
    runningPod(api, "q", { labels: { app: "x" } });
    expect(evict(api, "p").status).toBe(201);
    expect(evict(api, "q").status).toBe(429);
  });

  test("a pod that is missing counts as unavailable under maxUnavailable", () => {
    const api = startTestServer();
    api.call("POST", CRDS, WIDGETS);
    const owner = api.call("POST", WIDGET, { metadata: { name: "w" }, spec: { replicas: 3 } });
    const reference = {
      apiVersion: "test.quorate.dev/v1",
      kind: "Widget",
      name: "w",
      uid: meta(owner.body)["uid"],
      controller: true,
    };
    const extra = { labels: { app: "x" }, ownerReferences: [reference] };
    for (const name of ["p", "q"]) runningPod(api, name, extra);
    const spec = { maxUnavailable: 1, selector: { matchLabels: { app: "x" } } };
    api.call("POST", budgets, { metadata: { name: "b" }, spec });
    expect(evict(api, "p").status).toBe(429);
    runningPod(api, "r", extra);
    expect(api.call("GET", `${budgets}/b`).body["status"]).toMatchObject({
      expectedPods: 3,
      currentHealthy: 3,
      desiredHealthy: 2,
      disruptionsAllowed: 1,
    });
    expect(evict(api, "p").status).toBe(201);
  });
});

describe("lists", () => {
  test("pages show one version, whatever is written between them", () => {
    const api = startTestServer();
    const maps = "/api/v1/namespaces/kube-system/configmaps";
    for (const name of ["a", "b", "c"]) api.call("POST", maps, configMap(name));
    const first = api.call("GET", `${maps}?limit=2`).body;
    api.call("DELETE", `${maps}/c`);
    api.call("POST", maps, configMap("bb"));
    const next = String(meta(first)["continue"]);
    const second = api.call("GET", `${maps}?limit=2&continue=${next}`).body;
    const names = [first, second].flatMap((page) =>
      (page["items"] as Record<string, unknown>[]).map((item) => meta(item)["name"]),
    );
    expect(names).toEqual(["a", "b", "c", "kube-root-ca.crt"]);
    expect(meta(second)["resourceVersion"]).toBe(meta(first)["resourceVersion"]);
    expect(meta(second)["continue"]).toBeUndefined();
  });

  test("a page of a list that is no longer held is Expired", () => {
    const api = startTestServer();
    const token = JSON.stringify({ v: "meta.k8s.io/v1", rv: 1, start: "default/a" });
    const text = Buffer.from(token).toString("base64url");
    const refused = api.call("GET", `${MAPS}?limit=1&continue=${text}`);
    expect([refused.status, refused.body.reason]).toEqual([410, "Expired"]);
  });
});

describe("what a list is asked for", () => {
  test("resourceVersionMatch=Exact shows that version, or is Expired", () => {
    const api = startTestServer({ historySize: 3 });
    const first = api.call("POST", MAPS, configMap("a")).body;
    api.call("DELETE", `${MAPS}/a`);
    const exact = `${MAPS}?resourceVersionMatch=Exact&resourceVersion=`;
    const version = String(meta(first)["resourceVersion"]);
    const then = api.call("GET", `${exact}${version}`).body;
    expect((then["items"] as Record<string, unknown>[]).map((one) => meta(one)["name"])).toEqual([
      "a",
      "kube-root-ca.crt",
    ]);
    expect(meta(then)["resourceVersion"]).toBe(version);
    for (let i = 0; i < 9; i++) api.call("POST", MAPS, configMap(`more-${i}`));
    const refused = api.call("GET", `${exact}${version}`);
    expect([refused.status, refused.body.message]).toEqual([
      410,
      "The resourceVersion for the provided list is too old.",
    ]);
  });

  test.each([
    ["absent", "invalid character 'i' looking for beginning of value"],
    ["a+b", "illegal base64 data at input byte 1"],
    [token({ v: "v9" }), 'server does not recognize this encoded version "v9"'],
    [token({ v: "meta.k8s.io/v1" }), "incorrect encoded start resourceVersion (version meta.k8s"],
    [token({ v: "meta.k8s.io/v1", rv: 3 }), "encoded start key empty (version meta.k8s.io/v1)"],
  ])("continue=%s is refused in the words of a real server", (text, why) => {
    const query = `limit=1&continue=${encodeURIComponent(text)}`;
    const refused = startTestServer().call("GET", `${MAPS}?${query}`);
    expect(refused.status).toBe(400);
    const words = "invalid continue token: continue key is not valid: ";
    expect(refused.body.message).toContain(words + why);
  });

  test("custom resources are written with sorted fields, their lists too", () => {
    const api = startTestServer();
    api.call("POST", CRDS, WIDGETS);
    api.call("POST", WIDGET, { metadata: { name: "w" }, spec: { replicas: 1 } });
    const one = api.call("GET", `${WIDGET}/w`).text;
    expect(one).toMatch(/^{"apiVersion":"[^"]+","kind":"Widget","metadata":{"creationTimestamp"/);
    expect(one).toContain('"spec":{"mode":"a","replicas":1}');
    const list = api.call("GET", WIDGET);
    expect(list.text).toMatch(
      /^{"apiVersion":"[^"]+","items":\[{"apiVersion".*"kind":"WidgetList"/,
    );
    expect(meta(list.body)["continue"]).toBe("");
  });
});

function token(fields: object): string {
  return Buffer.from(JSON.stringify(fields)).toString("base64url");
}

describe("a server that starts again", () => {
  test("finds its objects, its kinds and goes on counting versions", () => {
    const dataDir = mkdtempSync(join(tmpdir(), "quorate-api-"));
    const before = startTestServer({ dataDir });
    before.call("POST", CRDS, WIDGETS);
    const made = before.call("POST", WIDGET, { metadata: { name: "w" }, spec: { replicas: 1 } });
    before.call("POST", MAPS, configMap("gone"));
    before.call("DELETE", `${MAPS}/gone`);
    before.server.close();
    const after = startTestServer({ dataDir });
    expect(after.call("GET", `${WIDGET}/w`).body).toEqual(made.body);
    expect(after.call("GET", `${MAPS}/gone`).status).toBe(404);
    const version = Number(meta(after.call("POST", MAPS, configMap("b")).body)["resourceVersion"]);
    expect(version).toBeGreaterThan(Number(meta(made.body)["resourceVersion"]) + 2);
    after.server.close();
  });
});
