import { basename, resolve } from "node:path";
import { InputError } from "@quorate/client/errors";
import type { Clock } from "@quorate/runtime/clock";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject, ResourceType } from "@quorate/runtime/objects";
import { resourceOf } from "@quorate/runtime/resource-of";
import type { CommandOutput } from "../output.ts";
import { NotInTimeError } from "./errors.ts";
import { OPERATOR } from "./logs.ts";
import { objectsOf } from "./manifests.ts";
import type { Cluster, LocalCluster } from "./ports.ts";
import { duration } from "./words.ts";

/** The operator's first start compiles nothing, but a busy machine takes its time. */
const READY_MS = 180_000;
const ESTABLISHED_MS = 30_000;
const STOP_MS = 90_000;
const POLL_MS = 250;
const PROGRESS_MS = 10_000;

export interface UpPorts {
  readonly clock: Clock;
  readonly localCluster: LocalCluster;
  readonly openCluster: (kubeconfigs: readonly string[]) => Promise<Cluster>;
  readonly progress: (text: string) => void;
}

interface Deployment extends KubeObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
  };
}

interface Conditioned extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const DEPLOYMENTS: ResourceType<Deployment> = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  plural: "deployments",
  namespaced: true,
};

interface Wait {
  readonly what: string;
  readonly limitMs: number;
  readonly fix: string;
  readonly is: () => boolean | Promise<boolean>;
}

async function until(
  { clock, progress }: Pick<UpPorts, "clock" | "progress">,
  wait: Wait,
): Promise<void> {
  const from = clock.monotonic();
  let toldAt = from;
  while (!(await wait.is())) {
    const now = clock.monotonic();
    if (now - from >= wait.limitMs) {
      const fix = `${wait.what}: not after ${duration(wait.limitMs)}; ${wait.fix}`;
      throw new NotInTimeError({ code: "NOT_IN_TIME", field: "local cluster", fix });
    }
    if (now - toldAt >= PROGRESS_MS) {
      progress(`  still waiting (${duration(now - from)}): ${wait.what}`);
      toldAt = now;
    }
    await clock.sleep(POLL_MS);
  }
}

async function install(ports: UpPorts, kube: KubeClient): Promise<void> {
  const objects = objectsOf(ports.localCluster.manifest());
  const definitions = objects.filter(({ kind }) => kind === "CustomResourceDefinition");
  const others = objects.filter((object) => !definitions.includes(object));
  ports.progress("installing manifests/install.yaml");
  // Ours are the fields of our manifests, whoever wrote them before.
  const force = { force: true };
  for (const object of definitions) await kube.apply(resourceOf(object), object, force);
  for (const object of definitions) {
    const { name } = object.metadata;
    await until(ports, {
      what: `CustomResourceDefinition ${name} is established`,
      limitMs: ESTABLISHED_MS,
      fix: "look at its conditions",
      is: async () => {
        const now = await kube.get(resourceOf(object), { namespace: "", name });
        const { conditions } = (now as Conditioned | undefined)?.status ?? {};
        return conditions?.some((is) => is.type === "Established" && is.status === "True") === true;
      },
    });
  }
  for (const object of others) await kube.apply(resourceOf(object), object, force);
}

