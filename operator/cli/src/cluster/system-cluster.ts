import { InputError } from "@quorate/client/errors";
import { createKubeClient } from "@quorate/runtime/create-kube-client";
import { type KubeconfigAccess, openKubeconfig } from "@quorate/runtime/kubeconfig-transport";
import { objectPath } from "@quorate/runtime/resource-path";
import { pods } from "@quorate/runtime/resources";
import { systemClock } from "@quorate/runtime/system-clock";
import type { Cluster } from "./ports.ts";

/** Longest wait for one answer: a person waits for it. */
const REQUEST_MS = 10_000;
const RETRY_MS = 10_000;
const FIELD_MANAGER = "quorate-cli";

function access(files: readonly string[]): KubeconfigAccess {
  try {
    return openKubeconfig(files, { requestTimeoutMs: REQUEST_MS, userAgent: FIELD_MANAGER });
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    const fix = `${files.join(", ")}: ${problem}`;
    throw new InputError({ code: "KUBECONFIG_INVALID", field: "--kubeconfig", fix }, { cause });
  }
}

export async function systemCluster(files: readonly string[]): Promise<Cluster> {
  const { transport, namespace } = access(files);
  return {
    kube: createKubeClient({
      transport,
      clock: systemClock,
      fieldManager: FIELD_MANAGER,
      retryBudgetMs: RETRY_MS,
    }),
    namespace,
    logs: (pod, { follow, tail, timestamps }, signal) => {
      const query = new URLSearchParams({
        follow: String(follow),
        timestamps: String(timestamps),
        ...(tail === undefined ? {} : { tailLines: String(tail) }),
      });
      return transport.lines(`${objectPath(pods, pod)}/log?${query}`, signal);
    },
    close: () => transport.close(),
  };
}
