import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Network } from "./network.ts";

const QUORATE = fileURLToPath(new URL("../../operator/cli/src/main.ts", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program as a user starts it, with the network named by the environment. */
export function quorate(
  { genesisFile, endpoints }: Pick<Network, "genesisFile" | "endpoints">,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const named = { QUORATE_GENESIS: genesisFile, QUORATE_ENDPOINTS: endpoints.join(",") };
  return runQuorate(args, { ...named, ...env });
}

/** The same in an environment that names no network; `input` is what it reads. */
export function runQuorate(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  input = "",
): Promise<Ended> {
  const child = spawn(process.execPath, [QUORATE, ...args], { env: { ...process.env, ...env } });
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
}

/** What `--json` prints of a command that does what it is asked for. */
export async function quorateJson(
  network: Pick<Network, "genesisFile" | "endpoints">,
  args: readonly string[],
): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await quorate(network, [...args, "--json"]);
  if (code !== 0) throw new Error(`quorate ${args.join(" ")}: exit ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout);
}