function isReady({ metadata, spec, status }: Deployment): boolean {
  const wanted = spec?.replicas ?? 1;
  return (
    (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
    (status?.updatedReplicas ?? 0) >= wanted &&
    (status?.readyReplicas ?? 0) >= wanted
  );
}

/** Starts the local cluster of a folder, or finds it running, and installs the operator. */
export async function up(
  ports: UpPorts,
  asked: {
    readonly folder: string;
    readonly isDefault: boolean;
    readonly nodes: number;
    readonly operator: boolean;
  },
): Promise<CommandOutput> {
  const { localCluster, progress } = ports;
  const folder = resolve(asked.folder);
  const before = localCluster.running(folder);
  if (before === undefined) progress(`starting a local cluster in ${folder}`);
  else progress(`the local cluster in ${folder} runs already (process ${before.pid})`);
  const { kubeconfig } = before ?? (await localCluster.start(folder, asked.nodes));
  const cluster = await ports.openCluster([kubeconfig]);
  try {
    if (asked.operator) {
      await install(ports, cluster.kube);
      progress("waiting for the operator");
      const { namespace, name } = OPERATOR;
      await until(ports, {
        what: "the operator is ready",
        limitMs: READY_MS,
        fix: `KUBECONFIG=${kubeconfig} quorate logs --operator`,
        is: async () => {
          const deployment = await cluster.kube.get(DEPLOYMENTS, { namespace, name });
          return deployment !== undefined && isReady(deployment);
        },
      });
    }
  } finally {
    cluster.close();
  }
  const wasRunning = before !== undefined;
  const operator = asked.operator ? "ready" : "not installed";
  const document = { command: "up", folder, kubeconfig, wasRunning, operator };
  return {
    document,
    lines: [
      `export KUBECONFIG=${quoted(kubeconfig)}`,
      "",
      `# the cluster is up, the operator is ${operator}; next:`,
      "#   kubectl apply -f manifests/samples/validatorset-dev.yaml",
      "#   quorate status",
      `#   quorate down${asked.isDefault ? "" : ` --folder ${quoted(folder)}`}`,
    ],
  };
}

/** As a shell takes it. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

export interface DownQuestion {
  readonly folder: string;
  readonly delete: boolean;
  /** Must be the folder's last name to delete it. */
  readonly confirm: string | undefined;
}

function checkDeletion(
  localCluster: LocalCluster,
  folder: string,
  confirm: string | undefined,
): void {
  if (localCluster.holdsCluster(folder) === false) {
    const fix = `${folder} is no folder of a local cluster: nothing in it is touched`;
    throw new InputError({ code: "NOT_A_CLUSTER_FOLDER", field: "--folder", fix });
  }
  const word = basename(folder);
  if (confirm === word) return;
  const fix = `this deletes every key and volume in ${folder} for ever: add --confirm ${word}`;
  throw new InputError({ code: "CONFIRMATION_MISSING", field: "--confirm", fix });
}

/** Stops the local cluster of a folder in order; its state stays unless a person deletes it. */
export async function down(
  ports: Pick<UpPorts, "clock" | "localCluster" | "progress">,
  question: DownQuestion,
): Promise<CommandOutput> {
  const { localCluster, progress } = ports;
  const folder = resolve(question.folder);
  // Before anything is stopped: a wrong word must cost nothing.
  if (question.delete) checkDeletion(localCluster, folder, question.confirm);
  else if (question.confirm !== undefined) {
    const fix = "it goes with --delete only";
    throw new InputError({ code: "ARGUMENT_CONFLICT", field: "--confirm", fix });
  }
  const running = localCluster.running(folder);
  if (running !== undefined) {
    progress(`stopping all pods and the cluster (process ${running.pid})`);
    localCluster.stop(running.pid);
    await until(ports, {
      what: `process ${running.pid} has ended`,
      limitMs: STOP_MS,
      fix: `see ${folder}/daemon.log`,
      is: () => localCluster.running(folder) === undefined,
    });
  }
  const exists = localCluster.holdsCluster(folder) === true;
  if (question.delete && exists) localCluster.remove(folder);
  const wasRunning = running !== undefined;
  const isKept = exists && !question.delete;
  const document = { command: "down", folder, wasRunning, kept: isKept };
  return {
    document,
    lines: [
      wasRunning ? "stopped" : `no local cluster runs in ${folder}`,
      ...(isKept
        ? [
            `kept in ${folder}: the API's objects, volumes with the nodes' keys, logs`,
            "up goes on from there; down --delete removes it",
          ]
        : []),
      ...(question.delete ? [exists ? `deleted ${folder}` : "there is nothing to delete"] : []),
    ],
  };
}
