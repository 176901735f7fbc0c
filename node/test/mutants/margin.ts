import type { Mutant } from "./mutant.ts";

export const marginMutants: readonly Mutant[] = [];
