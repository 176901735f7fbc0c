import { InputError } from "@quorate/client/errors";
import type { Millis } from "@quorate/node/kernel/scalars";
import { parseCounter } from "./quantities.ts";

/** Options of the command line that every command shares, as given. */
export interface GivenOptions {
  readonly genesis?: string;
  readonly endpoint?: readonly string[];
  readonly key?: string;
  readonly timeout?: string;
  readonly json?: boolean;
}

/** The variables that stand in for options that are not given. */
export type Environment = Readonly<Record<string, string | undefined>>;

export const ENVIRONMENT_HELP = [
  "Environment variables (an option wins over its variable):",
  "  QUORATE_GENESIS    file, as --genesis",
  "  QUORATE_ENDPOINTS  host:port of query listeners, separated by commas, as --endpoint",
  "  QUORATE_KEY        file, as --key",
  "  KUBECONFIG         files separated by colons, as --kubeconfig; else ~/.kube/config",
  "  XDG_STATE_HOME     where up keeps its folder; else ~/.local/state",
].join("\n");

export interface NetworkConfig {
  readonly genesisFile: string;
  readonly endpoints: readonly string[];
  readonly timeoutMs: Millis;
}

const TIMEOUT_MS_DEFAULT = 20_000;
const TIMEOUT_MS_MAX = 600_000;

function missing(field: string, fix: string): InputError {
  return new InputError({ code: "OPTION_MISSING", field, fix });
}

/** Throws InputError. */
export function genesisFileOf(
  given: Pick<GivenOptions, "genesis">,
  environment: Environment,
): string {
  const file = given.genesis ?? environment["QUORATE_GENESIS"];
  if (file !== undefined && file !== "") return file;
  throw missing("--genesis", "name the network's genesis file, or set QUORATE_GENESIS");
}

/** Where the network is; throws InputError. */
export function networkConfig(given: GivenOptions, environment: Environment): NetworkConfig {
  const genesisFile = genesisFileOf(given, environment);
  const listed = (environment["QUORATE_ENDPOINTS"] ?? "").split(",").map((each) => each.trim());
  const endpoints = given.endpoint ?? listed.filter((each) => each !== "");
  if (endpoints.length === 0) {
    throw missing(
      "--endpoint",
      "name a node's query listener as host:port, or set QUORATE_ENDPOINTS",
    );
  }
  return { genesisFile, endpoints, timeoutMs: timeoutOf(given.timeout) };
}

function timeoutOf(text: string | undefined): Millis {
  if (text === undefined) return TIMEOUT_MS_DEFAULT;
  const timeoutMs = parseCounter(text, "--timeout");
  if (timeoutMs >= 1 && timeoutMs <= TIMEOUT_MS_MAX) return timeoutMs;
  const fix = `give milliseconds from 1 to ${TIMEOUT_MS_MAX}, not ${text}`;
  throw new InputError({ code: "ARGUMENT_MALFORMED", field: "--timeout", fix });
}

/** File of the account's private key; throws InputError. */
export function keyFile(given: GivenOptions, environment: Environment): string {
  const file = given.key ?? environment["QUORATE_KEY"];
  if (file !== undefined && file !== "") return file;
  throw missing("--key", "name the file of the account's key, or set QUORATE_KEY");
}
