import type { Transcript } from "../transcript.ts";
import { configMap, NAMESPACE, sprocket } from "./objects.ts";

const IN = `-n ${NAMESPACE}`;

/** What a server says to a wrong object. */
export async function refusals(t: Transcript): Promise<void> {
  t.section("unknown fields");
  const unknown = sprocket("strange", "size: 1\nabsent: 1\nports:\n- name: a\n  absent: 2");
  await t.call(`apply ${IN} -f -`, { input: unknown });
  await t.call(`apply ${IN} --validate=warn -f -`, { input: unknown });
  await t.call(`get ${IN} sprocket strange -o jsonpath='{.spec}'`);
  await t.call(`apply ${IN} --validate=ignore -f -`, { input: unknown });
  // One only: of several, a server names now one and now all.
  const one = sprocket("strange", "size: 1\nabsent: 1");
  await t.call(`apply ${IN} --server-side -f -`, { input: one });
  await t.call(`apply ${IN} -f -`, {
    input: sprocket("kept", "size: 1\nfree: {any: [1, {b: c}]}"),
  });
  await t.call(`get ${IN} sprocket kept -o jsonpath='{.spec.free}'`);
  await t.call(`apply ${IN} -f -`, { input: `${configMap("extra", "a: '1'")}absent: 1\n` });

  t.section("schema");
  const wrong = async (spec: string) => {
    await t.call(`create ${IN} -f -`, { input: sprocket("wrong", spec) });
  };
  await wrong("colour: green");
  await wrong("size: three");
  await wrong("size: 1.5");
  await wrong("size: 0");
  await wrong("size: 101\ncolour: blue\nkey: XYZ\nowner: ''");
  await wrong("size: 1\ntags: [a, b, c, d, e]");
  await wrong("size: 1\ntags: [a, a]");
  await wrong("size: 1\nports: [{name: a}, {name: a}]");
  await wrong("size: 1\nports: [{port: 1}]");
  await wrong("size: 1\nlimits: {a: 1}");
  await wrong("size: 1\nlimit: 4294967296");
  await wrong("size: 1\nshare: 50%\nnote: null\nfree: []");
  await wrong("size: 1\nports: none");
  await t.call(`create ${IN} -f -`, { input: sprocket("wrong", "").replace("spec:", "") });

  t.section("rules");
  await wrong("size: 5\nlimit: 4");
  await wrong("size: 5\nreplicas: 3\nfaults: 1");
  await wrong("size: 5\nlimit: 4\nreplicas: 3\nfaults: 1");
  await wrong("size: 0\nlimit: -1\nreplicas: 3\nfaults: 1");
  await t.call(`create ${IN} -f -`, { input: sprocket("fixed", "size: 5\nowner: me") });
  await t.call(`patch ${IN} sprocket fixed --type=merge -p '{"spec":{"owner":"you"}}'`);
  await t.call(`patch ${IN} sprocket fixed --type=merge -p '{"spec":{"owner":null}}'`);

  t.section("names, conflicts, what is not there");
  await t.call(`create ${IN} -f -`, { input: sprocket("Wrong_Name", "size: 1") });
  await t.call(`create ${IN} -f -`, { input: configMap("Wrong_Name", "a: '1'") });
  await t.call(`create ${IN} -f -`, { input: configMap("bad-key", "'a b': '1'") });
  await t.call(`create ${IN} -f -`, { input: sprocket("fixed", "size: 1") });
  await t.call("create -n absent -f -", { input: sprocket("fixed", "size: 1") });
  await t.call("create -n other -f -", {
    input: sprocket("fixed", "size: 1", `namespace: ${NAMESPACE}`),
  });
  await t.call(`get ${IN} sprocket absent`);
  await t.call(`get ${IN} configmap absent`);
  await t.call("get namespace absent");
  await t.call(`get ${IN} absent`);
  await t.call(`get ${IN} sprocket`, { table: true });
  await t.call("get -n absent sprocket");
  await t.call("get --raw /apis/absent/v1");
  await t.call("get --raw /apis/conformance.quorate.dev/v1alpha1/absent");
  const live = await t.ask(`get ${IN} sprocket fixed -o yaml`);
  await t.ask(`patch ${IN} sprocket fixed --type=merge -p '{"spec":{"size":6}}'`);
  await t.call(`replace ${IN} -f -`, { input: live });
  await t.call(`replace ${IN} -f -`, { input: sprocket("fixed", "size: 7\nowner: me") });
  await t.call(`replace ${IN} -f -`, { input: sprocket("absent", "size: 7") });
  await t.call(`delete ${IN} sprocket absent`);
  await t.call(`delete ${IN} sprocket absent --ignore-not-found`);

  t.section("what may not change");
  await t.call(`create ${IN} -f -`, { input: `${configMap("sealed", "a: '1'")}immutable: true\n` });
  await t.call(`patch ${IN} configmap sealed --type=merge -p '{"data":{"a":"2"}}'`);
  await t.call(`patch ${IN} configmap sealed --type=merge -p '{"immutable":false}'`);
  await t.call(`patch ${IN} configmap sealed --type=merge -p '{"metadata":{"labels":{"a":"b"}}}'`);
  await t.call(`patch ${IN} sprocket fixed --type=merge -p '{"metadata":{"name":"other"}}'`);
  await t.call(
    `patch ${IN} sprocket fixed --type=merge ` +
      `-p '{"metadata":{"uid":"00000000-0000-0000-0000-000000000000"}}'`,
  );
}
