import type { Transcript } from "../transcript.ts";
import { configMap, NAMESPACE, sprocket } from "./objects.ts";

const IN = `-n ${NAMESPACE}`;

/** Apply as kubectl computes it: three-way, with its annotation. */
export async function clientSideApply(t: Transcript): Promise<void> {
  t.section("apply, client side");
  await t.call(`apply ${IN} -f -`, { input: sprocket("one", "size: 3\nsteps: [a, b]") });
  await t.call(`get ${IN} sprocket one -o yaml`);
  await t.call(`apply ${IN} -f -`, { input: sprocket("one", "size: 3\nsteps: [a, b]") });
  await t.call(`apply ${IN} -f -`, { input: sprocket("one", "size: 4\nsteps: [b]") });
  await t.call(`get ${IN} spk one -o jsonpath='{.metadata.generation} {.spec}'`);
  await t.call(`get ${IN} spk`, { table: true });
  await t.call(`get ${IN} quorate-conformance -o wide`, { table: true });
  await t.call(`get ${IN} sprockets -o name`);
  await t.call(`describe ${IN} sprocket one`);
  await t.call(`edit ${IN} sprocket one`);
  await t.call(`edit ${IN} sprocket one`);
  await t.call(`apply ${IN} -f -`, { input: configMap("settings", "a: '1'\nb: '2'") });
  await t.call(`apply ${IN} -f -`, { input: configMap("settings", "b: '3'") });
  await t.call(`get ${IN} configmap settings -o jsonpath='{.data}'`);
  await t.call(`get ${IN} configmap settings`, { table: true });

  t.section("diff and dry run");
  await t.call(`diff ${IN} -f -`, { input: configMap("settings", "b: '4'\nc: '5'") });
  await t.call(`diff ${IN} -f -`, { input: configMap("settings", "b: '3'") });
  await t.call(`diff ${IN} -f -`, { input: sprocket("one", "size: 9") });
  await t.call(`apply ${IN} --dry-run=server -f -`, { input: sprocket("one", "size: 9") });
  await t.call(`create ${IN} --dry-run=server -f - -o yaml`, { input: sprocket("dry", "size: 9") });
  await t.call(`apply ${IN} --dry-run=server -f -`, { input: sprocket("dry", "size: 900") });
  await t.call(`get ${IN} sprocket dry`);

  t.section("prune");
  const labelled = (name: string) => configMap(name, "a: '1'", "labels: {app: pruned}");
  const prune = `apply ${IN} --prune -l app=pruned --prune-allowlist=core/v1/ConfigMap -f -`;
  await t.call(prune, { input: `${labelled("keep")}---${labelled("drop")}` });
  await t.call(prune, { input: labelled("keep") });
  await t.call(`get ${IN} configmaps -l app=pruned -o name`);

  t.section("from client side to server side");
  const settings = configMap("settings", "b: '6'");
  await t.call(`apply ${IN} --server-side -f -`, { input: settings });
  await t.call(`get ${IN} configmap settings -o yaml --show-managed-fields`);
}

/** Apply as the server merges it, by owners of fields. */
export async function serverSideApply(t: Transcript): Promise<void> {
  const apply = (manager: string) => `apply ${IN} --server-side --field-manager=${manager} -f -`;
  t.section("apply, server side");
  const first = sprocket("shared", "size: 5\ntags: [v, w]\nports:\n- name: http\n- name: rpc");
  await t.call(apply("alice"), { input: first });
  await t.call(`get ${IN} sprocket shared -o yaml --show-managed-fields`);
  await t.call(apply("bob"), { input: sprocket("shared", "size: 5\ntags: [z]\nlimits: {a: '1'}") });
  await t.call(apply("bob"), { input: sprocket("shared", "size: 6\ncolour: green") });
  await t.call(`${apply("bob")} --force-conflicts`, {
    input: sprocket("shared", "size: 6\ntags: [z]\nports:\n- name: http\n  port: 8080"),
  });
  await t.call(`get ${IN} sprocket shared -o yaml --show-managed-fields`);
  await t.call(apply("alice"), { input: sprocket("shared", "tags: [w]\nports:\n- name: rpc") });
  await t.call(`get ${IN} sprocket shared -o jsonpath='{.spec}'`);
  await t.call(apply("bob"), { input: sprocket("shared", "colour: green") });
  await t.call(`${apply("bob")} --force-conflicts`, { input: sprocket("shared", "size: 7") });
  await t.call(`get ${IN} sprocket shared -o jsonpath='{.spec}'`);
  await t.call(apply("carol"), { input: sprocket("fresh", "colour: green") });
  await t.call(apply("carol"), { input: sprocket("shared", "tags: [q, q]") });
  await t.call(`patch ${IN} sprocket shared --type=merge -p '{"spec":{"size":8}}'`);
  await t.call(apply("bob"), { input: sprocket("shared", "size: 7") });
  await t.call(`get ${IN} sprocket shared -o yaml --show-managed-fields`);

  t.section("apply, server side, of built-in kinds");
  const map = (data: string) => configMap("owned", data, "labels: {app: owned}");
  await t.call(apply("alice"), { input: map("a: '1'\nb: '1'") });
  await t.call(apply("bob"), { input: configMap("owned", "b: '2'\nc: '2'") });
  await t.call(apply("alice"), { input: map("a: '1'") });
  await t.call(apply("bob"), { input: configMap("owned", "b: '2'\nc: '2'") });
  await t.call(`get ${IN} configmap owned -o yaml --show-managed-fields`);
  await t.call(apply("alice"), { input: service("9000") });
  await t.call(`get ${IN} service front -o yaml --show-managed-fields`);
  await t.call(apply("bob"), { input: service("9001") });
  await t.call(`get ${IN} service front`, { table: true });
}

function service(port: string): string {
  return `
apiVersion: v1
kind: Service
metadata:
  name: front
spec:
  selector: {app: front}
  publishNotReadyAddresses: true
  ports:
  - name: http
    port: 80
    targetPort: ${port}
`;
}
