import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject } from "@quorate/runtime/objects";
import { resourceOf } from "@quorate/runtime/resource-of";
import { parseAllDocuments } from "yaml";
import { eventually } from "../network/eventually.ts";

const MANIFEST = fileURLToPath(new URL("../../manifests/install.yaml", import.meta.url));
const ESTABLISHED_MS = 30_000;

/** Every object of a manifest file. */
export function readManifest(path: string): readonly KubeObject[] {
  return parseAllDocuments(readFileSync(path, "utf8"))
    .map((document) => document.toJSON() as KubeObject | null)
    .filter((object) => object !== null);
}

/**
 * What `kubectl apply -f manifests/install.yaml` does; on `machine` where a fault is to strike
 * validators only.
 */
export async function installOperator(kube: KubeClient, machine?: string): Promise<void> {
  const objects = readManifest(MANIFEST);
  const crds = objects.filter(({ kind }) => kind === "CustomResourceDefinition");
  for (const crd of crds) await kube.apply(resourceOf(crd), crd);
  for (const crd of crds) await established(kube, crd);
  for (const object of objects.filter((one) => !crds.includes(one))) {
    await kube.apply(resourceOf(object), onOneMachine(object, machine));
  }
}

/** One operator: all machines of a local cluster are one, where a second would only wait. */
function onOneMachine(object: KubeObject, machine: string | undefined): KubeObject {
  if (object.kind !== "Deployment") return object;
  const { spec } = object as KubeObject & {
    readonly spec: { readonly template: { readonly spec: object } };
  };
  const place = machine === undefined ? {} : { "kubernetes.io/hostname": machine };
  const pod = { ...spec.template.spec, nodeSelector: place };
  const template = { ...spec.template, spec: pod };
  return { ...object, spec: { ...spec, replicas: 1, template } } as KubeObject;
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
