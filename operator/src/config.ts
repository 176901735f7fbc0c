import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { z } from "zod";

const LEVELS = ["error", "warn", "info", "debug"] as const;

export interface Config {
  /** Name of this pod: for events, and part of the identity in the lease. */
  readonly podName: string;
  /** Where the operator itself lives: its lease and its control key. */
  readonly podNamespace: string;
  /** Absent: sets in all namespaces. */
  readonly watchNamespace: string | undefined;
  readonly listen: { readonly host: string; readonly port: number };
  readonly logLevel: (typeof LEVELS)[number];
  /** Present where Kubernetes runs this process and gave it no kubeconfig. */
  readonly inCluster: { readonly host: string; readonly port: string } | undefined;
}

/** What is wrong with the command line or the environment; the process ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export type CommandLine =
  | { readonly kind: "run"; readonly config: Config }
  /** Help or version was asked for and printed. */
  | { readonly kind: "printed" };

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_PORT = 8_080;
const ENVIRONMENT_HELP = `
Environment:
  POD_NAME          name of this pod (default: quorate-operator)
  POD_NAMESPACE     namespace of lease and control key (default: quorate-system)
  POD_IP            address of the listener, where --listen names none (default: 127.0.0.1)
  WATCH_NAMESPACE   same as --watch-namespace
  KUBECONFIG        API server and credentials; a pod uses its service account

Exit codes: 0 stopped on request, 1 fatal error, 2 wrong command line or environment.
Settings, permissions and metrics: operator/docs/operator.md
`;

const name = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/);

/** Throws UsageError; prints help and version through `write`. */
export function parseCommandLine(
  args: readonly string[],
  environment: Environment,
  write: (text: string) => void,
): CommandLine {
  const command = new Command("quorate-operator")
    .description("Runs ValidatorSets on Kubernetes and heals them, through rotations on chain.")
    .version(version())
    .option("--listen <host:port>", "metrics, health and service discovery")
    .option("--watch-namespace <name>", "look after the sets of one namespace only")
    .addOption(
      new Option("--log-level <level>", "least that is logged")
        .choices([...LEVELS])
        .default("info"),
    )
    .allowExcessArguments(false)
    .addHelpText("after", ENVIRONMENT_HELP)
    .configureOutput({ writeOut: write, writeErr: () => undefined })
    .exitOverride();
  try {
    command.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "printed" };
    throw new UsageError(`${error.message.replace(/^error: /, "")}; see --help`, { cause: error });
  }
  return { kind: "run", config: configOf(command.opts(), environment) };
}

interface Given {
  readonly listen?: string;
  readonly watchNamespace?: string;
  readonly logLevel: Config["logLevel"];
}

function configOf(given: Given, environment: Environment): Config {
  const watched = given.watchNamespace ?? environment["WATCH_NAMESPACE"] ?? "";
  const host = environment["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = environment["KUBERNETES_SERVICE_PORT"] ?? "443";
  const hasKubeconfig = (environment["KUBECONFIG"] ?? "") !== "";
  return {
    podName: named("POD_NAME", environment["POD_NAME"] ?? "quorate-operator"),
    podNamespace: named("POD_NAMESPACE", environment["POD_NAMESPACE"] ?? "quorate-system"),
    watchNamespace: watched === "" ? undefined : named("--watch-namespace", watched),
    listen: address(given.listen ?? "", environment["POD_IP"] ?? ""),
    logLevel: given.logLevel,
    inCluster: hasKubeconfig || host === "" ? undefined : { host, port },
  };
}

function named(field: string, value: string): string {
  if (name.safeParse(value).success) return value;
  throw new UsageError(`${field}: "${value}" is no name of Kubernetes: lower case and hyphens`);
}

/** host:port; what is missing is the pod's address and port 8080. */
function address(text: string, podIp: string): Config["listen"] {
  const own = podIp === "" ? "127.0.0.1" : podIp;
  if (text === "") return { host: own, port: DEFAULT_PORT };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new UsageError(`--listen: "${text}" is not host:port, such as 10.0.0.1:8080 or :8080`);
  }
  return { host: match[1] ?? (match[2] || own), port };
}

function version(): string {
  const file = new URL("../package.json", import.meta.url);
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(file, "utf8"))).version;
}
