// Every recording rule and alert of the chart through the real promtool, each alert in a case in
// which it fires and one in which it is silent; and the queries of the dashboard's panels, which
// have to be PromQL: npm run alerts
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { queryFor, ROWS } from "./observability/panels.ts";
import { ALERTS, promtoolTests, ruleFiles } from "./observability/rules.ts";

function promtool(args: readonly string[]): boolean {
  const { status, error } = spawnSync("promtool", args, { stdio: "inherit" });
  if (error !== undefined) {
    const fix = "install it (Debian: apt-get install prometheus) and have it on PATH";
    process.stderr.write(`promtool: ${error.message}; ${fix}\n`);
  }
  return status === 0;
}

/** The panels' queries in the form that promtool checks. */
function panelRules(): string {
  const set = { namespace: "ns", set: "dev" };
  const rules = ROWS.flatMap(({ panels }) => panels).map((panel, at) => ({
    record: `panel:${at}`,
    expr: queryFor(panel, set),
  }));
  return stringify({ groups: [{ name: "panels", rules }] });
}

function check(folder: string): boolean {
  const files = [...ruleFiles()].map(([name, text]) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  });
  const tests = join(folder, "tests.yaml");
  writeFileSync(tests, promtoolTests(files));
  const panels = join(folder, "panels.yaml");
  writeFileSync(panels, panelRules());
  return promtool(["check", "rules", ...files, panels]) && promtool(["test", "rules", tests]);
}

const folder = mkdtempSync(join(tmpdir(), "quorate-alerts-"));
try {
  const good = check(folder);
  process.stdout.write(good ? `${ALERTS.length} alerts, two cases each\n` : "FAILED: alerts\n");
  process.exitCode = good ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
