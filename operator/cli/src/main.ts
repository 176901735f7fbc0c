import { basename } from "node:path";
import { systemPorts } from "./ports.ts";
import { runCli } from "./program.ts";

// As kubectl's plugin it is `kubectl-quorate`; bin/quorate.js hands the name on as argv0.
const isPlugin = [process.argv0, process.argv[1] ?? ""].some(
  (path) => basename(path) === "kubectl-quorate",
);
const ports = systemPorts(process.env, isPlugin ? "kubectl quorate" : "quorate");
process.exitCode = await runCli(process.argv.slice(2), ports);
