import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processStart } from "./supervisor/process-identity.ts";

/** Where a running daemon can be reached. */
export interface DaemonAddress {
  readonly kubeconfigFile: string;
  readonly apiUrl: string;
}

interface DaemonFile extends Partial<DaemonAddress> {
  readonly pid: number;
  /** Boot and start time: a later process with the same pid is another one. */
  readonly start: string;
}

export interface FolderClaim {
  /** The API answers: whoever waits for it may go on. */
  announce(address: DaemonAddress): void;
  release(): void;
}

/** The daemon that runs in this folder now. */
export function runningDaemon(folder: string): DaemonFile | undefined {
  const path = daemonFile(folder);
  if (!existsSync(path)) return undefined;
  const parsed = JSON.parse(readFileSync(path, "utf8")) as DaemonFile;
  return processStart(parsed.pid) === parsed.start ? parsed : undefined;
}

/**
 * Makes this process the folder's daemon.
 *
 * @throws Error where another one runs, with its process id.
 */
export function claimFolder(folder: string): FolderClaim {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const running = runningDaemon(folder);
  if (running !== undefined) {
    throw new Error(
      `a local cluster runs in ${folder} already (process ${running.pid}); ` +
        "stop it with SIGTERM, or choose another --folder",
    );
  }
  const self = { pid: process.pid, start: processStart(process.pid) ?? "" };
  write(folder, self);
  return {
    announce: (address) => write(folder, { ...self, ...address }),
    release: () => rmSync(daemonFile(folder), { force: true }),
  };
}

/** Resolves once the daemon has announced itself; throws where it ends before. */
export function awaitDaemon(folder: string, child: ChildProcess): Promise<DaemonAddress> {
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      const daemon = runningDaemon(folder);
      const { kubeconfigFile, apiUrl } = daemon ?? {};
      if (daemon?.pid !== child.pid || kubeconfigFile === undefined || apiUrl === undefined) return;
      clearInterval(timer);
      resolve({ kubeconfigFile, apiUrl });
    }, POLL_MS);
    child.once("exit", (code) => {
      clearInterval(timer);
      const log = join(folder, "daemon.log");
      reject(new Error(`the local cluster ended with status ${code} before it was up: see ${log}`));
    });
  });
}

const POLL_MS = 50;

function daemonFile(folder: string): string {
  return join(folder, "daemon.json");
}

function write(folder: string, content: DaemonFile): void {
  const next = `${daemonFile(folder)}.next`;
  writeFileSync(next, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  renameSync(next, daemonFile(folder));
}
