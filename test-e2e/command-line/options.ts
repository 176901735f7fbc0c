import { type ParseArgsConfig, parseArgs } from "node:util";
import { InputProblem } from "./input-problem.ts";

type Known = NonNullable<ParseArgsConfig["options"]>;

/** The options of one command; throws InputProblem that names the wrong one and the help. */
export function readOptions<T extends Known>(command: string, args: readonly string[], options: T) {
  return readArguments(command, args, { options, allowPositionals: false }).values;
}

/** The same with words that belong to no option, where the command takes them. */
export function readArguments<T extends ParseArgsConfig>(
  command: string,
  args: readonly string[],
  config: T,
) {
  try {
    return parseArgs({ ...config, args: [...args] });
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const field = /'(-[^' ]*|[^']*)/.exec(text)?.[1] ?? "arguments";
    const fix = `see ${command} --help`;
    throw new InputProblem({ field, problem: text.split(". ")[0] ?? text, fix }, { cause });
  }
}

/** A whole number within its bounds; throws InputProblem that names the option. */
export function wholeNumber(field: string, text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || value < min || value > max) {
    const fix = `give a whole number from ${min} to ${max}`;
    throw new InputProblem({ field, problem: `"${text.slice(0, 40)}" does not fit`, fix });
  }
  return value;
}

/** One of the words, the first by default; throws InputProblem that names the option. */
export function oneOf<T extends string>(
  field: string,
  text: string | undefined,
  words: readonly [T, ...T[]],
): T {
  const found = text === undefined ? words[0] : words.find((word) => word === text);
  if (found !== undefined) return found;
  const fix = `give one of ${words.join(", ")}`;
  throw new InputProblem({ field, problem: `"${text?.slice(0, 40)}" does not fit`, fix });
}
