import { oneOf, readArguments } from "../command-line/options.ts";

export type ProviderName = "local" | "kind" | "existing";
export type Depth = "smoke" | "full";

export interface SuiteOptions {
  readonly provider: ProviderName;
  readonly depth: Depth;
  /** Parts of file names; empty for all of the depth. */
  readonly filters: readonly string[];
}

export const HELP = `Usage: npm run test:e2e -- [options] [PART OF A FILE NAME...]

Runs the end-to-end tests, one behaviour a file, one file after the other.

  --provider P  local (the local cluster, made for each test), kind (a kind cluster of five workers
                that is made if it is missing), existing (the current context of KUBECONFIG)
                (default local)
  --depth D     smoke (apply, finalise, lose a machine, heal) or full (default full)
  --help        this text

Exit status: 0 if every test passed, 1 if one failed, 2 if the input is wrong. On kind and existing
a skipped test counts as failed. Tests with an adversary in a node's volume (equivocate, wrong-root)
or with a lying Prometheus run on the local cluster only; the run says so.

  KUBECONFIG                 existing: the cluster; its machines can pull the two images
  QUORATE_E2E_MACHINE_DOOR   existing: program that pulls plugs: machine off|on|pause|resume NODE,
                             pod kill|pause|resume NAMESPACE NAME
`;

/**
 * What the command line asks for; undefined where help was asked for. Throws InputProblem.
 */
export function parseSuite(args: readonly string[]): SuiteOptions | undefined {
  const { values, positionals } = readArguments("npm run test:e2e --", args, {
    allowPositionals: true,
    options: {
      provider: { type: "string" },
      depth: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return undefined;
  return {
    provider: oneOf("--provider", values.provider, ["local", "kind", "existing"]),
    depth: oneOf("--depth", values.depth, ["full", "smoke"]),
    filters: positionals,
  };
}

const SMOKE = [
  "operator/apply.test",
  "operator/machine-gone.test",
  "operator/operators-machine-gone.test",
  "operator/stolen-account.test",
] as const;
/** These run processes without an API server, or look into volumes: they are about no cluster. */
const ON_A_CLUSTER = ["operator/", "conformance.test"] as const;
/**
 * Need the volume of a node that is gone, or a Prometheus beside the cluster: no machine of kind
 * gives either. The run names them.
 */
export const LOCAL_ONLY = [
  "equivocate",
  "wrong-root",
  "prometheus-",
  "both-paths-lie",
  "operator/upgrade",
] as const;
/** The local cluster stores admission policies and asks none. */
const CLUSTER_ONLY = ["operator/stolen-account.test"] as const;

/** Whether the file belongs to what was asked for. */
export function isChosen(file: string, { provider, depth, filters }: SuiteOptions): boolean {
  const has = (part: string) => file.includes(part);
  if (filters.length > 0) return filters.some(has);
  if (provider === "local" && CLUSTER_ONLY.some(has)) return false;
  if (depth === "smoke") return SMOKE.some(has);
  if (provider === "local") return true;
  return ON_A_CLUSTER.some(has) && !LOCAL_ONLY.some(has);
}
