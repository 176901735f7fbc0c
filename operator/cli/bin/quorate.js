#!/usr/bin/env node
// The sources are TypeScript that Node 24 runs as it is. Called by path, this file may meet an
// older Node of the machine: then the Node that npm installed beside us takes over.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

const main = new URL("../src/main.ts", import.meta.url);

if (Number.parseInt(process.versions.node, 10) >= 24) {
  await import(main.href);
} else {
  const bundled = createRequire(import.meta.url).resolve("node/bin/node");
  const args = [fileURLToPath(main), ...process.argv.slice(2)];
  // Help shows the name by which the program was called.
  const argv0 = basename(process.argv[1] ?? "quorate");
  const child = spawn(bundled, args, { stdio: "inherit", argv0 });
  // A signal sent to this process alone must reach the program; it must not outlive us.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => child.kill(name));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 1;
    if (signal) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
}
