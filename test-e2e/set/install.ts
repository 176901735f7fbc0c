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

/**
 * What `kubectl apply -f manifests/crds -f manifests/operator.yaml` does; on `machine` where a
 * fault is to strike validators only.
 */
export async function installOperator(kube: KubeClient, machine?: string): Promise<void> {
  const crds = readdirSync(join(MANIFESTS, "crds"))
    .filter((file) => file.endsWith(".yaml"))
    .flatMap((file) => readManifest(join(MANIFESTS, "crds", file)));
  for (const crd of crds) await kube.apply(resourceOf(crd), crd);
  for (const crd of crds) await established(kube, crd);
  for (const object of readManifest(join(MANIFESTS, "operator.yaml"))) {
    await kube.apply(resourceOf(object), placed(object, machine));
  }
}

function placed(object: KubeObject, machine: string | undefined): KubeObject {
  if (object.kind !== "Deployment" || machine === undefined) return object;
  const { spec } = object as KubeObject & {
    readonly spec: { readonly template: { readonly spec: object } };
  };
  const pod = { ...spec.template.spec, nodeSelector: { "kubernetes.io/hostname": machine } };
  return { ...object, spec: { ...spec, template: { ...spec.template, spec: pod } } } as KubeObject;
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
