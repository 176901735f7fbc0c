import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject } from "@quorate/runtime/objects";
import { resourceOf } from "@quorate/runtime/resource-of";
import { parseAllDocuments } from "yaml";
import { eventually } from "../network/eventually.ts";
import type { OperatorPlace } from "../provider/provider.ts";

/** Where manifests/install.yaml puts the operator. */
export const OPERATOR_HOME = "quorate-system";
const MANIFEST = fileURLToPath(new URL("../../manifests/install.yaml", import.meta.url));
const ESTABLISHED_MS = 30_000;

/** Every object of a manifest file. */
export function readManifest(path: string): readonly KubeObject[] {
  return objectsOf(readFileSync(path, "utf8"));
}

function objectsOf(text: string): readonly KubeObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJSON() as KubeObject | null)
    .filter((object) => object !== null);
}

/**
 * What `kubectl apply -f manifests/install.yaml` does; on `machine` where a fault is to strike
 * validators only, in another place where there are several operators.
 */
export async function installOperator(
  kube: KubeClient,
  { machine, place }: { readonly machine?: string; readonly place?: OperatorPlace } = {},
): Promise<void> {
  const text = readFileSync(MANIFEST, "utf8");
  const objects = objectsOf(
    place === undefined ? text : text.replaceAll(OPERATOR_HOME, place.namespace),
  );
  const crds = objects.filter(({ kind }) => kind === "CustomResourceDefinition");
  for (const crd of crds) await kube.apply(resourceOf(crd), crd);
  for (const crd of crds) await established(kube, crd);
  for (const object of objects.filter((one) => !crds.includes(one))) {
    await kube.apply(resourceOf(object), watching(onOneMachine(object, machine), place?.watched));
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

/** What the chart does for `watchNamespace`. */
function watching(object: KubeObject, namespace: string | undefined): KubeObject {
  if (object.kind !== "Deployment" || namespace === undefined) return object;
  const { spec } = object as Deployment;
  const [container, ...others] = spec.template.spec.containers;
  const args = [...(container?.args ?? []), `--watch-namespace=${namespace}`];
  const pod = { ...spec.template.spec, containers: [{ ...container, args }, ...others] };
  return { ...object, spec: { ...spec, template: { ...spec.template, spec: pod } } } as KubeObject;
}

interface Deployment extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: readonly { readonly args?: readonly string[] }[] };
    };
  };
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
