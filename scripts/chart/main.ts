// The chart: npm run chart. Needs helm.
//   npm run chart            lints it, runs its tests, and compares what is generated from it
//   npm run chart -- --write  writes manifests/install.yaml and the lists of rights
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { CHART, helm, NAMESPACE, NoHelmError, render, renderText } from "./render.ts";
import { rightsText } from "./rights.ts";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
const NOTE = `# The operator of Quorate: kubectl apply --server-side -f manifests/install.yaml
# Written by \`npm run chart -- --write\` from charts/quorate with its defaults: change it there.
`;

/** Helm makes no Namespace object; without Helm somebody has to. */
const namespace = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: {
    name: NAMESPACE,
    labels: {
      "app.kubernetes.io/part-of": "quorate",
      "pod-security.kubernetes.io/enforce": "restricted",
    },
  },
};

/** File to content: everything that is generated from the chart. */
function generated(): ReadonlyMap<string, string> {
  const watched = { watchNamespace: "quorate", rbac: { secretNames: ["sponsor-1"] } };
  const objects = renderText({ args: ["--no-hooks"] }).replaceAll(": Helm\n", ": kubectl\n");
  return new Map([
    ["manifests/install.yaml", `${NOTE}${stringify(namespace)}${objects}`],
    ["charts/quorate/rights.txt", rightsText(render())],
    ["charts/quorate/rights-of-one-namespace.txt", rightsText(render({ values: watched }))],
  ]);
}

function run(program: string, args: readonly string[]): boolean {
  const { status } = spawnSync(program, [...args], { cwd: REPOSITORY, stdio: "inherit" });
  return status === 0;
}

function isCurrent(): boolean {
  const stale = [...generated()].filter(([file, text]) => {
    const path = join(REPOSITORY, file);
    return !existsSync(path) || readFileSync(path, "utf8") !== text;
  });
  for (const [file] of stale) process.stderr.write(`${file}: run 'npm run chart -- --write'\n`);
  return stale.length === 0;
}

function check(): boolean {
  process.stdout.write(helm(["lint", "--strict", CHART]));
  const vitest = join(REPOSITORY, "node_modules/.bin/vitest");
  const config = ["run", "--config", "scripts/chart/vitest.config.ts"];
  return [isCurrent(), run(vitest, config)].every((good) => good);
}

const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
try {
  if (values.write) {
    for (const [file, text] of generated()) writeFileSync(join(REPOSITORY, file), text);
  } else {
    process.exitCode = check() ? 0 : 1;
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof NoHelmError ? 2 : 1;
}
