import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { Kubelet } from "../kubelet/kubelet.ts";
import type { PodWorker } from "../kubelet/pod-worker.ts";

/** Answer of the door: JSON, or an error with the way out. */
interface Answer {
  readonly code: number;
  readonly body: object;
}

/** Maps: a plain object would also answer to what every object has, as `constructor`. */
const MACHINE_ACTS: ReadonlyMap<string, (kubelet: Kubelet) => void> = new Map([
  ["off", (kubelet: Kubelet) => kubelet.turnOff()],
  ["on", (kubelet: Kubelet) => kubelet.turnOn()],
  ["pause", (kubelet: Kubelet) => kubelet.pause()],
  ["resume", (kubelet: Kubelet) => kubelet.resume()],
]);
const POD_SIGNALS: ReadonlyMap<string, NodeJS.Signals> = new Map([
  ["kill", "SIGKILL"],
  ["pause", "SIGSTOP"],
  ["resume", "SIGCONT"],
]);

/**
 * What a person could do at the machines themselves: pull a plug, freeze, kill a process. A unix
 * socket that only its owner may use; it starts nothing and changes no object of the API.
 */
export class MachineDoor {
  readonly #kubelets: readonly Kubelet[];
  readonly #server: Server;
  readonly socketPath: string;

  constructor(socketPath: string, kubelets: readonly Kubelet[]) {
    this.socketPath = socketPath;
    this.#kubelets = kubelets;
    this.#server = createServer((request, response) => {
      request.resume();
      const { code, body } = this.#answerSafely(request.method ?? "", request.url ?? "");
      response.writeHead(code, { "content-type": "application/json" });
      response.end(`${JSON.stringify(body)}\n`);
    });
  }

  open(): Promise<void> {
    rmSync(this.socketPath, { force: true });
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      // The mode is in force before anybody can connect.
      const mask = process.umask(0o177);
      this.#server.listen(this.socketPath, () => {
        chmodSync(this.socketPath, 0o600);
        resolve();
      });
      process.umask(mask);
    });
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** A request is a stranger's: whatever it holds, the machines behind the door go on. */
  #answerSafely(method: string, url: string): Answer {
    try {
      return this.#answer(method, url);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // decodeURIComponent throws it for a path that is no text.
      const code = error instanceof URIError ? 400 : 500;
      return { code, body: { message: `${method} ${url}: ${message}` } };
    }
  }

  #answer(method: string, url: string): Answer {
    const [, kind, ...rest] = url.split("?")[0]?.split("/").map(decodeURIComponent) ?? [];
    if (kind === "machines") return this.#onMachines(method, rest);
    if (kind === "pods") return this.#onPods(method, rest);
    return notFound(`no such path: ${url}; there are /machines and /pods/NAMESPACE/NAME`);
  }

  #onMachines(method: string, [name, act]: readonly string[]): Answer {
    if (method === "GET" && name === undefined) {
      return ok({ machines: this.#kubelets.map(describeMachine) });
    }
    const kubelet = this.#kubelets.find((one) => one.name === name);
    if (kubelet === undefined) return notFound(`no machine named ${name}`);
    if (method === "GET" && act === undefined) return ok(describeMachine(kubelet));
    const run = MACHINE_ACTS.get(act ?? "");
    if (method !== "POST" || run === undefined) {
      return notFound(`${method} ${act}: a machine knows POST off, on, pause, resume`);
    }
    run(kubelet);
    return ok(describeMachine(kubelet));
  }

  #onPods(method: string, [namespace = "", name = "", act]: readonly string[]): Answer {
    // A pod that was replaced may be known to a machine that is off besides: who runs it comes
    // first.
    const kubelet =
      this.#kubelets.find((one) => one.worker(namespace, name) !== undefined) ??
      this.#kubelets.find((one) => one.lastWorker(namespace, name) !== undefined);
    const worker = kubelet?.lastWorker(namespace, name);
    if (kubelet === undefined || worker === undefined) {
      return notFound(`no machine knows a pod ${namespace}/${name}`);
    }
    if (method === "GET" && act === undefined) return ok(describePod(kubelet, worker));
    if (kubelet.power === "off")
      return notFound(`machine ${kubelet.name} is off: turn it on first`);
    const signal = POD_SIGNALS.get(act ?? "");
    if (method !== "POST" || signal === undefined) {
      return notFound(`${method} ${act}: a pod knows POST kill, pause, resume`);
    }
    const before = describePod(kubelet, worker);
    worker.signal(signal);
    return ok(before);
  }
}

function describeMachine(kubelet: Kubelet): object {
  return {
    name: kubelet.name,
    power: kubelet.power,
    pods: kubelet.pods.map(({ pod }) => `${pod.metadata.namespace}/${pod.metadata.name}`),
  };
}

function describePod(kubelet: Kubelet, worker: PodWorker): object {
  const { namespace, name, uid } = worker.pod.metadata;
  return {
    namespace,
    name,
    uid,
    machine: kubelet.name,
    podIP: worker.podIp,
    folder: worker.folder,
    volumes: Object.fromEntries(worker.volumeFolders),
    containers: worker.containers.map((one) => ({
      name: one.spec.name,
      pid: one.pid ?? null,
      cwd: one.cwd ?? null,
      logs: one.logFolder,
    })),
  };
}

function ok(body: object): Answer {
  return { code: 200, body };
}

function notFound(message: string): Answer {
  return { code: 404, body: { message } };
}
