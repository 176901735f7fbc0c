import { buildMutants } from "./build.ts";
import { commandLineMutants } from "./command-line.ts";
import { decideMutants } from "./decide.ts";
import { detectMutants } from "./detect.ts";
import { reconcileMutants } from "./reconcile.ts";
import { simMutants } from "./sim.ts";

/** In the form of node/test/mutants/mutant.ts; `npm run mutants` runs them with the node's. */
export const operatorMutants = [
  ...detectMutants,
  ...commandLineMutants,
  ...decideMutants,
  ...buildMutants,
  ...reconcileMutants,
  ...simMutants,
];
