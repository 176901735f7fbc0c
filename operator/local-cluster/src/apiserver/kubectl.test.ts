import { execFile, spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@quorate/runtime/system-clock";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ApiServer, createApiServer } from "./api-server.ts";
import { ApiStatus } from "./api-status.ts";
import { makeServerIdentity } from "./certificate.ts";
import { type HttpListener, listen } from "./http-listener.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import { WIDGETS } from "./test-server.ts";

// The real kubectl drives the server over HTTPS: what it prints is what a user sees.
const KUBECTL = "/usr/bin/kubectl";
const TOKEN = "token-of-the-test";

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

let home: string;
let server: ApiServer;
let listener: HttpListener;

function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    PATH: "/usr/bin:/bin:/usr/local/bin",
    HOME: home,
    KUBECONFIG: join(home, "kubeconfig"),
    ...extra,
  };
}

/** Runs kubectl; `input` goes to its stdin. */
function kubectl(args: string, options: { input?: string; env?: Record<string, string> } = {}) {
  return new Promise<Run>((resolve) => {
    const child = execFile(
      KUBECTL,
      args.split(" ").map((arg) => arg.replaceAll("~", " ")),
      { env: environment(options.env), timeout: 30_000 },
      (error, out, err) => {
        const code = error === null ? 0 : Number(error.code ?? 1);
        const warnings = /^WARNING: version difference.*\n/m;
        resolve({ code, out, err: err.replace(warnings, "") });
      },
    );
    child.stdin?.end(options.input ?? "");
  });
}

/** The output of a call that has to work. */
async function ok(args: string, options: Parameters<typeof kubectl>[1] = {}): Promise<string> {
  const { code, out, err } = await kubectl(args, options);
  expect(code, `kubectl ${args}: ${err}`).toBe(0);
  return out;
}

async function json(args: string): Promise<Record<string, Record<string, unknown>>> {
  return JSON.parse(await ok(`${args} -o json`)) as Record<string, Record<string, unknown>>;
}

function widget(replicas: number, extra: object = {}): string {
  return JSON.stringify({
    apiVersion: "test.quorate.dev/v1",
    kind: "Widget",
    metadata: { name: "w" },
    spec: { replicas, ...extra },
  });
}

function pod(name: string, extra: object = {}): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: { containers: [{ name: "c", image: "quorate/node:dev" }], ...extra },
  });
}

async function withWidgets(): Promise<void> {
  await ok("apply -f -", { input: JSON.stringify(WIDGETS) });
  await ok("wait --for=condition=established crd/widgets.test.quorate.dev --timeout=10s");
}

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "quorate-kubectl-"));
  const identity = await makeServerIdentity(Date.now());
  const caCertificate = identity.certificate;
  server = createApiServer({
    clock: systemClock,
    caCertificate,
    serviceAddresses: "127.96.0",
    dataDir: join(home, "data"),
  });
  listener = await listen({ server, identity, token: TOKEN, port: 0 });
  const path = join(home, "kubeconfig");
  writeKubeconfig(path, { url: listener.url, caCertificate, token: TOKEN });
});

afterEach(async () => {
  await listener.close();
  server.close();
});

