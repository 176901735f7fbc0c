import type { Transcript } from "../transcript.ts";
import { NAMESPACE } from "./objects.ts";

const IN = `-n ${NAMESPACE}`;

/** What of a pod and a machine an API server and a kubelet do. */
export async function pods(t: Transcript): Promise<void> {
  t.section("a pod that ends");
  await t.call(`apply ${IN} -f -`, { input: placed(t, pod("ends", '["--version"]', "Never")) });
  await t.call(`wait ${IN} pod/ends --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s`);
  await t.call(`get ${IN} pod ends`, { table: true });
  await t.call(`get ${IN} pod ends -o jsonpath='{.spec}'`);
  await t.call(`get ${IN} pod ends -o jsonpath='{.status.qosClass} {.status.conditions[*].type}'`);
  await t.call(
    `get ${IN} pod ends -o jsonpath='{.status.containerStatuses[0].state.terminated.reason} ` +
      "{.status.containerStatuses[0].state.terminated.exitCode} " +
      "{.status.containerStatuses[0].restartCount}'",
  );
  await t.call(`logs ${IN} ends`);
  await t.call(`logs ${IN} ends -c absent`);
  await t.call(`logs ${IN} ends --previous`);
  await t.call(`logs ${IN} absent`);
  await t.call(`logs ${IN} -l app=node --prefix --tail=1`);

  t.section("a pod that cannot start");
  const absent = placed(t, pod("waits", "[]", "Never")).replace(
    "quorate/node:dev",
    "quorate/absent:dev",
  );
  await t.call(`apply ${IN} -f -`, { input: absent });
  await t.call(
    `wait ${IN} pod/waits --timeout=60s ` +
      `--for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=ErrImageNeverPull`,
  );
  await t.call(`logs ${IN} waits`);
  await t.call(`get ${IN} pod waits`, { table: true });
  await t.call(`delete ${IN} pod waits`);

  await running(t);
}

async function running(t: Transcript): Promise<void> {
  t.section("a pod that runs");
  await t.call(`apply ${IN} -f -`, { input: placed(t, RUNNING) });
  await t.call(`wait ${IN} pod/runs --for=condition=Ready --timeout=60s`);
  await t.call(`get ${IN} pod runs`, { table: true });
  await t.call(
    `get ${IN} pod runs -o jsonpath='{.status.phase} ` +
      "{.status.containerStatuses[0].ready} {.status.containerStatuses[0].restartCount} " +
      "{.spec.nodeName} {.spec.containers[0].readinessProbe}'",
  );
  await t.call(`get ${IN} pods --field-selector status.phase=Running -o name`);
  await t.call(
    `get ${IN} events --field-selector involvedObject.name=runs,type=Normal ` +
      "--sort-by=.reason -o custom-columns=T:.type,R:.reason",
    { table: true },
  );
  await t.call(`patch ${IN} pod runs -p '{"metadata":{"labels":{"more":"yes"}}}'`);
  await t.call(`create ${IN} -f -`, { input: pod("Wrong_Name", "[]", "Never") });
  await t.call(`create ${IN} -f -`, { input: pod("wrong", "[]", "Sometimes") });
  await t.call(`create ${IN} -f -`, {
    input: RUNNING.replaceAll("name: runs", "name: wrong").replace("name: data,", "name: other,"),
  });

  t.section("machines: cordon, eviction, drain");
  await t.call(`apply ${IN} -f -`, { input: BUDGET });
  await t.call(`wait ${IN} pdb/runs --for=jsonpath='{.status.currentHealthy}'=1 --timeout=60s`);
  await t.call(`get ${IN} pdb runs`, { table: true });
  await t.call(`cordon ${t.node}`);
  await t.call(`cordon ${t.node}`);
  await t.call(`get node ${t.node} -o jsonpath='{.spec.unschedulable}'`);
  await t.call(`create --raw /api/v1/namespaces/${NAMESPACE}/pods/runs/eviction -f -`, {
    input: EVICTION,
  });
  await t.call(`create --raw /api/v1/namespaces/${NAMESPACE}/pods/absent/eviction -f -`, {
    input: EVICTION.replace("runs", "absent"),
  });
  const drain = `drain ${t.node} --pod-selector=app=runs --delete-emptydir-data --force`;
  await t.call(`${drain} --timeout=3s`);
  await t.call(`patch ${IN} pdb runs --type=merge -p '{"spec":{"minAvailable":0}}'`);
  await t.call(`wait ${IN} pdb/runs --for=jsonpath='{.status.disruptionsAllowed}'=1 --timeout=60s`);
  await t.call(`${drain} --timeout=60s`);
  await t.call(`get ${IN} pod runs`);
  await t.call(`uncordon ${t.node}`);
  await t.call("cordon absent");
}

