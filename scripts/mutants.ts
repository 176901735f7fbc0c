// What a mutant does to a source file: shared by the vitest plugin, which applies it, and by
// run-mutants.ts, which checks it before any test starts.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Mutant, mutants as nodeMutants } from "../node/test/mutants/mutants.ts";
import { operatorMutants } from "../operator/test/mutants/mutants.ts";

export const mutants: readonly Mutant[] = [...nodeMutants, ...operatorMutants];

export const repository = fileURLToPath(new URL("..", import.meta.url));

/** One text of one file that a mutant replaces. */
export type Patch = Pick<Mutant, "name" | "file" | "find" | "replace">;

export function mutate(mutant: Patch, source: string): string {
  const occurrences = source.split(mutant.find).length - 1;
  if (mutant.find === "" || occurrences !== 1) {
    throw new Error(`mutant ${mutant.name}: ${occurrences} places in ${mutant.file}, not one`);
  }
  const at = source.indexOf(mutant.find);
  return source.slice(0, at) + mutant.replace + source.slice(at + mutant.find.length);
}

/** Throws unless every mutant of the list fits the sources as they are now. */
export function checkMutants(list: readonly Patch[]): void {
  const names = new Set<string>();
  for (const mutant of list) {
    if (names.has(mutant.name)) throw new Error(`two mutants are called ${mutant.name}`);
    names.add(mutant.name);
    if (mutant.find === mutant.replace) throw new Error(`mutant ${mutant.name} changes nothing`);
    mutate(mutant, readFileSync(resolve(repository, mutant.file), "utf8"));
  }
}
