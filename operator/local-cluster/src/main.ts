import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import pino from "pino";
import { startCluster } from "./cluster.ts";
import { awaitDaemon, claimFolder } from "./daemon-folder.ts";
import type { ImageProgram } from "./kubelet/image-table.ts";
import { repositoryImages } from "./repository-images.ts";

interface Options {
  readonly folder: string;
  readonly nodes: number;
  readonly nodeGraceMs: number;
  readonly image: readonly ImageProgram[];
  readonly detach?: boolean;
}

/**
 * `name:tag=program`: the program is a file that Node runs; `*` in the name stands for anything.
 */
function imageProgram(text: string, before: readonly ImageProgram[]): readonly ImageProgram[] {
  const [image = "", path = ""] = text.split("=");
  if (image === "" || path === "") throw new InvalidArgumentError("must be name:tag=program");
  return [...before, { image, entrypoint: [process.execPath, resolve(path)] }];
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError("must be a whole number above 0");
}

const program = new Command("local-cluster")
  .description("Runs a Kubernetes API on this machine whose pods are processes.")
  .requiredOption("--folder <path>", "holds all state; a later start goes on from there")
  .option("--nodes <count>", "virtual machines, each a zone of its own", wholeNumber, 5)
  .option("--node-grace-ms <ms>", "a machine silent this long is unknown", wholeNumber, 8_000)
  .option("--image <name=program>", "an image beside the repository's own", imageProgram, [])
  .option("--detach", "go on in the background, return once the API answers")
  .action(async (options: Options) => {
    const folder = resolve(options.folder);
    await (options.detach === true ? detach(folder, options) : run(folder, options));
  });

/** Starts this program again in a session of its own, so that it survives whoever starts it. */
async function detach(folder: string, { nodes, nodeGraceMs, image }: Options): Promise<void> {
  // Refuses a second daemon by name before anything is started.
  claimFolder(folder).release();
  const log = openSync(join(folder, "daemon.log"), "a", 0o600);
  const images = image.flatMap((one) => ["--image", `${one.image}=${one.entrypoint[1]}`]);
  const args = ["--folder", folder, "--nodes", String(nodes), ...images];
  const child = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), ...args, "--node-grace-ms", String(nodeGraceMs)],
    { detached: true, stdio: ["ignore", log, log] },
  );
  child.unref();
  const { kubeconfigFile } = await awaitDaemon(folder, child);
  process.stdout.write(`${kubeconfigFile}\n`);
}

async function run(folder: string, { nodes, nodeGraceMs, image }: Options): Promise<void> {
  const log = pino(pino.destination({ sync: true }));
  const claim = claimFolder(folder);
  const cluster = await startCluster({
    folder,
    kubeletNodes: nodes,
    nodeGraceMs,
    images: [...image, ...repositoryImages()],
    onError: (error) => log.error({ error: String(error) }, "a background task failed"),
  });
  claim.announce({ kubeconfigFile: cluster.kubeconfigFile, apiUrl: cluster.apiUrl });
  log.info({ kubeconfig: cluster.kubeconfigFile, api: cluster.apiUrl, nodes }, "cluster is up");
  await new Promise<void>((stop) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop());
  });
  log.info("stopping all pods");
  await cluster.stop();
  log.info("stopped");
  // The last act: whoever sees the folder free may read the whole log.
  claim.release();
}

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`local-cluster: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
