import type { Mutant } from "./mutant.ts";

export const shellMutants: readonly Mutant[] = [];
