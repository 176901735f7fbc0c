import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KubeObject, ResourceType } from "@quorate/runtime/objects";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { StoreClient } from "./apiserver/store-client.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import {
  CLAIMS,
  CONFIG_MAPS,
  DEPLOYMENTS,
  EVENTS,
  isReady,
  keyOf,
  NAMESPACES,
  NODES,
  PODS,
  type Pod,
  REPLICA_SETS,
  SERVICES,
  VOLUMES,
} from "./controllers/api-types.ts";
import { processStart } from "./supervisor/process-identity.ts";

/**
 * Serves its address, what it is told and its files; ends as it is asked to.
 * /exit?N ends with status N, SIGTERM with "bye" unless it is told to be stubborn.
 */
const PROGRAM = `
import { readFileSync, appendFileSync, existsSync } from "node:fs";
import { createServer } from "node:http";
const [mode = ""] = process.argv.slice(2);
console.log("up", process.env.POD_IP, mode);
if (existsSync("data")) appendFileSync("data/lives", "x");
if (mode === "once") process.exit(0);
if (mode === "fail") process.exit(3);
let healthy = true;
createServer((request, response) => {
  const path = request.url ?? "";
  if (path === "/sick") healthy = false;
  if (path.startsWith("/exit")) process.exit(Number(path.split("?")[1]));
  if (path.startsWith("/file")) {
    try { return response.end(readFileSync(path.slice(6), "utf8")); }
    catch { return response.writeHead(404).end("none"); }
  }
  response.writeHead(healthy ? 200 : 500).end(process.env.WORD ?? "ok");
}).listen(8080, process.env.POD_IP);
process.on("SIGTERM", () => {
  if (mode === "stubborn") return console.log("no");
  console.log("bye");
  process.exit(0);
});
`;

let home: string;
let folder: string;
let cluster: Cluster;
let store: StoreClient;
let namespace: string;
let count = 0;

const options = () => ({
  folder,
  kubeletNodes: 3,
  nodeGraceMs: 400,
  backOff: { firstMs: 300, capMs: 1_000, soundMs: 60_000 },
  images: [{ image: "test/program:*", entrypoint: [process.execPath, join(home, "program.mjs")] }],
});

async function startHere(): Promise<void> {
  cluster = await startCluster(options());
  store = cluster.client("test");
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "quorate-cluster-"));
  writeFileSync(join(home, "program.mjs"), PROGRAM);
  folder = join(home, "cluster");
  mkdirSync(folder);
  await startHere();
});
afterAll(async () => {
  await cluster.stop();
  rmSync(home, { recursive: true, force: true });
});
beforeEach(() => {
  count += 1;
  namespace = `ns-${count}`;
  store.create(NAMESPACES, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
  });
});
afterEach(async () => {
  for (const set of store.list(DEPLOYMENTS, { namespace })) store.delete(DEPLOYMENTS, keyOf(set));
  for (const set of store.list(REPLICA_SETS, { namespace })) store.delete(REPLICA_SETS, keyOf(set));
  for (const pod of store.list(PODS, { namespace })) {
    store.delete(PODS, keyOf(pod), { gracePeriodSeconds: 1 });
  }
  await Promise.all(store.list(PODS, { namespace }).map((pod) => gone(PODS, pod.metadata.name)));
});

/** The object once it is as wanted; the test's own time limit ends a hopeless wait. */
function until<T extends KubeObject>(
  type: ResourceType<T>,
  name: string,
  wanted: (object: T) => boolean,
): Promise<T> {
  const space = type.namespaced ? { namespace } : {};
  return new Promise((resolve) => {
    const end = store.watch(
      type,
      { ...space, fieldSelector: `metadata.name=${name}` },
      ({ type: kind, object }) => {
        if (kind === "DELETED" || !wanted(object)) return;
        queueMicrotask(() => end());
        resolve(object);
      },
    );
  });
}

function gone(type: ResourceType, name: string): Promise<void> {
  const space = type.namespaced ? { namespace } : {};
  return new Promise((resolve) => {
    const end = store.watch(type, { ...space }, ({ type: kind, object }) => {
      if (kind !== "DELETED" || object.metadata.name !== name) return;
      queueMicrotask(() => end());
      resolve();
    });
    if (store.get(type, { namespace: type.namespaced ? namespace : "", name }) === undefined) {
      end();
      resolve();
    }
  });
}

