import { join } from "node:path";
import { InputError } from "@quorate/client/errors";
import type { Environment } from "../config.ts";

/** Files of the API server's address and credentials: the option, KUBECONFIG, ~/.kube/config. */
export function kubeconfigFiles(
  given: string | undefined,
  environment: Environment,
): readonly string[] {
  if (given !== undefined && given !== "") return [given];
  const listed = (environment["KUBECONFIG"] ?? "").split(":").filter((file) => file !== "");
  if (listed.length > 0) return listed;
  const home = environment["HOME"] ?? "";
  if (home !== "") return [join(home, ".kube", "config")];
  const fix = "name a kubeconfig, or set KUBECONFIG; a local cluster's is printed by up";
  throw new InputError({ code: "OPTION_MISSING", field: "--kubeconfig", fix });
}

/** Where `up` keeps its cluster. */
export function clusterFolder(given: string | undefined, environment: Environment): string {
  if (given !== undefined && given !== "") return given;
  const state = environment["XDG_STATE_HOME"] ?? "";
  if (state !== "") return join(state, "quorate");
  const home = environment["HOME"] ?? "";
  if (home !== "") return join(home, ".local", "state", "quorate");
  const fix = "name a folder, or set HOME or XDG_STATE_HOME";
  throw new InputError({ code: "OPTION_MISSING", field: "--folder", fix });
}
