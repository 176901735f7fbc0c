import { clientMutants } from "./client.ts";
import { consensusMutants } from "./consensus.ts";
import { doorMutants } from "./door.ts";
import { ledgerMutants } from "./ledger.ts";
import { marginMutants } from "./margin.ts";
import type { Mutant } from "./mutant.ts";
import { resizeMutants } from "./resize.ts";
import { ruleMutants } from "./rules.ts";
import { sessionMutants } from "./sessions.ts";
import { shellMutants } from "./shell.ts";
import { simMutants } from "./sim.ts";
import { snapshotMutants } from "./snapshots.ts";
import { termsMutants } from "./terms.ts";

export type { Mutant } from "./mutant.ts";

export const mutants: readonly Mutant[] = [
  ...consensusMutants,
  ...doorMutants,
  ...ledgerMutants,
  ...resizeMutants,
  ...termsMutants,
  ...ruleMutants,
  ...sessionMutants,
  ...snapshotMutants,
  ...marginMutants,
  ...simMutants,
  ...shellMutants,
  ...clientMutants,
];
