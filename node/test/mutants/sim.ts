import type { Mutant } from "./mutant.ts";

export const simMutants: readonly Mutant[] = [];
