import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runningDaemon } from "@quorate/local-cluster/daemon-folder";
import { ClusterRefusal } from "./errors.ts";
import type { LocalCluster } from "./ports.ts";

const MAIN = fileURLToPath(new URL("../../../local-cluster/src/main.ts", import.meta.url));
const MANIFEST = fileURLToPath(new URL("../../../../manifests/install.yaml", import.meta.url));
/** Written last by a cluster's first start: what else is a folder's business is not ours. */
const MARK = "cluster.json";

/** The daemon outlives its starter; this one only waits until it has announced itself. */
function start(folder: string, nodes: number): Promise<{ readonly kubeconfig: string }> {
  const args = [MAIN, "--folder", folder, "--nodes", String(nodes), "--detach"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) return resolve({ kubeconfig: stdout.trim() });
      const fix = stderr.trim().replace(/^local-cluster: /u, "") || `it ended with status ${code}`;
      reject(new ClusterRefusal({ code: "LOCAL_CLUSTER_FAILED", field: "--folder", fix }));
    });
  });
}

export const systemLocalCluster: LocalCluster = {
  running: (folder) => {
    const daemon = runningDaemon(folder);
    if (daemon === undefined) return undefined;
    return { pid: daemon.pid, kubeconfig: daemon.kubeconfigFile ?? join(folder, "kubeconfig") };
  },
  start,
  stop: (pid) => void process.kill(pid, "SIGTERM"),
  holdsCluster: (folder) => (existsSync(folder) ? existsSync(join(folder, MARK)) : undefined),
  remove: (folder) => rmSync(folder, { recursive: true }),
  manifest: () => readFileSync(MANIFEST, "utf8"),
};
