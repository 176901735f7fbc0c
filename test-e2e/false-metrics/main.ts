// A node whose /metrics lies when told to: it runs the real node with its metrics elsewhere, and
// answers in its place. Told by `lie.json` among the mounted prices: {"member": "<key>"}.
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const NODE = fileURLToPath(new URL("../../node/src/main.ts", import.meta.url));
const LIE = "prices/lie.json";
const HIDDEN_PORT = 17_004;
const LONG_SECONDS = "600";
const LIES: ReadonlyMap<string, string> = new Map([
  ["quorate_member_last_seen_seconds", LONG_SECONDS],
  ["quorate_member_silent_seconds", LONG_SECONDS],
  ["quorate_member_silent", "1"],
]);

interface Configuration {
  readonly dataDir: string;
  readonly listen: Readonly<Record<string, string>>;
}

function deceived(): string | undefined {
  try {
    const told: { readonly member: string } = JSON.parse(readFileSync(LIE, "utf8"));
    return told.member;
  } catch {
    return undefined;
  }
}

function bend(text: string, member: string): string {
  return text
    .split("\n")
    .map((line) => {
      const [, name = "", labels = ""] = /^(\w+)(\{[^}]*\})/.exec(line) ?? [];
      const lie = LIES.get(name);
      const isAbout = labels.includes(`member="${member}"`);
      return lie === undefined || !isAbout ? line : `${name}${labels} ${lie}`;
    })
    .join("\n");
}

const { values } = parseArgs({ options: { config: { type: "string", default: "" } } });
const configuration: Configuration = JSON.parse(readFileSync(values.config, "utf8"));
const host = process.env["POD_IP"] ?? "127.0.0.1";
const folder = dirname(configuration.dataDir);
const hidden = join(folder, "honest-node.json");
const listen = { ...configuration.listen, metrics: `${host}:${HIDDEN_PORT}` };
writeFileSync(hidden, JSON.stringify({ ...configuration, listen }));

const server = createServer((request, response) => {
  fetch(`http://${host}:${HIDDEN_PORT}${request.url}`)
    .then(async (answer) => {
      const member = request.url === "/metrics" ? deceived() : undefined;
      const text = await answer.text();
      response.statusCode = answer.status;
      response.setHeader("content-type", answer.headers.get("content-type") ?? "text/plain");
      response.end(member === undefined ? text : bend(text, member));
    })
    .catch(() => response.destroy());
});
server.listen({ host, port: 7_004 });

const node = spawn(process.execPath, [NODE, "--config", hidden], { stdio: "inherit" });
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => node.kill(signal));
node.on("exit", (code) => process.exit(code ?? 1));