function eventWith(text: string): Promise<unknown> {
  return new Promise((resolve) => {
    const end = store.watch(EVENTS, { namespace }, ({ object }) => {
      if (!`${object.reason}: ${object.message}`.includes(text)) return;
      queueMicrotask(() => end());
      resolve(object);
    });
  });
}

interface PodParts {
  readonly args?: readonly string[];
  readonly container?: object;
  readonly spec?: object;
  readonly labels?: object;
}

const readinessProbe = { httpGet: { path: "/", port: "http" }, periodSeconds: 1 };

function createPod(name: string, parts: PodParts = {}): Pod {
  return store.create<Pod>(PODS, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: parts.labels ?? { app: name } },
    spec: podSpec(parts),
  });
}

function podSpec({ args = [], container = {}, spec = {} }: PodParts): object {
  return {
    terminationGracePeriodSeconds: 20,
    containers: [
      {
        name: "main",
        image: "test/program:1",
        workingDir: "/app",
        args,
        ports: [{ name: "http", containerPort: 8080 }],
        env: [{ name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }],
        readinessProbe,
        ...container,
      },
    ],
    ...spec,
  };
}

const ready = (name: string) => until(PODS, name, isReady);
const statusOf = (pod: Pod) => pod.status?.containerStatuses?.[0];

interface Answer {
  readonly status: number;
  readonly text: string;
}

function call(target: object, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent: false, method, ...target }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

const ask = (host: string, path = "/") => call({ host, port: 8080, path });

async function door(method: string, path: string): Promise<Record<string, unknown>> {
  const { status, text } = await call({ socketPath: cluster.machineDoor, path }, method);
  expect(status, text).toBe(200);
  return JSON.parse(text) as Record<string, unknown>;
}

async function logs(pod: string, previous = false): Promise<string> {
  const described = await door("GET", `/pods/${namespace}/${pod}`);
  const [container] = described["containers"] as [{ logs: string }];
  const life = store.get(PODS, { namespace, name: pod })?.status?.containerStatuses?.[0];
  const number = (life?.restartCount ?? 0) - (previous ? 1 : 0);
  return readFileSync(join(container.logs, `${number}.log`), "utf8");
}

function service(name: string, selector: object): void {
  store.create(SERVICES, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector, ports: [{ name: "http", port: 80, targetPort: "http" }] },
  });
}

function configMap(name: string, data: object): void {
  const metadata = { name, namespace };
  store.create(CONFIG_MAPS, { apiVersion: "v1", kind: "ConfigMap", metadata, data });
}

function mounted(volume: object): PodParts {
  return {
    container: { volumeMounts: [{ name: "v", mountPath: "/app/data" }] },
    spec: { volumes: [{ name: "v", ...volume }] },
  };
}

/** Until a probe or a volume shows it; each round is an answer of the program, not a pause. */
async function answers(host: string, path: string, wanted: string): Promise<void> {
  while ((await ask(host, path)).text !== wanted);
}

