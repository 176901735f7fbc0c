import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crdFiles } from "@quorate/operator/api/v1alpha1/crd-files";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { CHART, type Rendered, render, type Values } from "./render.ts";
import { rightsOf } from "./rights.ts";

function only(objects: readonly Rendered[], kind: string, name?: string): Rendered {
  const found = objects.filter(
    (one) => one.kind === kind && (name === undefined || one.metadata.name === name),
  );
  expect(found, `one ${kind} ${name ?? ""}`).toHaveLength(1);
  return found[0]!;
}

const kinds = (values: Values) => new Set(render({ values }).map(({ kind }) => kind));
const defaults = render();
const deployment = only(defaults, "Deployment");
const pod = deployment["spec"].template.spec;
const PROMETHEUS = ["monitoring.coreos.com/v1"];
/** Of objects of the whole cluster. */
const NAME = "quorate-operator-quorate-system";

describe("CRDs", () => {
  const crds = defaults.filter(({ kind }) => kind === "CustomResourceDefinition");

  test("are those of operator/src/api, upgraded with the chart and kept when it goes", () => {
    expect(crds).toHaveLength(crdFiles().size);
    for (const text of crdFiles().values()) {
      const source = parse(text);
      const { spec, metadata } = only(crds, "CustomResourceDefinition", source.metadata.name);
      expect(spec).toEqual(source.spec);
      expect(metadata.annotations?.["helm.sh/resource-policy"]).toBe("keep");
    }
  });

  test("belong to one release of a cluster", () => {
    expect(kinds({ crds: { install: false } })).not.toContain("CustomResourceDefinition");
  });
});

