import { resolve } from "node:path";
import type { Plugin } from "vitest/config";
import { mutate, type Patch, repository } from "./mutants.ts";

/** What the plugin of one vitest breaks at the moment, and whether that source was loaded since. */
export interface Breakage {
  patch: Patch | undefined;
  loaded: boolean;
}

/** Tests that are run by this vitest meet the one source that is broken at the moment. */
export function mutantPlugin(breakage: Breakage): Plugin {
  return {
    name: "quorate-mutant",
    enforce: "pre",
    transform(code, id) {
      const { patch } = breakage;
      if (patch === undefined || id.split("?")[0] !== resolve(repository, patch.file)) return null;
      breakage.loaded = true;
      return { code: mutate(patch, code), map: null };
    },
  };
}