describe("a pod", () => {
  test("runs, is ready by its probe, and tells its story", async () => {
    createPod("p");
    const pod = await ready("p");
    expect(pod.status?.phase).toBe("Running");
    expect(await ask(pod.status?.podIP ?? "")).toEqual({ status: 200, text: "ok" });
    expect(await logs("p")).toContain(`stdout F up ${pod.status?.podIP}`);
    const reasons = store
      .list(EVENTS, { namespace })
      .filter(({ involvedObject }) => involvedObject.name === "p")
      .map(({ reason }) => reason);
    expect(reasons).toEqual(expect.arrayContaining(["Scheduled", "Pulled", "Created", "Started"]));
  });

  test("has the address of the service that is only its own; others get a proxy", async () => {
    service("own", { app: "a" });
    service("both", { group: "g" });
    const own = store.get(SERVICES, { namespace, name: "own" });
    createPod("a", { labels: { app: "a" } });
    createPod("g1", { labels: { group: "g" } });
    createPod("g2", { labels: { group: "g" } });
    const [a] = await Promise.all([ready("a"), ready("g1"), ready("g2")]);
    expect(a.status?.podIP).toBe(own?.spec?.clusterIP);
    const both = store.get(SERVICES, { namespace, name: "both" })?.spec?.clusterIP ?? "";
    expect((await call({ host: both, port: 80 })).text).toBe("ok");
  });

  test("killed: starts again at once as the same pod, then with a back-off", async () => {
    createPod("p");
    await ready("p");
    await door("POST", `/pods/${namespace}/p/kill`);
    const again = await until(PODS, "p", (pod) => statusOf(pod)?.restartCount === 1);
    expect(statusOf(again)?.lastState?.terminated).toMatchObject({
      exitCode: 137,
      reason: "Error",
    });
    const { status } = await ready("p");
    expect(await logs("p", true)).toContain("up");
    await ask(status?.podIP ?? "", "/exit?3").catch(() => undefined);
    const waiting = await until(
      PODS,
      "p",
      (pod) => statusOf(pod)?.state?.waiting?.reason === "CrashLoopBackOff",
    );
    expect(statusOf(waiting)?.lastState?.terminated?.exitCode).toBe(3);
    expect(isReady(waiting)).toBe(false);
    await eventWith("BackOff: Back-off restarting failed container main in pod p_");
    expect(statusOf(await ready("p"))?.restartCount).toBe(2);
  });

  test("failing liveness: killed in order and started again", async () => {
    const livenessProbe = { httpGet: { port: 8080 }, periodSeconds: 1, failureThreshold: 1 };
    createPod("p", { container: { livenessProbe } });
    const { status } = await ready("p");
    await ask(status?.podIP ?? "", "/sick");
    await eventWith("Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500");
    await eventWith("Killing: Container main failed liveness probe, will be restarted");
    await until(PODS, "p", (pod) => statusOf(pod)?.restartCount === 1 && isReady(pod));
    expect(await logs("p", true)).toContain("bye");
  });

  test("deleted: SIGTERM, and SIGKILL after the grace; nothing is left", async () => {
    createPod("polite");
    createPod("stubborn", { args: ["stubborn"] });
    await Promise.all([ready("polite"), ready("stubborn")]);
    const described = await door("GET", `/pods/${namespace}/stubborn`);
    const [{ pid }] = described["containers"] as [{ pid: number }];
    store.delete(PODS, { namespace, name: "polite" });
    store.delete(PODS, { namespace, name: "stubborn" }, { gracePeriodSeconds: 1 });
    expect(store.get(PODS, { namespace, name: "stubborn" })).toBeDefined();
    await Promise.all([gone(PODS, "polite"), gone(PODS, "stubborn")]);
    expect(processStart(pid)).toBeUndefined();
    const old = await call({ socketPath: cluster.machineDoor, path: `/pods/${namespace}/polite` });
    expect(old.status).toBe(404);
  });

  test("Never: ends as Succeeded or Failed; init containers come first, one by one", async () => {
    const spec = { restartPolicy: "Never" };
    createPod("good", { args: ["once"], spec, container: { readinessProbe: null } });
    createPod("bad", { args: ["fail"], spec, container: { readinessProbe: null } });
    const init = ["one", "two"].map((name) => ({ name, image: "test/program:1", args: ["once"] }));
    createPod("later", { spec: { initContainers: init } });
    await until(PODS, "good", (pod) => pod.status?.phase === "Succeeded");
    const bad = await until(PODS, "bad", (pod) => pod.status?.phase === "Failed");
    expect(statusOf(bad)?.state?.terminated?.exitCode).toBe(3);
    const later = await ready("later");
    const done = later.status?.initContainerStatuses?.map(({ state }) => state?.terminated?.reason);
    expect(done).toEqual(["Completed", "Completed"]);
  });

  test("an image that is not in the table cannot be pulled", async () => {
    createPod("p", { container: { image: "nobody/knows:1" } });
    const pod = await until(
      PODS,
      "p",
      (one) => statusOf(one)?.state?.waiting?.reason === "ErrImagePull",
    );
    expect(pod.status?.phase).toBe("Pending");
    await eventWith('Failed: Failed to pull image "nobody/knows:1"');
  });

  test("an image that is not there and may not be pulled is told as such", async () => {
    createPod("p", { container: { image: "nobody/knows:1", imagePullPolicy: "Never" } });
    await until(PODS, "p", (one) => statusOf(one)?.state?.waiting?.reason === "ErrImageNeverPull");
    await eventWith(
      'ErrImageNeverPull: Container image "nobody/knows:1" is not present with pull policy of Never',
    );
  });
});

