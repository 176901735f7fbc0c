import { readFile, writeFile } from "node:fs/promises";
import { type ConnectOptions, connect, type QuorateClient } from "@quorate/client/client";
import { InputError } from "@quorate/client/errors";
import type { Environment } from "./config.ts";

/** Everything outside the program, so that a test can stand in for it. */
export interface Ports {
  readonly environment: Environment;
  readonly connect: (options: ConnectOptions) => Promise<QuorateClient>;
  readonly readText: (file: string, field: string) => Promise<string>;
  /** Writes a file that only its owner may read, and refuses to overwrite one. */
  readonly writeSecret: (file: string, text: string) => Promise<void>;
  readonly nowMs: () => number;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

async function readText(file: string, field: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const refusal = { code: "FILE_UNREADABLE", field, fix: `${file} cannot be read` };
    throw new InputError(refusal, { cause });
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

export function systemPorts(environment: Environment): Ports {
  return {
    environment,
    connect,
    readText,
    writeSecret,
    nowMs: Date.now,
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
  };
}
