import { resolve } from "node:path";
import type { Plugin } from "vitest/config";
import { findMutant, mutate, repository } from "./mutants.ts";

/** With a mutant's name, vitest runs the tests against that one broken source file. */
export function mutantPlugin(name: string | undefined): Plugin {
  const mutant = name === undefined || name === "" ? undefined : findMutant(name);
  const file = mutant && resolve(repository, mutant.file);
  return {
    name: "quorate-mutant",
    enforce: "pre",
    transform(code, id) {
      if (mutant === undefined || id.split("?")[0] !== file) return null;
      return { code: mutate(mutant, code), map: null };
    },
  };
}
