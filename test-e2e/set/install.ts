import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject } from "@quorate/runtime/objects";
import { parseAllDocuments } from "yaml";
import { eventually } from "../network/eventually.ts";
import { resourceOf } from "./resources.ts";

const MANIFESTS = fileURLToPath(new URL("../../manifests/", import.meta.url));
const ESTABLISHED_MS = 30_000;

/** Every object of a manifest file. */
export function readManifest(path: string): readonly KubeObject[] {
  return parseAllDocuments(readFileSync(path, "utf8"))
    .map((document) => document.toJSON() as KubeObject | null)
    .filter((object) => object !== null);
}

/** What `kubectl apply -f manifests/crds -f manifests/operator.yaml` does. */
export async function installOperator(kube: KubeClient): Promise<void> {
  const crds = readdirSync(join(MANIFESTS, "crds"))
    .filter((file) => file.endsWith(".yaml"))
    .flatMap((file) => readManifest(join(MANIFESTS, "crds", file)));
  for (const crd of crds) await kube.apply(resourceOf(crd), crd);
  for (const crd of crds) await established(kube, crd);
  for (const object of readManifest(join(MANIFESTS, "operator.yaml"))) {
    await kube.apply(resourceOf(object), object);
  }
}

interface Established extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

async function established(kube: KubeClient, { metadata, ...crd }: KubeObject): Promise<void> {
  const type = resourceOf({ ...crd, metadata });
  await eventually(
    async () => {
      const now = (await kube.get(type, { namespace: "", name: metadata.name })) as Established;
      const conditions = now?.status?.conditions ?? [];
      const found = conditions.some((one) => one.type === "Established" && one.status === "True");
      return found ? true : undefined;
    },
    { what: `${metadata.name} established`, timeoutMs: ESTABLISHED_MS },
  );
}
