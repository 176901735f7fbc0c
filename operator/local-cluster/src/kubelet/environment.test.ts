import { describe, expect, test } from "vitest";
import type { Container, Pod } from "../controllers/api-types.ts";
import { ContainerConfigError, containerEnvironment, expand } from "./environment.ts";

const place = { podIp: "127.40.128.1", hostIp: "127.40.0.11", nodeName: "local-1" };
const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "ns", uid: "u", labels: { app: "x" } },
};
const objects: Record<string, object> = {
  "ConfigMap/c": { data: { mode: "fast", size: "3" } },
  "Secret/s": { data: { word: Buffer.from("hush").toString("base64") } },
};
const store = {
  get: ((type: { kind: string }, { name }: { name: string }) =>
    objects[`${type.kind}/${name}`]) as never,
};

function environment(container: Partial<Container>, base = {}) {
  return containerEnvironment({ store, pod, place, base, container: { name: "c", ...container } });
}

describe("environment", () => {
  test("values, fields, keys and whole objects; env wins over envFrom, both over the base", () => {
    const env = environment(
      {
        envFrom: [{ configMapRef: { name: "c" } }, { prefix: "S_", secretRef: { name: "s" } }],
        env: [
          { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          { name: "APP", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
          { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
          { name: "mode", value: "slow" },
          { name: "WORD", valueFrom: { secretKeyRef: { name: "s", key: "word" } } },
          { name: "AT", value: "$(POD_IP):$(size) $(NOBODY) $$(mode)" },
        ],
      },
      { PATH: "/bin", mode: "base" },
    );
    expect(env).toEqual({
      PATH: "/bin",
      mode: "slow",
      size: "3",
      S_word: "hush",
      POD_IP: "127.40.128.1",
      APP: "x",
      NODE: "local-1",
      WORD: "hush",
      AT: "127.40.128.1:3 $(NOBODY) $(mode)",
    });
  });

  test("a missing key is a configuration error unless it is optional", () => {
    const reference = { name: "c", key: "none" };
    const missing = () =>
      environment({ env: [{ name: "A", valueFrom: { configMapKeyRef: reference } }] });
    expect(missing).toThrow(ContainerConfigError);
    expect(missing).toThrow("couldn't find key none in ConfigMap ns/c");
    const optional = { configMapKeyRef: { ...reference, optional: true } };
    expect(environment({ env: [{ name: "A", valueFrom: optional }] })).toEqual({});
    expect(() => environment({ envFrom: [{ secretRef: { name: "z" } }] })).toThrow(
      'secret "z" not found',
    );
  });

  test("limits are given in the divisor's unit, rounded up", () => {
    const resources = { limits: { memory: "1Gi" }, requests: { cpu: "250m" } };
    const env = environment({
      resources,
      env: [
        {
          name: "M",
          valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } },
        },
        { name: "C", valueFrom: { resourceFieldRef: { resource: "requests.cpu" } } },
      ],
    });
    expect(env).toEqual({ M: "1024", C: "1" });
  });

  test("expansion leaves unknown names and doubles dollars", () => {
    expect(expand("$(A)-$(B)-$$(A)-$A", { A: "1" })).toBe("1-$(B)-$(A)-$A");
  });
});
