import type { KubeClient } from "@quorate/runtime/kube-client";
import type { KubeObject, ResourceType } from "@quorate/runtime/objects";
import { eventually } from "../network/eventually.ts";
import { VALIDATOR_SETS } from "../set/running-set.ts";

const NAMESPACES: ResourceType = {
  apiVersion: "v1",
  kind: "Namespace",
  plural: "namespaces",
  namespaced: false,
};
const GONE_MS = 120_000;

export async function namespaceNames(kube: KubeClient): Promise<ReadonlySet<string>> {
  return new Set((await kube.list(NAMESPACES)).map(({ metadata }) => metadata.name));
}

/** Those of a kind cluster itself: it is ours alone, so whatever else is there is left over. */
export async function systemNamespaces(kube: KubeClient): Promise<ReadonlySet<string>> {
  const own = /^(default|kube-.*|local-path-storage)$/;
  return new Set([...(await namespaceNames(kube))].filter((name) => own.test(name)));
}

/**
 * Takes away every namespace that is not among the given ones. Its sets lose their finalizers
 * first: a test may have taken the operator away that would have served them.
 */
export async function removeNamespaces(kube: KubeClient, kept: ReadonlySet<string>): Promise<void> {
  const ours = (await kube.list(NAMESPACES)).filter(({ metadata }) => !kept.has(metadata.name));
  for (const { metadata } of operatorFirst(ours)) {
    await kube.delete(NAMESPACES, { namespace: "", name: metadata.name }, { uid: uidOf(metadata) });
    if (isOperators(metadata.name)) await gone(kube, metadata.name);
  }
  for (const { metadata } of ours) {
    await releaseSets(kube, metadata.name);
    await gone(kube, metadata.name);
  }
}

/** `quorate-system`, and those of further operators. */
function isOperators(namespace: string): boolean {
  return namespace.endsWith("-system");
}

/** An operator would put its finalizer back, and heal what is being deleted. */
function operatorFirst(namespaces: readonly KubeObject[]): readonly KubeObject[] {
  const rank = ({ metadata }: KubeObject) => (isOperators(metadata.name) ? 0 : 1);
  return namespaces.toSorted((one, other) => rank(one) - rank(other));
}

async function releaseSets(kube: KubeClient, namespace: string): Promise<void> {
  const sets = await kube.list(VALIDATOR_SETS, { namespace }).catch(() => []);
  for (const { metadata } of sets) {
    const key = { namespace, name: metadata.name };
    await kube.mergePatch(VALIDATOR_SETS, key, { metadata: { finalizers: null } });
  }
}

async function gone(kube: KubeClient, name: string): Promise<void> {
  await eventually(
    async () => ((await kube.get(NAMESPACES, { namespace: "", name })) ? undefined : true),
    { what: `namespace ${name} is gone`, timeoutMs: GONE_MS, everyMs: 500 },
  );
}

function uidOf({ uid }: KubeObject["metadata"]): string {
  if (uid === undefined) throw new Error("the API server gave an object without uid");
  return uid;
}