/** Events that people write, rights, and the end of the namespace. */
export async function people(t: Transcript): Promise<void> {
  t.section("events");
  await t.call(`create ${IN} -f -`, { input: EVENT });
  await t.call(`get ${IN} events --field-selector involvedObject.kind=Sprocket`, { table: true });
  await t.call(`events ${IN} --for sprocket/one`, { table: true });

  t.section("rights");
  await t.call(`auth can-i create sprockets ${IN}`);
  await t.call("auth can-i '*' '*' --all-namespaces");
  await t.call(`auth can-i absent absent ${IN}`);

  t.section("the end of a namespace");
  await t.call(`delete namespace ${NAMESPACE}`);
  await t.call(`get ${IN} configmaps`);
  await t.call("delete crd sprockets.conformance.quorate.dev");
  await t.call(`get ${IN} sprockets`);
}

/** On the machine that is drained later. */
function placed(t: Transcript, yaml: string): string {
  const selector = `nodeSelector: {kubernetes.io/hostname: ${t.node}}`;
  return yaml.replace("automountService", `${selector}\n  automountService`);
}

function pod(name: string, args: string, restartPolicy: string): string {
  return `
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  labels: {app: node}
spec:
  restartPolicy: ${restartPolicy}
  automountServiceAccountToken: false
  enableServiceLinks: false
  containers:
  - name: node
    image: quorate/node:dev
    imagePullPolicy: Never
    args: ${args}
`;
}

/** A node of Quorate before its genesis: it makes its keys and answers for its health. */
const RUNNING = `
apiVersion: v1
kind: ConfigMap
metadata:
  name: runs
data:
  node.json: |
    {
      "dataDir": "data",
      "genesisFile": "genesis/genesis.json",
      "listen": {
        "peers": "\${POD_IP}:7001",
        "query": "\${POD_IP}:7002",
        "control": "\${POD_IP}:7003",
        "metrics": "\${POD_IP}:7004"
      },
      "advertise": "127.0.0.1:7001",
      "controlClientKey": "${"ab".repeat(32)}",
      "prices": []
    }
---
apiVersion: v1
kind: Pod
metadata:
  name: runs
  labels: {app: runs}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 5
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  containers:
  - name: node
    image: quorate/node:dev
    imagePullPolicy: Never
    args: [--config, config/node.json]
    workingDir: /quorate
    env:
    - name: POD_IP
      valueFrom: {fieldRef: {fieldPath: status.podIP}}
    ports:
    - {name: metrics, containerPort: 7004}
    readinessProbe:
      httpGet: {path: /healthz, port: metrics}
      periodSeconds: 1
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    volumeMounts:
    - {name: config, mountPath: /quorate/config}
    - {name: data, mountPath: /quorate/data}
    - {name: genesis, mountPath: /quorate/genesis}
  volumes:
  - name: config
    configMap: {name: runs}
  - {name: data, emptyDir: {}}
  - name: genesis
    configMap: {name: absent, optional: true}
`;

const BUDGET = `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: runs
spec:
  minAvailable: 1
  selector:
    matchLabels: {app: runs}
`;

const EVICTION = JSON.stringify({
  apiVersion: "policy/v1",
  kind: "Eviction",
  metadata: { name: "runs", namespace: NAMESPACE },
});

const EVENT = `
apiVersion: v1
kind: Event
metadata:
  name: one.event
involvedObject:
  apiVersion: conformance.quorate.dev/v1alpha1
  kind: Sprocket
  namespace: ${NAMESPACE}
  name: one
type: Normal
reason: Looked
message: somebody looked at it
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"
count: 2
source: {component: conformance}
`;
