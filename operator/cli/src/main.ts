import { systemPorts } from "./ports.ts";
import { runCli } from "./program.ts";

process.exitCode = await runCli(process.argv.slice(2), systemPorts(process.env));
