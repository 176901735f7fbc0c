import { readFileSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import { type GenesisFile, readGenesis } from "./genesis.ts";

/** What a person typed, or a file that it names, is wrong: told in one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new UsageError(`cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

export function readGenesisFile(path: string): GenesisFile {
  const bytes = readFile(path);
  try {
    return readGenesis(bytes);
  } catch (cause) {
    throw new UsageError(`${path} is no genesis: ${messageOf(cause)}`, { cause });
  }
}

export function addressArgument(text: string): string {
  const port = /^\S+:([0-9]{1,5})$/.exec(text)?.[1];
  if (port !== undefined && Number(port) > 0 && Number(port) < 65_536) return text;
  throw new InvalidArgumentError('write host:port, like "127.0.0.1:7000"');
}

export function countArgument(text: string): number {
  if (/^[1-9][0-9]{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("write a whole number from 1 on");
}

/** May be given several times. */
export function keyArgument(text: string, earlier: readonly string[] = []): readonly string[] {
  if (/^[0-9a-f]{64}$/.test(text)) return [...earlier, text];
  throw new InvalidArgumentError("write a network key as 64 lower-case hex characters");
}

/** Runs a program: exit code 1 for what went wrong, 2 for wrong arguments. */
export async function runProgram(name: string, program: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await program();
  } catch (error) {
    process.stderr.write(`${name}: ${messageOf(error)}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