describe("kubectl", { timeout: 60_000 }, () => {
  test("version, health and discovery", async () => {
    expect(await ok("version")).toContain("Server Version: v1.34.4");
    for (const path of ["/readyz", "/healthz", "/livez"]) {
      expect(await ok(`get --raw ${path}`)).toBe("ok");
    }
    expect(await ok("api-resources --no-headers --api-group=apps")).toMatch(/deployments +deploy/);
    expect(await ok("api-versions")).toContain("coordination.k8s.io/v1\n");
    expect(await ok("auth can-i delete pods")).toBe("yes\n");
  });

  test("a wrong token is refused", async () => {
    const path = join(home, "wrong");
    writeKubeconfig(path, {
      url: listener.url,
      caCertificate: (await makeServerIdentity(Date.now())).certificate,
      token: "wrong",
    });
    const { code, err } = await kubectl("get pods --insecure-skip-tls-verify", {
      env: { KUBECONFIG: path },
    });
    expect(code).toBe(1);
    expect(err).not.toBe("");
  });

  test("creates of typed kinds, which kubectl sends as protobuf", async () => {
    expect(await ok("create configmap a --from-literal=x=1")).toBe("configmap/a created\n");
    expect(await ok("get configmap a -o jsonpath={.data.x}")).toBe("1");
    await ok("create secret generic s --from-literal=k=v");
    expect(await ok("get secret s -o jsonpath={.data.k}")).toBe("dg==");
    await ok("create namespace n");
    await ok("create serviceaccount sa -n n");
    expect(await ok("get sa -n n -o name")).toBe("serviceaccount/default\nserviceaccount/sa\n");
    await ok("create service clusterip s --tcp=80:7001");
    const service = (await json("get service s"))["spec"];
    expect(service?.["clusterIP"]).toBe("127.96.0.1");
    expect(service?.["ports"]).toEqual([
      { name: "80-7001", protocol: "TCP", port: 80, targetPort: 7001 },
    ]);
    const again = await kubectl("create configmap a");
    expect(again.err).toBe('error: failed to create configmap: configmaps "a" already exists\n');
  });

  test("get prints the columns of a real server", async () => {
    await ok("apply -f -", { input: pod("p") });
    const [head, row] = (await ok("get pods -o wide")).split("\n");
    expect(head).toMatch(
      /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES$/,
    );
    expect(row).toMatch(/^p +0\/1 +Pending +0 +\d+s +<none> +<none> +<none> +<none>$/);
    expect(await ok("get configmaps")).toMatch(/^NAME +DATA +AGE\nkube-root-ca.crt +1 +\d+s\n$/);
    expect(await ok("get pods -A --no-headers")).toMatch(/^default +p +0\/1/);
    expect(await ok("get pods --field-selector=status.phase=Running")).toBe("");
    expect(await ok("get pods -l app=p -o name")).toBe("pod/p\n");
    const missing = await kubectl("get pod none");
    expect(missing.err).toBe('Error from server (NotFound): pods "none" not found\n');
  });

  test("a CRD is applied, explained, described and read with its columns", async () => {
    await withWidgets();
    expect(await ok("apply -f -", { input: widget(2) })).toBe(
      "widget.test.quorate.dev/w created\n",
    );
    expect(await ok("get wd")).toMatch(/^NAME +REPLICAS +AGE\nw +2 +\d+s\n$/);
    expect(await ok("get wd -o wide")).toMatch(/^NAME +REPLICAS +PHASE +AGE\n/);
    const explained = await ok("explain widget.spec");
    expect(explained).toContain("replicas\t<integer> -required-\n    How many.");
    expect(explained).toContain("enum: a, b");
    expect(await ok("explain pod.spec.containers.livenessProbe")).toContain("httpGet\t<HTTPGet");
    expect(await ok("describe wd w")).toMatch(/Spec:\n +Mode: +a\n +Replicas: +2\n/);
  });

  test("apply by the client: unchanged, configured, diffed, and checked by the schema", async () => {
    await withWidgets();
    await ok("apply -f -", { input: widget(2) });
    expect(await ok("apply -f -", { input: widget(2) })).toContain("unchanged");
    const diff = await kubectl("diff -f -", { input: widget(3) });
    expect(diff.code).toBe(1);
    expect(diff.out).toContain("-  replicas: 2\n+  replicas: 3\n");
    expect(await ok("apply -f -", { input: widget(3) })).toContain("configured");
    const unknown = await kubectl("apply -f -", { input: widget(3, { other: 1 }) });
    expect(unknown.err).toContain('strict decoding error: unknown field "spec.other"');
    const wrong = await kubectl("apply -f -", { input: widget(-1) });
    expect(wrong.err).toContain('The Widget "w" is invalid');
    expect(wrong.err).toContain(
      "spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
    );
  });

  test("apply by the server: conflicts name the manager, force takes the field", async () => {
    await withWidgets();
    await ok("apply --server-side --field-manager=one -f -", { input: widget(1) });
    const args = "apply --server-side --field-manager=two -f -";
    const refused = await kubectl(args, { input: widget(2) });
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('conflict with "one": .spec.replicas');
    await ok(`${args} --force-conflicts`, { input: widget(2) });
    const managers = (await json("get wd w --show-managed-fields"))["metadata"]?.["managedFields"];
    const names = (managers as { manager: string }[]).map(({ manager }) => manager);
    expect(names).toContain("two");
  });

  test("patches of every type, labels and annotations", async () => {
    await ok("apply -f -", { input: pod("p") });
    const replace = '[{"op":"replace","path":"/metadata/labels/app","value":"q"}]';
    await ok(`patch pod p --type=json -p ${replace}`);
    expect(await ok("get pod p -o jsonpath={.metadata.labels.app}")).toBe("q");
    await ok('patch pod p --type=merge -p {"metadata":{"labels":{"app":null}}}');
    expect(await ok("get pod p -o jsonpath={.metadata.labels}")).toBe("");
    await ok('patch pod p -p {"spec":{"containers":[{"name":"c","image":"quorate/node:v2"}]}}');
    expect(await ok("get pod p -o jsonpath={.spec.containers[*].image}")).toBe("quorate/node:v2");
    await ok("label pod p a=b");
    await ok("annotate pod p c=d");
    expect(await ok("get pod p -o jsonpath={.metadata.labels.a}{.metadata.annotations.c}")).toBe(
      "bd",
    );
  });

  test("edit, scale and the status subresource", async () => {
    await withWidgets();
    await ok("apply -f -", { input: widget(2) });
    const editor = join(home, "editor.sh");
    writeFileSync(editor, '#!/bin/sh\nsed -i "s/replicas: 2/replicas: 4/" "$1"\n', { mode: 0o755 });
    expect(await ok("edit wd w", { env: { EDITOR: editor } })).toContain("edited");
    expect(await ok("get wd w -o jsonpath={.spec.replicas}")).toBe("4");
    expect(await ok("scale wd w --replicas=6")).toBe("widget.test.quorate.dev/w scaled\n");
    await ok('patch wd w --subresource=status --type=merge -p {"status":{"phase":"Up"}}');
    const found = await json("get wd w");
    expect([found["spec"]?.["replicas"], found["status"]?.["phase"]]).toEqual([6, "Up"]);
    expect(found["metadata"]?.["generation"]).toBe(3);
  });

  test("wait for a condition, and for the end of an object", async () => {
    await withWidgets();
    await ok("apply -f -", { input: widget(2) });
    const waiting = ok("wait --for=jsonpath={.status.phase}=Up wd/w --timeout=20s");
    await ok('patch wd w --subresource=status --type=merge -p {"status":{"phase":"Up"}}');
    expect(await waiting).toBe("widget.test.quorate.dev/w condition met\n");
    const gone = ok("wait --for=delete wd/w --timeout=20s");
    await ok("delete wd w");
    // Says "condition met" if it saw the end, and nothing if the object was gone before it looked.
    expect(await gone).toMatch(/^(.* condition met\n)?$/);
    expect(await ok("get wd --ignore-not-found w")).toBe("");
  });

  test("get --watch shows changes as they come", async () => {
    await ok("create configmap a");
    const child = spawn(KUBECTL, ["get", "configmap", "a", "-w", "-o", "name"], {
      env: environment(),
    });
    try {
      const twice = new Promise<string>((resolve) => {
        let text = "";
        child.stdout.on("data", (chunk: Buffer) => {
          text += chunk.toString();
          if (text.split("\n").length > 2) resolve(text);
        });
      });
      await new Promise((resolve) => child.stdout.once("data", resolve));
      await ok("label configmap a x=y");
      expect(await twice).toBe("configmap/a\nconfigmap/a\n");
    } finally {
      child.kill("SIGKILL");
    }
  });

  test("logs come from the kubelet that the server was given", async () => {
    const asked: unknown[] = [];
    server.setLogProvider(async function* (request) {
      const { signal: _signal, ...rest } = request;
      asked.push(rest);
      if (request.previous) {
        throw new ApiStatus({
          code: 400,
          reason: "BadRequest",
          message: 'previous terminated container "c" in pod "p" not found',
        });
      }
      yield new TextEncoder().encode("one\n");
      yield new TextEncoder().encode("two\n");
    });
    await ok("apply -f -", { input: pod("p", { nodeName: "local-1" }) });
    expect(await ok("logs p -f --tail=2 --timestamps")).toBe("one\ntwo\n");
    expect(asked).toEqual([
      {
        namespace: "default",
        pod: "p",
        container: "c",
        follow: true,
        previous: false,
        tailLines: 2,
        timestamps: true,
      },
    ]);
    const previous = await kubectl("logs p --previous");
    expect(previous.err).toContain('previous terminated container "c" in pod "p" not found');
  });

  test("delete with each policy, of a label and of a namespace", async () => {
    for (const name of ["a", "b"]) await ok(`create configmap ${name}`);
    await ok("label configmap a b x=y");
    expect(await ok("delete configmap -l x=y")).toBe(
      'configmap "a" deleted\nconfigmap "b" deleted\n',
    );
    for (const policy of ["background", "foreground", "orphan"]) {
      await ok("create configmap c");
      await ok(`delete configmap c --cascade=${policy} --timeout=10s`);
    }
    await ok("create namespace n");
    await ok("create configmap d -n n");
    await ok("delete namespace n --timeout=10s");
    expect((await kubectl("get namespace n")).err).toContain('namespaces "n" not found');
  });

  test("drain evicts, and waits for a disruption budget", async () => {
    const node = { apiVersion: "v1", kind: "Node", metadata: { name: "local-1" } };
    await ok("apply -f -", { input: JSON.stringify(node) });
    await ok("apply -f -", { input: pod("p", { nodeName: "local-1" }) });
    const conditions = [{ type: "Ready", status: "True" }];
    const status = JSON.stringify({ status: { phase: "Running", conditions } });
    await ok(`patch pod p --subresource=status --type=merge -p ${status}`);
    await ok("create poddisruptionbudget b --min-available=1 --selector=app=p --dry-run=client");
    const budget = {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: "b" },
      spec: { minAvailable: 1, selector: { matchLabels: { app: "p" } } },
    };
    await ok("apply -f -", { input: JSON.stringify(budget) });
    const held = await kubectl("drain local-1 --force --timeout=2s");
    expect(held.code).toBe(1);
    expect(held.err).toContain("Cannot evict pod as it would violate the pod's disruption budget");
    await ok("delete pdb b");
    const drained = kubectl("drain local-1 --force --timeout=20s");
    await ok("wait --for=jsonpath={.metadata.deletionTimestamp} pod/p --timeout=10s");
    // The kubelet's part: the processes have ended.
    await ok("delete pod p --grace-period=0 --force");
    expect((await drained).out).toContain("node/local-1 drained");
    expect(await ok("get node local-1 -o jsonpath={.spec.unschedulable}")).toBe("true");
  });

  test("events by the object that they are about", async () => {
    await withWidgets();
    await ok("apply -f -", { input: widget(1) });
    const uid = await ok("get wd w -o jsonpath={.metadata.uid}");
    const event = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "w.1" },
      involvedObject: {
        apiVersion: "test.quorate.dev/v1",
        kind: "Widget",
        name: "w",
        namespace: "default",
        uid,
      },
      reason: "Rotated",
      message: "one out, one in",
      type: "Normal",
      source: { component: "quorate-operator" },
      firstTimestamp: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
      lastTimestamp: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
      count: 1,
    };
    await ok("create -f -", { input: JSON.stringify(event) });
    expect(await ok("describe wd w")).toMatch(/Normal +Rotated +\d+s +quorate-operator +one out/);
    expect(await ok("get events --field-selector=reason=Rotated --no-headers")).toMatch(
      /^\d+s +Normal +Rotated +widget\/w +one out, one in\n$/,
    );
  });
});
