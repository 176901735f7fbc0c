import type { Command } from "commander";
import { type CommandOutput, toJson } from "./output.ts";
import type { Ports } from "./ports.ts";

/** State of one run: which transaction is on its way, and what the process exits with. */
export interface Run {
  readonly ports: Ports;
  sent: { readonly id: string; readonly nonce: number | undefined } | undefined;
  exitCode: number;
}

export function leaf(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option("--json", "print one JSON document")
    .exitOverride()
    .allowExcessArguments(false);
}

/** Lines begin with `quorate`; help shows them as the program was called. */
export function example(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText("after", ({ command: shown }) => {
    const shownLines = lines.map((line) => `  ${line.replace("quorate", rootOf(shown).name())}`);
    return `\nExample:\n${shownLines.join("\n")}`;
  });
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

export function show(run: Run, isJson: boolean, output: CommandOutput): void {
  run.ports.stdout(isJson ? `${toJson(output.document)}\n` : `${output.lines.join("\n")}\n`);
}
