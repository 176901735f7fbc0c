import { readFile, stat, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { connect, type QuorateClient } from "@quorate/client/client";
import type { ConnectOptions } from "@quorate/client/connect-options";
import { InputError } from "@quorate/client/errors";
import type { Clock } from "@quorate/runtime/clock";
import { systemClock } from "@quorate/runtime/system-clock";
import type { Cluster, LocalCluster } from "./cluster/ports.ts";
import { systemCluster } from "./cluster/system-cluster.ts";
import { systemLocalCluster } from "./cluster/system-local-cluster.ts";
import type { Environment } from "./config.ts";

/** Everything outside the program, so that a test can stand in for it. */
export interface Ports {
  /** As help names it. */
  readonly programName: string;
  readonly environment: Environment;
  readonly connect: (options: ConnectOptions) => Promise<QuorateClient>;
  /** `-` is standard input. */
  readonly readText: (file: string, field: string) => Promise<string>;
  /** Reads a file that holds a secret, and refuses one that others than its owner may read. */
  readonly readSecret: (file: string, field: string) => Promise<string>;
  /** Writes a file that anybody may read, over what was there. */
  readonly writeText: (file: string, text: string, field: string) => Promise<void>;
  /** Writes a file that only its owner may read, and refuses to overwrite one. */
  readonly writeSecret: (file: string, text: string) => Promise<void>;
  readonly nowMs: () => number;
  readonly clock: Clock;
  /** The API server of kubeconfig files, the first one's context. */
  readonly openCluster: (kubeconfigs: readonly string[]) => Promise<Cluster>;
  readonly localCluster: LocalCluster;
  /** Aborted by the first SIGINT: ends what would go on for ever. */
  readonly interrupted: () => AbortSignal;
  readonly stdout: (text: string) => void;
  /** What is being waited for, for a person who watches. */
  readonly progress: (text: string) => void;
  readonly stderr: (text: string) => void;
}

/** `-` is standard input. */
function readText(file: string, field: string): Promise<string> {
  return file === "-" ? text(process.stdin) : readFileText(file, field);
}

async function readFileText(file: string, field: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const refusal = { code: "FILE_UNREADABLE", field, fix: `${file} cannot be read` };
    throw new InputError(refusal, { cause });
  }
}

/** Bits of a file's mode for its group and for everybody. */
const OTHERS_MODE = 0o077;

async function readSecret(file: string, field: string): Promise<string> {
  const secret = await readFileText(file, field);
  const { mode } = await stat(file);
  if ((mode & OTHERS_MODE) === 0) return secret;
  const shown = (mode & 0o777).toString(8).padStart(4, "0");
  const fix = `${file} has mode ${shown}, so others than its owner may use it: chmod 600 it`;
  throw new InputError({ code: "SECRET_EXPOSED", field, fix });
}

async function writeText(file: string, text: string, field: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    const fix = `${file} cannot be written: name another`;
    throw new InputError({ code: "FILE_UNWRITABLE", field, fix }, { cause });
  }
}

async function writeSecret(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { mode: 0o600, flag: "wx" });
  } catch (cause) {
    const fix = `${file} cannot be written, or exists already: name another`;
    throw new InputError({ code: "FILE_UNWRITABLE", field: "--out", fix }, { cause });
  }
}

function interrupted(): AbortSignal {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort(new Error("SIGINT")));
  return stop.signal;
}

export function systemPorts(environment: Environment, programName: string): Ports {
  return {
    programName,
    environment,
    connect,
    readText,
    readSecret,
    writeText,
    writeSecret,
    nowMs: Date.now,
    clock: systemClock,
    openCluster: systemCluster,
    localCluster: systemLocalCluster,
    interrupted,
    progress: (text) => process.stderr.write(`${text}\n`),
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
  };
}
