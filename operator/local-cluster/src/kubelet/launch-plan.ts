import { delimiter, dirname } from "node:path";
import type { StoreClient } from "../apiserver/store-client.ts";
import type { Container, Pod } from "../controllers/api-types.ts";
import type { LaunchPlan } from "./container.ts";
import {
  ContainerConfigError,
  containerEnvironment,
  expand,
  type PodPlace,
} from "./environment.ts";
import type { ImageProgram } from "./image-table.ts";
import { layOutRoot } from "./root-folder.ts";

export interface PlanInput {
  readonly store: Pick<StoreClient, "get">;
  readonly pod: Pod;
  readonly container: Container;
  readonly program: ImageProgram;
  readonly place: PodPlace;
  readonly root: string;
  readonly volumes: ReadonlyMap<string, string>;
  readonly kubeconfigFile: string;
  readonly compileCacheFolder: string;
}

const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * How the container's process is started: entry point and arguments by the rules of the API.
 *
 * @throws ContainerConfigError
 */
export function prepareContainer(input: PlanInput): LaunchPlan {
  const { container, program, pod } = input;
  const workingDir = container.workingDir ?? program.workingDir ?? "/";
  const { cwd, env: mountEnv } = layOutRoot(input.root, container, {
    workingDir,
    volumes: input.volumes,
  });
  const env = containerEnvironment({ ...input, base: { ...baseEnvironment(input), ...mountEnv } });
  // `command` replaces the entry point and with it the image's own arguments.
  const command = container.command ?? [];
  const entrypoint = command.length > 0 ? command : program.entrypoint;
  const args = container.args ?? (command.length > 0 ? [] : (program.args ?? []));
  const argv = [...entrypoint, ...args].map((text) => expand(text, env));
  if (argv[0] === undefined || argv[0] === "") {
    const { name } = pod.metadata;
    throw new ContainerConfigError(
      `pod ${name}, container ${container.name}: no command specified`,
    );
  }
  if (argv[0] === "node") argv[0] = process.execPath;
  return { argv, cwd, env };
}

/** A container does not inherit what its machine has: only this. */
function baseEnvironment(input: PlanInput): Record<string, string> {
  const { pod, root, compileCacheFolder, kubeconfigFile, place } = input;
  const env: Record<string, string> = {
    PATH: [dirname(process.execPath), SYSTEM_PATH].join(delimiter),
    HOME: root,
    HOSTNAME: pod.spec?.hostname ?? pod.metadata.name,
    NODE_COMPILE_CACHE: compileCacheFolder,
  };
  if (pod.spec?.hostNetwork === true) env["HOSTNAME"] = place.nodeName;
  if (pod.spec?.automountServiceAccountToken !== false) env["KUBECONFIG"] = kubeconfigFile;
  return env;
}
