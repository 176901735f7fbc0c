// Who may import whom. Each layer lists what it may reach; anything else is an error.
const source = "^(proto|node|operator|test-e2e|scripts)/";
const test = "\\.test\\.ts$|^node/test/|^operator/test/|^operator/cli/test/";
const layer = (name) => `^node/src/${name}/`;

/** The layer may import itself and `allowed` within the repository, nothing else of it. */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: "error",
  from: { path: from, pathNot: test },
  to: { path: source, pathNot: [from, ...allowed, "/node_modules/"] },
});

const light = "^node/light-client/src/";
const client = "^node/client/src/";
const supervisor = "^operator/local-cluster/src/";
const runtime = "^operator/runtime/src/";
const operator = "^operator/src/";
const api = "^operator/src/api/";
/** Values that flow from one step of the operator to the next. */
const flow = [
  "^operator/src/observe/observation\\.ts$",
  "^operator/src/detect/verdict\\.ts$",
  "^operator/src/decide/(decision|policy|budget)\\.ts$",
  "^operator/src/build/desired\\.ts$",
  "^operator/src/diff/changes\\.ts$",
];
const exported = ["kernel", "crypto", "consensus", "ledger", "margin"].map(layer);

module.exports = {
  forbidden: [
    only("crypto-stands-alone", layer("crypto"), [], "crypto is sha256 and signatures, no more"),
    only("kernel-on-crypto", layer("kernel"), [layer("crypto")], "kernel is the bottom layer"),
    only(
      "consensus-below",
      layer("consensus"),
      [layer("kernel"), layer("crypto")],
      "consensus orders bytes and does not know what they mean",
    ),
    only("margin-below", layer("margin"), [layer("kernel"), layer("crypto")], "pure arithmetic"),
    only(
      "ledger-below",
      layer("ledger"),
      ["kernel", "crypto", "margin"].map(layer),
      "the ledger executes; it does not take part in consensus",
    ),
    only(
      "replica-composes",
      layer("replica"),
      ["kernel", "crypto", "consensus", "ledger", "margin"].map(layer),
      "the replica is the pure composition which simulator and shell drive",
    ),
    only(
      "shell-below-main",
      layer("shell"),
      ["^node/src/(?!main\\.ts$)", "^proto/(gen|src)/"],
      "the shell may use all of node/src except main, and the wire types",
    ),
    only("main-wires", "^node/src/main\\.ts$", ["^node/src/"], "main only wires the node"),
    only("light-client-pure", light, exported, "what is handed in is verified, nothing is fetched"),
    {
      name: "light-client-without-node",
      comment: "it verifies on any platform: no module of Node, no package",
      severity: "error",
      from: { path: light, pathNot: test },
      to: { dependencyTypes: ["core", "npm"], pathNot: "^node/" },
    },
    only(
      "client-exports",
      client,
      [light, ...exported, "^proto/(gen|src)/"],
      "the node's exports, the wire",
    ),
    only(
      "cli-exports",
      "^operator/cli/src/",
      [light, client, operator, runtime, supervisor, ...exported, "^proto/gen/"],
      "the command line speaks through the client and the API server",
    ),
    only(
      "local-cluster-alone",
      supervisor,
      [runtime],
      "the local cluster knows no program that it runs",
    ),
    only("runtime-alone", runtime, [], "the runtime knows no resource but Kubernetes' own"),
    only(
      "operator-pure-steps",
      "^operator/src/(detect|decide|build|diff)/",
      [api, ...flow, runtime, client, ...exported],
      "detect, decide, build and diff are pure; each knows the values before it and no step",
    ),
    only("operator-below", operator, [client, runtime, ...exported, "^proto/gen/"], "the operator"),
    {
      name: "operator-pure-without-io",
      comment: "crypto hashes plans; nothing else of Node, and no package but zod in the API",
      severity: "error",
      from: { path: "^operator/src/(detect|decide|build|diff)/", pathNot: test },
      to: { dependencyTypes: ["core", "npm"], pathNot: "^(node:)?crypto$|^operator/|^node/" },
    },
    only(
      "independent-judges",
      "^test-e2e/(adversary|rebuild|stranger)/",
      ["^proto/gen/"],
      "they judge the product, so they share the wire format with it and no code",
    ),
    only(
      "test-e2e-public",
      "^test-e2e/(?!adversary/|rebuild/|stranger/|bench/margin-)",
      ["^test-e2e/", client, supervisor, runtime, api, "^proto/gen/"],
      "the end-to-end tests see what a user sees",
    ),
    only(
      "margin-bench-margin",
      "^test-e2e/bench/margin-",
      ["^test-e2e/", "^node/src/(kernel|margin)/"],
      "it measures the engine itself, without a network around it",
    ),
    only("proto-alone", "^proto/", [], "generated code imports its runtime only"),
    {
      name: "pure-without-node",
      comment: "only node/src/crypto may use a module of Node among the pure layers",
      severity: "error",
      from: { path: layer("(kernel|consensus|ledger|margin|replica)"), pathNot: test },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "crypto-only-crypto",
      severity: "error",
      from: { path: layer("crypto"), pathNot: test },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?crypto$" },
    },
    {
      name: "pure-without-packages",
      comment: "the pure layers depend on no third party",
      severity: "error",
      from: { path: layer("(crypto|kernel|consensus|ledger|margin|replica)"), pathNot: test },
      to: { path: "node_modules" },
    },
    {
      name: "wire-types-at-the-edge",
      severity: "error",
      from: {
        path: source,
        pathNot: [
          layer("shell"),
          "^node/client/",
          "^operator/(cli|src/adapters)/",
          "^test-e2e/",
          "^proto/",
        ],
      },
      to: { path: "^proto/gen/" },
    },
    {
      name: "nobody-imports-a-test",
      severity: "error",
      from: { path: source, pathNot: [test, "^scripts/", "^test-e2e/"] },
      to: { path: test },
    },
    { name: "no-cycles", severity: "error", from: { pathNot: test }, to: { circular: true } },
    {
      name: "no-cycles-in-tests",
      comment: "parts of a simulated world may name the world's type",
      severity: "error",
      from: { path: test },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-orphans",
      severity: "error",
      from: {
        orphan: true,
        path: source,
        pathNot: [
          "\\.d\\.ts$",
          "/main\\.ts$",
          // Loaded by `node --import` into a child.
          "/supervisor/lifeline\\.ts$",
          "^node/test/",
          "^proto/gen/",
          "^scripts/",
          "^test-e2e/",
          "^operator/cli/bin/",
        ],
      },
      to: {},
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)\\.tsbuild/|^coverage/|^\\.ci-out/" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".js", ".cjs", ".mjs", ".d.ts", ".json"],
    },
  },
};