describe("operator", () => {
  test("two replicas of which a drain takes one, apart from each other, before other work", () => {
    expect(deployment["spec"].replicas).toBe(2);
    expect(deployment["spec"].strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    expect(only(defaults, "PodDisruptionBudget")["spec"].maxUnavailable).toBe(1);
    const spread = pod.topologySpreadConstraints.map((one: Values) => one["topologyKey"]);
    expect(spread).toEqual(["topology.kubernetes.io/zone", "kubernetes.io/hostname"]);
    expect(pod.priorityClassName).toBe(only(defaults, "PriorityClass").metadata.name);
  });

  test("one replica has no disruption budget: a drain would wait for ever", () => {
    expect(kinds({ replicas: 1 })).not.toContain("PodDisruptionBudget");
  });

  test("restricted pod security, read-only root, requests and a memory limit: every pod", () => {
    const pods = [pod, only(defaults, "Pod")["spec"]];
    for (const { securityContext, containers, volumes = [] } of pods) {
      expect(securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        expect(container.resources.requests).toMatchObject({ cpu: expect.any(String) });
        expect(container.resources.limits.memory).toMatch(/Mi$/);
      }
      expect(volumes.every((one: Values) => "configMap" in one)).toBe(true);
    }
  });

  test("a digest wins over the tag", () => {
    const digest = `sha256:${"ab".repeat(32)}`;
    const given = only(render({ values: { image: { digest } } }), "Deployment");
    expect(given["spec"].template.spec.containers[0].image).toBe(`quorate/operator@${digest}`);
  });

  test("both kinds of probes ask the listener", () => {
    const [{ livenessProbe, readinessProbe, ports }] = pod.containers;
    expect([livenessProbe.httpGet.path, readinessProbe.httpGet.path]).toEqual([
      "/healthz",
      "/readyz",
    ]);
    expect(ports).toEqual([{ name: "http", containerPort: 8080 }]);
  });
});

describe("rights", () => {
  test("none escalates, binds, impersonates, executes, or is a wildcard", () => {
    const forbidden = /^(escalate|bind|impersonate|approve|sign|deletecollection|\*)$/;
    for (const { group, resource, verbs } of rightsOf(defaults)) {
      expect(verbs.filter((verb) => forbidden.test(verb))).toEqual([]);
      expect(`${group}/${resource}`).not.toContain("*");
      expect(resource).not.toMatch(/^pods\/(exec|attach|portforward|proxy|ephemeralcontainers)$/);
      expect(group).not.toMatch(/rbac|admissionregistration|url/);
    }
  });

  test("Secrets are read by name, never listed, watched or changed", () => {
    const secrets = rightsOf(defaults).filter(({ resource }) => resource === "secrets");
    expect(new Set(secrets.flatMap(({ verbs }) => verbs))).toEqual(new Set(["get", "create"]));
    expect(secrets.filter(({ where }) => where === "cluster").map(({ verbs }) => verbs)).toEqual([
      ["get"],
    ]);
  });

  test("watchNamespace: nothing of the cluster but to read machines", () => {
    const rights = rightsOf(render({ values: { watchNamespace: "mine" } }));
    const wide = rights.filter(({ where }) => where === "cluster");
    expect(wide).toEqual([
      {
        where: "cluster",
        group: "core",
        resource: "nodes",
        names: [],
        verbs: ["get", "list", "watch"],
      },
    ]);
    expect(new Set(rights.map(({ where }) => where))).toEqual(
      new Set(["cluster", "mine", "quorate-system"]),
    );
  });

  test("rbac.secretNames narrows Secrets to those names", () => {
    const rights = rightsOf(render({ values: { rbac: { secretNames: ["sponsor-1"] } } }));
    const secret = rights.find((one) => one.resource === "secrets" && one.where === "cluster");
    expect(secret?.names).toEqual(["sponsor-1"]);
  });

  test("rule MANY: two operators of one cluster share no object of it", () => {
    const names = (namespace: string) =>
      render({ namespace, values: { watchNamespace: namespace, crds: { install: false } } })
        .filter(({ kind }) => kind !== "Pod")
        .map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ""} ${metadata.name}`);
    const one = new Set(names("one"));
    expect(names("two").filter((name) => one.has(name))).toEqual([]);
  });
});

describe("rule STOLEN: admission policies", () => {
  const policies = defaults.filter(({ kind }) => kind === "ValidatingAdmissionPolicy");

  test("each is bound, denies, fails closed, and looks at the operator's account alone", () => {
    expect(policies.map(({ metadata }) => metadata.name.split("-").at(-1))).toEqual([
      "pods",
      "voters",
      "access",
      "claims",
      "budgets",
      "words",
    ]);
    for (const { metadata, ["spec"]: spec } of policies) {
      const binding = only(defaults, "ValidatingAdmissionPolicyBinding", metadata.name);
      expect(binding["spec"]).toMatchObject({
        policyName: metadata.name,
        validationActions: ["Deny", "Audit"],
      });
      expect(spec.failurePolicy).toBe("Fail");
      expect(spec.matchConditions.map((one: Values) => one["expression"])).toEqual([
        "request.userInfo.username == 'system:serviceaccount:quorate-system:quorate-operator'",
      ]);
    }
  });

  test("images of nodes come from a list that only the chart's values have", () => {
    const digest = `registry.example/node@sha256:${"ab".repeat(32)}`;
    const objects = render({ values: { admission: { nodeImages: [digest] } } });
    const pods = only(objects, "ValidatingAdmissionPolicy", `${NAME}-pods`);
    const images = pods["spec"].variables.find((one: Values) => one["name"] === "images");
    expect(images.expression).toBe(`["${digest}"]`);
  });

  test("a budget is compared with every set of its namespace; without one it is anybody's", () => {
    const binding = only(defaults, "ValidatingAdmissionPolicyBinding", `${NAME}-budgets`);
    expect(binding["spec"].paramRef).toEqual({ selector: {}, parameterNotFoundAction: "Allow" });
  });
});

describe("network", () => {
  test("the control listener of nodes is the operator's alone", () => {
    const values = { networkPolicy: { setNamespaces: ["mine"] } };
    const { spec } = only(render({ values }), "NetworkPolicy", "quorate-nodes");
    const control = spec.ingress.filter(({ ports }: Rendered) =>
      ports.some(({ port }: { readonly port: number }) => port === 7003),
    );
    expect(control).toHaveLength(1);
    expect(control[0].from).toEqual([
      {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "quorate-system" } },
        podSelector: { matchLabels: { "app.kubernetes.io/name": "quorate-operator" } },
      },
    ]);
  });

  test("the operator takes metrics and health only", () => {
    const { spec } = only(defaults, "NetworkPolicy", "quorate-operator");
    expect(spec.policyTypes).toEqual(["Ingress", "Egress"]);
    expect(spec.ingress.flatMap(({ ports }: Rendered) => ports)).toEqual([{ port: "http" }]);
  });
});

describe("monitoring", () => {
  const on = {
    monitoring: {
      monitors: { enabled: true },
      rules: { enabled: true },
      dashboards: { enabled: true },
    },
  };

  test("is off by default, and says what a cluster lacks", () => {
    expect([...kinds({})].filter((kind) => /Monitor|PrometheusRule/.test(kind))).toEqual([]);
    expect(() => render({ values: on })).toThrow(/install Prometheus operator/);
  });

  test("series of nodes bear `set` and `observer`, by which the operator asks for them", () => {
    const objects = render({ values: on, apis: PROMETHEUS });
    const labels = only(objects, "ServiceMonitor")["spec"].endpoints[0].relabelings;
    expect(labels.map((one: Values) => one["targetLabel"])).toEqual(["set", "observer"]);
    expect(only(objects, "PodMonitor")["spec"].podMetricsEndpoints[0].port).toBe("http");
  });
});

describe("wrong values are refused by name", () => {
  const wrong: readonly (readonly [string, Values, RegExp])[] = [
    ["an unknown field", { replica: 3 }, /replica/],
    ["no replica", { replicas: 0 }, /replicas/],
    ["a word for a number", { replicas: "two" }, /replicas/],
    ["an unknown log level", { logLevel: "loud" }, /logLevel/],
    ["a digest that is none", { image: { digest: "latest" } }, /digest/],
    ["no images at all", { admission: { nodeImages: [] } }, /nodeImages/],
    ["an image with a blank", { admission: { nodeImages: ["a b"] } }, /nodeImages/],
    ["a quote in an image", { admission: { nodeImages: ["a']+x+['"] } }, /nodeImages/],
    ["no name of a namespace", { watchNamespace: "Mine" }, /watchNamespace/],
    ["no memory limit", { resources: { limits: { memory: null } } }, /memory/],
    ["a port out of range", { networkPolicy: { apiServerPorts: [0] } }, /apiServerPorts/],
  ];
  test.each(wrong)("%s", (_, values, message) => {
    expect(() => render({ values })).toThrow(message);
  });
});

test("NOTES and docs name the same commands", () => {
  const notes = readFileSync(join(CHART, "templates/NOTES.txt"), "utf8");
  const docs = readFileSync(join(CHART, "../../docs/on-kubernetes.md"), "utf8");
  for (const line of ["kubectl apply -f manifests/samples/validatorset-dev.yaml", "helm test"]) {
    expect(notes).toContain(line);
    expect(docs).toContain(line);
  }
});