describe("volumes", () => {
  test("a config map is mounted, and a change is seen by the running program", async () => {
    configMap("c", { word: "old" });
    createPod("p", mounted({ configMap: { name: "c" } }));
    const { status } = await ready("p");
    await answers(status?.podIP ?? "", "/file/data/word", "old");
    store.patch(CONFIG_MAPS, { namespace, name: "c" }, { data: { word: "new" } });
    await answers(status?.podIP ?? "", "/file/data/word", "new");
  });

  test("an optional one may come later", async () => {
    createPod("p", mounted({ configMap: { name: "later", optional: true } }));
    const { status } = await ready("p");
    await answers(status?.podIP ?? "", "/file/data/word", "none");
    configMap("later", { word: "here" });
    await answers(status?.podIP ?? "", "/file/data/word", "here");
  });

  test("a missing one holds the pod with an event until it is there", async () => {
    createPod("p", mounted({ configMap: { name: "c" } }));
    await eventWith(
      'FailedMount: MountVolume.SetUp failed for volume "v" : configmap "c" not found',
    );
    configMap("c", { word: "x" });
    await ready("p");
  });

  test("a mount outside the working directory is refused with the way out", async () => {
    createPod("p", {
      container: { volumeMounts: [{ name: "v", mountPath: "/etc/v" }] },
      spec: { volumes: [{ name: "v", emptyDir: {} }] },
    });
    await until(
      PODS,
      "p",
      (pod) => statusOf(pod)?.state?.waiting?.reason === "CreateContainerConfigError",
    );
    await eventWith("lies outside workingDir /app");
  });

  test("a claim gets a folder that outlives its pod and binds the next one to its node", async () => {
    store.create(CLAIMS, {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "c", namespace },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    });
    const parts = mounted({ persistentVolumeClaim: { claimName: "c" } });
    createPod("p", parts);
    const first = await ready("p");
    store.delete(PODS, keyOf(first));
    await gone(PODS, "p");
    createPod("p", parts);
    const second = await ready("p");
    expect(second.spec?.nodeName).toBe(first.spec?.nodeName);
    await answers(second.status?.podIP ?? "", "/file/data/lives", "xx");
    const volume = store.get(CLAIMS, { namespace, name: "c" })?.spec?.volumeName ?? "";
    store.delete(CLAIMS, { namespace, name: "c" });
    expect(store.get(CLAIMS, { namespace, name: "c" })).toBeDefined();
    store.delete(PODS, keyOf(second));
    await gone(CLAIMS, "c");
    await gone(VOLUMES, volume);
  });
});

describe("a machine", () => {
  const node = (name: string, status: string) =>
    until(NODES, name, (one) =>
      (one.status?.conditions ?? []).some((c) => c.type === "Ready" && c.status === status),
    );

  test("off: the node is lost, its pods unready and kept; on: they run again", async () => {
    createPod("p");
    const { spec, metadata } = await ready("p");
    const name = spec?.nodeName ?? "";
    await door("POST", `/machines/${name}/off`);
    const lost = await node(name, "Unknown");
    const dark = await door("GET", `/pods/${namespace}/p`);
    expect(dark).toMatchObject({ machine: name, containers: [{ pid: null }] });
    expect(lost.status?.conditions?.every(({ status }) => status === "Unknown")).toBe(true);
    await until(NODES, name, (one) => (one.spec?.taints ?? []).length === 2);
    const unready = await until(PODS, "p", (pod) => !isReady(pod));
    expect(unready.metadata.uid).toBe(metadata.uid);
    expect(unready.metadata.deletionTimestamp).toBeUndefined();
    await door("POST", `/machines/${name}/on`);
    await node(name, "True");
    const back = await until(PODS, "p", (pod) => isReady(pod) && statusOf(pod)?.restartCount === 1);
    expect(back.metadata.uid).toBe(metadata.uid);
    await until(NODES, name, (one) => (one.spec?.taints ?? []).length === 0);
  });

  test("off and on: a pod with restartPolicy Never does not run again, it has failed", async () => {
    const path = join(home, `once-${count}`);
    const spec = {
      restartPolicy: "Never",
      volumes: [{ name: "data", hostPath: { path } }],
      initContainers: [{ name: "first", image: "test/program:1", args: ["once"] }],
    };
    createPod("p", {
      spec,
      container: { volumeMounts: [{ name: "data", mountPath: "/app/data" }] },
    });
    const { spec: bound } = await ready("p");
    await door("POST", `/machines/${bound?.nodeName}/off`);
    await door("POST", `/machines/${bound?.nodeName}/on`);
    const pod = await until(PODS, "p", ({ status }) => status?.phase === "Failed");
    expect(statusOf(pod)).toMatchObject({
      restartCount: 0,
      ready: false,
      state: { terminated: { exitCode: 255, reason: "Unknown" } },
    });
    const described = await door("GET", `/pods/${namespace}/p`);
    const [container] = described["containers"] as [{ pid: number | null }];
    expect(container.pid).toBeNull();
  });

  test("a pod deleted on a lost machine stays until the machine is back", async () => {
    createPod("p");
    const { spec } = await ready("p");
    await door("POST", `/machines/${spec?.nodeName}/off`);
    await node(spec?.nodeName ?? "", "Unknown");
    store.delete(PODS, { namespace, name: "p" });
    expect(store.get(PODS, { namespace, name: "p" })?.metadata.deletionTimestamp).toBeDefined();
    await door("POST", `/machines/${spec?.nodeName}/on`);
    await gone(PODS, "p");
  });

  test("paused: lost while its processes stand still; resumed: the same processes go on", async () => {
    createPod("p");
    const { spec, status } = await ready("p");
    const name = spec?.nodeName ?? "";
    const before = await door("GET", `/pods/${namespace}/p`);
    await door("POST", `/machines/${name}/pause`);
    await node(name, "Unknown");
    await door("POST", `/machines/${name}/resume`);
    await node(name, "True");
    await ready("p");
    expect(await door("GET", `/pods/${namespace}/p`)).toEqual(before);
    expect((await ask(status?.podIP ?? "")).status).toBe(200);
  });
});

