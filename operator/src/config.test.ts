import { expect, test } from "vitest";
import { type Config, parseCommandLine, UsageError } from "./config.ts";

function configOf(args: readonly string[], environment: Record<string, string> = {}): Config {
  const parsed = parseCommandLine(args, environment, () => undefined);
  if (parsed.kind !== "run") throw new Error("printed");
  return parsed.config;
}

test("the defaults are those of the manifest", () => {
  expect(configOf([], { POD_IP: "10.0.0.9" })).toEqual({
    podName: "quorate-operator",
    podNamespace: "quorate-system",
    watchNamespace: undefined,
    listen: { host: "10.0.0.9", port: 8_080 },
    logLevel: "info",
    inCluster: undefined,
  });
});

test("a kubeconfig goes before the service account", () => {
  const pod = { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "6443" };
  expect(configOf([], pod).inCluster).toEqual({ host: "10.0.0.1", port: "6443" });
  expect(configOf([], { ...pod, KUBECONFIG: "/x" }).inCluster).toBeUndefined();
});

test("a flag goes before its variable", () => {
  const environment = { WATCH_NAMESPACE: "a", POD_IP: "10.0.0.9" };
  expect(configOf([], environment).watchNamespace).toBe("a");
  expect(configOf(["--watch-namespace", "b"], environment).watchNamespace).toBe("b");
  expect(configOf(["--listen", ":9"], environment).listen).toEqual({ host: "10.0.0.9", port: 9 });
  expect(configOf(["--listen", "[::1]:9"]).listen).toEqual({ host: "::1", port: 9 });
});

test.each([
  [["--listen", "8080"], "--listen"],
  [["--listen", "a:99999"], "--listen"],
  [["--log-level", "loud"], "log-level"],
  [["--frobnicate"], "frobnicate"],
  [["extra"], "argument"],
  [["--watch-namespace", "No_Name"], "--watch-namespace"],
])("%j is refused by name", (args, field) => {
  expect(() => configOf(args)).toThrow(UsageError);
  expect(() => configOf(args)).toThrow(field);
});

test("help names variables and exit codes", () => {
  let text = "";
  const parsed = parseCommandLine(["--help"], {}, (more) => {
    text += more;
  });
  expect(parsed.kind).toBe("printed");
  for (const word of ["POD_NAMESPACE", "WATCH_NAMESPACE", "Exit codes", "--listen"]) {
    expect(text).toContain(word);
  }
});
