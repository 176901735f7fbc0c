import { InputProblem } from "./input-problem.ts";
import { checkPublished } from "./published-schema.ts";

const FAILED = 1;
export const INPUT_WRONG = 2;

/**
 * Does the work of a program and sets its exit status: what the work says, 2 with one line where
 * the input is wrong, 1 with a stack otherwise.
 */
export async function runProgram(
  work: (args: readonly string[]) => Promise<number>,
): Promise<void> {
  try {
    process.exitCode = await work(process.argv.slice(2));
  } catch (error) {
    const isInput = error instanceof InputProblem;
    const text = error instanceof Error ? (isInput ? error.message : error.stack) : String(error);
    process.stderr.write(`${text}\n`);
    process.exitCode = isInput ? INPUT_WRONG : FAILED;
  }
}

/** A command without commands of its own; `parse` is undefined where help was asked for. */
export interface Command<T> {
  readonly help: string;
  readonly parse: (args: readonly string[]) => T | undefined;
  readonly act: (options: T) => Promise<number>;
}

export async function runCommand<T>(command: Command<T>, args: readonly string[]): Promise<number> {
  const options = command.parse(args);
  if (options !== undefined) return await command.act(options);
  process.stdout.write(command.help);
  return 0;
}

/** Prints a report that keeps to its published schema: as JSON, or as `text` tells it. */
export function printReport<T>(
  schema: string,
  report: T,
  { json, text }: { readonly json: boolean; readonly text: (report: T) => string },
): void {
  checkPublished(schema, report);
  process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : text(report));
}

/** Progress, beside what the command prints. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
