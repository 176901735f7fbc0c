import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { Stage } from "./stage.ts";

const ACCOUNT = "system:serviceaccount:quorate-system:quorate-operator";

interface Answer {
  readonly status: number | null;
  readonly text: string;
}

describe("rule STOLEN: the chart's policies bind the operator's account", () => {
  test("what its rights allow and a thief would do is refused, and the operator works", async () => {
    const stage = await Stage.start();
    try {
      const [voter] = (await stage.set.members()).filter(({ role }) => role === "Voter");
      const name = voter!.name;
      const { namespace, name: set } = stage.set.name;
      /** As the thief; nothing is stored. */
      const kubectl = (args: readonly string[], object?: object): Answer => {
        const file = object === undefined ? [] : ["-f", "-"];
        const to = ["--kubeconfig", stage.provider.kubeconfigFile, "-n", namespace];
        const as = ["--as", ACCOUNT, "--dry-run=server"];
        const input = object === undefined ? "" : JSON.stringify(object);
        const { status, stderr, stdout } = spawnSync("kubectl", [...args, ...file, ...to, ...as], {
          input,
          encoding: "utf8",
        });
        return { status, text: `${stdout}${stderr}` };
      };
      const refused = (answer: Answer, why: RegExp) => {
        expect(answer.text).toMatch(why);
        expect(answer.status).not.toBe(0);
      };
      const create = (object: object) => kubectl(["create"], object);

      refused(kubectl(["delete", "pod", name]), /evicted, never deleted/);
      const label = (text: string) => kubectl(["label", "pod", name, text, "--overwrite"]);
      refused(label("quorate.dev/voter=false"), /stays for the life of the pod/);
      refused(label("quorate.dev/voter-"), /stays for the life of the pod/);
      refused(label("quorate.dev/member=other"), /stays with its set/);
      const disown = ["--type=merge", "-p", '{"metadata":{"ownerReferences":null}}'];
      refused(kubectl(["patch", "pod", name, ...disown]), /an owner that does not exist/);

      expect(create(pod({}, {})).status, create(pod({}, {})).text).toBe(0);
      const foreign = { persistentVolumeClaim: { claimName: `${name}-data` } };
      refused(create(pod({}, { volumes: [{ name: "x", ...foreign }] })), /its own volume/);
      const secret = { secret: { secretName: "sponsor" } };
      refused(create(pod({}, { volumes: [{ name: "x", ...secret }] })), /no Secret/);
      refused(create(pod({ image: "thief:1" }, {})), /not among admission.nodeImages/);
      const options = [{ name: "NODE_OPTIONS", value: "--require=/quorate/config/a.js" }];
      refused(create(pod({ env: options }, {})), /POD_IP and nothing else/);
      refused(create(pod({ command: ["node"] }, {})), /its image's own program/);
      refused(create(pod({ livenessProbe: { exec: { command: ["node"] } } }, {})), /no probe/);
      const over = [{ name: "config", mountPath: "/app/node/src" }];
      refused(create(pod({ volumeMounts: over }, {})), /mounts below \/quorate/);

      const copy = { dataSource: { kind: "PersistentVolumeClaim", name: `${name}-data` } };
      refused(create(claim(copy)), /not filled from another volume/);
      refused(create(claim({ volumeName: "pv-1" })), /not bound by hand/);

      const voters = { "quorate.dev/set": set, "quorate.dev/voter": "true" };
      expect(create(budget(set, { minAvailable: 3 }, voters)).status).toBe(0);
      const fewer = /at least the set's replicas without its faultTolerance, .*: 3/;
      for (const spec of [{ minAvailable: 2 }, { minAvailable: "50%" }, { maxUnavailable: 1 }]) {
        refused(create(budget(set, spec, voters)), fewer);
      }
      refused(create(budget(set, { minAvailable: 3 }, { other: "pods" })), /selects all voters/);
      refused(kubectl(["delete", "pdb", set]), /keeps its disruption budget/);

      const patch = (text: string) => kubectl(["patch", "vset", set, "--type=merge", "-p", text]);
      refused(patch('{"spec":{"paused":true}}'), /changes no spec/);
      const word = "quorate.dev/destroy-keys=now";
      refused(kubectl(["annotate", "vset", set, word]), /writes no annotation/);
      expect(patch('{"metadata":{"finalizers":["quorate.dev/orderly-exit"]}}').status).toBe(0);
      expect(create(rotation(set, {})).status, create(rotation(set, {})).text).toBe(0);
      refused(create(rotation(set, { "quorate.dev/approve": "x" })), /approves nothing/);
      await stage.commits();
      stage.passed();
    } finally {
      await stage.stop();
    }
  });
});

function rotation(set: string, annotations: object) {
  return {
    apiVersion: "quorate.dev/v1alpha1",
    kind: "ValidatorRotation",
    metadata: { name: "thief", annotations },
    spec: { set, cause: "Silence", member: "0".repeat(64), setHash: "0".repeat(64) },
  };
}

function pod(container: object, spec: object) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "thief", labels: { "quorate.dev/member": "thief" } },
    spec: {
      automountServiceAccountToken: false,
      containers: [
        {
          name: "node",
          image: "quorate/node:dev",
          args: ["--config", "config/node.json"],
          ...container,
        },
      ],
      volumes: [{ name: "config", configMap: { name: "thief" } }],
      ...spec,
    },
  };
}

function claim(more: object) {
  const resources = { requests: { storage: "1Gi" } };
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "thief-data" },
    spec: { accessModes: ["ReadWriteOnce"], resources, ...more },
  };
}

function budget(set: string, spec: object, matchLabels: object) {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "thief", labels: { "quorate.dev/set": set } },
    spec: { ...spec, selector: { matchLabels } },
  };
}
