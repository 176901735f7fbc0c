import type { Command } from "commander";
import { replayLog } from "./commands/replay.ts";
import { EXIT } from "./exit-codes.ts";
import { example, leaf, type Run, show } from "./program-parts.ts";

/** What the operator decided, decided again. */
export function addReplay(program: Command, run: Run, isJson: boolean): void {
  example(
    leaf(program, "replay <file>", "decide again on what the operator saw, from its log"),
    "kubectl logs -n quorate-system deploy/quorate-operator | quorate replay -",
  )
    .option("--set <namespace/name>", "decisions about this set alone")
    .addHelpText("after", "\nExit status 1: a decision comes out otherwise here.")
    .action(async (file: string, { set }: { readonly set?: string }) => {
      const text = await run.ports.readText(file, "FILE");
      const output = replayLog({ name: file, text }, set);
      show(run, isJson, output);
      if (output.document.different > 0) run.exitCode = EXIT.REFUSED;
    });
}
