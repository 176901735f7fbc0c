import type { Transcript } from "../transcript.ts";
import { configMap, NAMESPACE, sprocket } from "./objects.ts";

const IN = `-n ${NAMESPACE}`;
const SPROCKETS = `/apis/conformance.quorate.dev/v1alpha1/namespaces/${NAMESPACE}/sprockets`;

/** Watches, waiting, deletion in its forms. */
export async function time(t: Transcript): Promise<void> {
  t.section("watch");
  await t.ask(`create ${IN} -f -`, sprocket("watched", "size: 1", "labels: {w: 'yes'}"));
  const version = await t.ask(
    `get ${IN} sprocket watched -o jsonpath='{.metadata.resourceVersion}'`,
  );
  await t.ask(`label ${IN} sprocket watched --overwrite w=no`);
  await t.ask(`label ${IN} sprocket watched --overwrite w=yes`);
  await t.ask(`delete ${IN} sprocket watched`);
  const watch = async (query: string) => {
    await t.call(`get --raw '${SPROCKETS}?watch=true&timeoutSeconds=1&${query}'`);
  };
  await watch(`resourceVersion=${version}`);
  await watch(`resourceVersion=${version}&labelSelector=w%3Dyes`);
  await watch(`resourceVersion=${version}&fieldSelector=metadata.name%3Dabsent`);
  await watch("resourceVersion=1");
  await watch("resourceVersion=x");
  await watch("resourceVersion=0&labelSelector=w%3Dyes");
  await t.call(`get --raw '${SPROCKETS}?resourceVersion=1&resourceVersionMatch=Exact'`);
  await t.call(`get --raw '${SPROCKETS}?limit=1&labelSelector=w'`);
  await t.call(`get --raw '${SPROCKETS}?limit=1&continue=absent'`);

  t.section("wait");
  await t.ask(`create ${IN} -f -`, sprocket("awaited", "size: 1"));
  await t.call(`wait ${IN} sprocket/awaited --for=condition=Ready --timeout=1s`);
  const ready = '{"status":{"phase":"Up","conditions":[{"type":"Ready","status":"True"}]}}';
  await t.ask(`patch ${IN} sprocket awaited --subresource=status --type=merge -p '${ready}'`);
  await t.call(`wait ${IN} sprocket/awaited --for=condition=Ready --timeout=10s`);
  await t.call(`wait ${IN} sprocket/awaited --for=jsonpath='{.status.phase}'=Up --timeout=10s`);
  await t.call(`wait ${IN} sprocket/awaited --for=delete --timeout=1s`);
  await t.call(`wait ${IN} sprocket/absent --for=condition=Ready --timeout=1s`);
  await t.call(`delete ${IN} sprocket awaited`);
  await t.call(`wait ${IN} sprocket/awaited --for=delete --timeout=10s`);

  t.section("finalizers");
  const held = sprocket("held", "size: 1", "finalizers: [quorate.dev/hold]");
  await t.call(`create ${IN} -f -`, { input: held });
  await t.call(`delete ${IN} sprocket held --wait=false`);
  await t.call(
    `get ${IN} sprocket held -o jsonpath='{.metadata.deletionTimestamp} ` +
      `{.metadata.deletionGracePeriodSeconds} {.metadata.generation} {.metadata.finalizers}'`,
  );
  await t.call(`delete ${IN} sprocket held --wait=false`);
  await t.call(`create ${IN} -f -`, { input: held });
  await t.call(
    `patch ${IN} sprocket held --type=merge ` +
      `-p '{"metadata":{"finalizers":["quorate.dev/hold","quorate.dev/more"]}}'`,
  );
  await t.call(`patch ${IN} sprocket held --type=merge -p '{"spec":{"size":2}}'`);
  await t.call(`patch ${IN} sprocket held --type=merge -p '{"metadata":{"finalizers":null}}'`);
  await t.call(`get ${IN} sprocket held`);
  await t.call(`create ${IN} -f -`, { input: held.replace("quorate.dev/hold", "hold") });
  await t.call(`patch ${IN} sprocket held --type=merge -p '{"metadata":{"finalizers":[]}}'`);

  await cascades(t);
}

async function cascades(t: Transcript): Promise<void> {
  t.section("owners and what they own");
  for (const mode of ["background", "foreground", "orphan"]) {
    await t.ask(`create ${IN} -f -`, sprocket("parent", "size: 1"));
    const uid = await t.ask(`get ${IN} sprocket parent -o jsonpath='{.metadata.uid}'`);
    const owner =
      "ownerReferences:\n- apiVersion: conformance.quorate.dev/v1alpha1\n  kind: Sprocket\n" +
      `  name: parent\n  uid: ${uid}\n  controller: true\n  blockOwnerDeletion: true`;
    await t.call(`create ${IN} -f -`, { input: configMap("child", "a: '1'", owner) });
    await t.call(`delete ${IN} sprocket parent --cascade=${mode}`);
    if (mode === "orphan") {
      await t.call(`get ${IN} configmap child -o jsonpath='{.metadata.ownerReferences}'`);
      await t.call(`delete ${IN} configmap child`);
    }
    await t.call(`wait ${IN} configmap/child --for=delete --timeout=60s`);
  }
  const twice = "ownerReferences: [{apiVersion: v1, kind: Pod, name: a}]";
  await t.call(`create ${IN} -f -`, { input: configMap("child", "a: '1'", twice) });

  t.section("many at once");
  await t.call(`delete ${IN} sprockets -l '!absent'`);
  await t.call(`delete ${IN} configmaps --field-selector metadata.name=settings`);
  await t.call(`get ${IN} sprockets`);
}
