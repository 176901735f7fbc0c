import { execFile } from "node:child_process";

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const COMMAND_MS = 900_000;

/** Runs a program to its end and returns what it printed; a failure tells its last words. */
export function command(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      [...args],
      { env: { ...process.env, ...env }, maxBuffer: OUTPUT_BYTES_MAX, timeout: COMMAND_MS },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout.trim());
        else reject(new Error(`${program} ${args.join(" ")}: ${stderr.trim() || error.message}`));
      },
    );
  });
}
