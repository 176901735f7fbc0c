import type { Mutant } from "./mutant.ts";

export const consensusMutants: readonly Mutant[] = [];
