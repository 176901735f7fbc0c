import type { Transcript } from "../transcript.ts";
import { configMap, NAMESPACE, sprocket } from "./objects.ts";

const IN = `-n ${NAMESPACE}`;

/** Patches and subresources. */
export async function changes(t: Transcript): Promise<void> {
  t.section("patches");
  await t.ask(`create ${IN} -f -`, sprocket("patched", "size: 1\nsteps: [a, b]\nlimits: {a: '1'}"));
  const patch = async (kind: string, type: string, body: string) => {
    await t.call(`patch ${IN} ${kind} patched --type=${type} -p '${body}' -o jsonpath='{.spec}'`);
  };
  await patch("sprocket", "merge", '{"spec":{"steps":["c"],"limits":{"a":null,"b":"2"}}}');
  await patch("sprocket", "json", '[{"op":"add","path":"/spec/steps/0","value":"z"}]');
  await patch("sprocket", "json", '[{"op":"test","path":"/spec/size","value":9}]');
  await patch("sprocket", "json", '[{"op":"remove","path":"/spec/absent"}]');
  await patch("sprocket", "json", '[{"op":"replace","path":"/spec/size","value":0}]');
  await patch("sprocket", "strategic", '{"spec":{"size":2}}');
  await patch("sprocket", "merge", '{"spec":{"absent":1}}');
  await patch("sprocket", "merge", '{"spec":{"replicas":null,"colour":null}}');
  await patch("sprocket", "merge", "{}");
  await patch("absent", "merge", "{}");
  await t.ask(`create ${IN} -f -`, PORTS);
  await patch("service", "strategic", '{"spec":{"ports":[{"port":80,"targetPort":81}]}}');
  await t.call(
    `patch ${IN} service patched -p '{"spec":{"ports":[{"port":90,"$patch":"delete"}],` +
      `"selector":{"app":null,"tier":"back"}}}'`,
  );
  await t.call(`get ${IN} service patched -o jsonpath='{.spec.ports} {.spec.selector}'`);
  await t.call(`patch ${IN} service patched -p '{"spec":{"ports":[{"port":70000}]}}'`);
  await t.call(`patch ${IN} service patched -p '{"spec":{"clusterIP":"10.96.255.254"}}'`);

  t.section("status");
  const status = async (body: string, flags = "--subresource=status") => {
    await t.call(`patch ${IN} sprocket patched ${flags} --type=merge -p '${body}'`);
  };
  await status('{"status":{"phase":"Up"}}', "");
  await status('{"status":{"phase":"Up","replicas":2,"selector":"app=x"},"spec":{"size":50}}');
  await t.call(
    `get ${IN} sprocket patched -o jsonpath='{.metadata.generation} {.spec.size} {.status}'`,
  );
  await status('{"status":{"conditions":[{"type":"Ready","status":"Maybe"}]}}');
  await status('{"status":{"conditions":[{"type":"Ready","status":"True","reason":"Fine"}]}}');
  await t.call(`get ${IN} sprocket patched --subresource=status -o jsonpath='{.status}'`);
  await t.call(`get ${IN} sprocket patched`, { table: true });
  await t.call(`replace ${IN} -f - --subresource=status`, {
    input: sprocket("patched", "size: 1"),
  });
  await status('{"spec":{"size":3},"status":null}', "");
  await t.call(`get ${IN} sprocket patched -o jsonpath='{.metadata.generation} {.status}'`);

  t.section("scale");
  await t.call(`scale ${IN} sprocket patched --replicas=7`);
  await t.call(`scale ${IN} sprocket patched --current-replicas=4 --replicas=5`);
  await t.call(`get ${IN} sprocket patched -o jsonpath='{.spec.replicas} {.metadata.generation}'`);
  const scale = `/apis/conformance.quorate.dev/v1alpha1/namespaces/${NAMESPACE}/sprockets/patched/scale`;
  await t.call(`get --raw ${scale}`);
  await t.call(`patch ${IN} sprocket patched --type=merge -p '{"spec":{"faults":2}}'`);
  await t.call(`scale ${IN} sprocket patched --replicas=6`);
  await t.call(`scale ${IN} configmap settings --replicas=6`);
}

/** Labels, what they select, and names. */
export async function selection(t: Transcript): Promise<void> {
  t.section("labels, annotations, selectors");
  await t.call(`label ${IN} sprocket patched tier=back`);
  await t.call(`label ${IN} sprocket patched tier=front`);
  await t.call(`label ${IN} sprocket patched tier=front --overwrite`);
  await t.call(`label ${IN} sprocket patched 'a b=c'`);
  await t.call(`annotate ${IN} sprocket patched note='some text'`);
  await t.call(`get ${IN} sprockets -l tier=front -o name`);
  await t.call(`get ${IN} sprockets -l 'tier in (front,back),tier!=back' -o name`);
  await t.call(`get ${IN} sprockets -l '!tier' -o name`);
  await t.call(`get ${IN} sprockets -l 'tier=='  -o name`);
  await t.call(`get ${IN} sprockets -l 'a in b' -o name`);
  await t.call(`get ${IN} sprockets --field-selector metadata.name=patched -o name`);
  await t.call(`get ${IN} sprockets --field-selector spec.size=1 -o name`);
  await t.call(
    `get ${IN} sprockets --field-selector metadata.name!=patched --chunk-size=2 -o name`,
  );
  await t.call(`get ${IN} sprockets -l tier --show-labels`, { table: true });
  await t.call(`get ${IN} sprockets -o custom-columns=N:.metadata.name,S:.spec.size`, {
    table: true,
  });
  await t.call(`label ${IN} sprocket patched tier-`);

  t.section("names that the server makes");
  const nameless = configMap("x", "a: '1'").replace("name: x", "generateName: generated-");
  await t.call(`create ${IN} -f -`, { input: nameless });
  await t.call(`apply ${IN} -f -`, { input: nameless });
  await t.call(`create ${IN} -f -`, { input: nameless.replace("  generateName: generated-", "") });
}

const PORTS = `
apiVersion: v1
kind: Service
metadata:
  name: patched
spec:
  clusterIP: None
  selector: {app: patched}
  ports:
  - name: a
    port: 80
  - name: b
    port: 90
    protocol: TCP
`;