describe("a deployment", () => {
  const deployment = (args: readonly string[]) => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "d", namespace },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "d" } },
      template: { metadata: { labels: { app: "d" } }, spec: podSpec({ args }) },
    },
  });

  test("makes its pods, replaces a deleted one, and rolls to a new template", async () => {
    store.create(DEPLOYMENTS, deployment([]));
    const available = (d: { status?: { availableReplicas?: number } }) =>
      d.status?.availableReplicas === 2;
    await until(DEPLOYMENTS, "d", available);
    const [first] = store.list(PODS, { namespace });
    store.delete(PODS, keyOf(first!));
    await gone(PODS, first!.metadata.name);
    await until(DEPLOYMENTS, "d", available);
    store.patch(DEPLOYMENTS, { namespace, name: "d" }, { spec: deployment(["second"]).spec });
    await until(DEPLOYMENTS, "d", (d) => d.status?.observedGeneration === 2);
    await until(
      DEPLOYMENTS,
      "d",
      (d) => d.status?.updatedReplicas === 2 && d.status.replicas === 2 && available(d),
    );
    const live = store.list(PODS, { namespace }).filter((p) => !p.metadata.deletionTimestamp);
    expect(live.map((pod) => pod.spec?.containers[0]?.args)).toEqual([["second"], ["second"]]);
  });
});

describe("the cluster", () => {
  test("stopped it leaves no process; started again it runs its pods as they were", async () => {
    service("own", { app: "p" });
    createPod("p");
    const spec = { terminationGracePeriodSeconds: 1 };
    createPod("slow", { args: ["stubborn"], spec });
    const before = await ready("p");
    await ready("slow");
    const described = await door("GET", `/pods/${namespace}/p`);
    const [{ pid }] = described["containers"] as [{ pid: number }];
    const { apiUrl } = cluster;
    await cluster.stop();
    expect(processStart(pid)).toBeUndefined();
    await startHere();
    expect(cluster.apiUrl).toBe(apiUrl);
    const after = await until(
      PODS,
      "p",
      (pod) => isReady(pod) && statusOf(pod)?.restartCount === 1,
    );
    await until(PODS, "slow", (pod) => isReady(pod) && statusOf(pod)?.restartCount === 1);
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.status?.podIP).toBe(before.status?.podIP);
    expect((await ask(after.status?.podIP ?? "")).status).toBe(200);
  });

  test("its API is on the loopback and asks for a token", async () => {
    const socket = connect(Number(new URL(cluster.apiUrl).port), "127.0.0.1");
    await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
    socket.destroy();
    const kubeconfig = readFileSync(cluster.kubeconfigFile, "utf8");
    expect(kubeconfig).toContain("token:");
  });
});
