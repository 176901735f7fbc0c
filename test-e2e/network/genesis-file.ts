import { renameSync, writeFileSync } from "node:fs";

/** A genesis as its file has it: JSON, amounts as decimal strings (node/spec/encoding.md). */
export interface GenesisDocument {
  readonly name: string;
  readonly dev: boolean;
  readonly genesisTimeMs: number;
  readonly parameters: {
    readonly consensus: Readonly<Record<string, number>>;
    readonly rotation: Readonly<Record<string, number | string>>;
    readonly margin: Readonly<Record<string, number | string>>;
  };
  readonly owners: readonly { key: string; sponsorKey: string; treasury: string }[];
  readonly candidates?: "owners" | "open";
  readonly rewardPot?: string;
  readonly custodians: readonly string[];
  readonly seats: readonly {
    owner: string;
    key: string;
    networkKey: string;
    address: string;
    power: string;
  }[];
  readonly margin: {
    readonly markets: readonly Readonly<Record<string, number | string>>[];
    readonly accounts: readonly { account: string; balance: string }[];
    readonly insuranceFund: string;
  };
  readonly keyValue?: { readonly valueBytesMax: number };
}

/** A machine that is shared and slow starts a node, or writes to its disk, in less. */
export const WATCHABLE_SILENCE_MS = 5_000;

/**
 * Times of a network that heals while one watches, allowed by `dev`. Nodes wait one silence window
 * before they submit a record by themselves; in production it is three, which gives an operator the
 * first move.
 */
export const WATCHABLE_TIMES = {
  consensus: {},
  rotation: {
    silenceBlocks: 20,
    silenceMs: WATCHABLE_SILENCE_MS,
    selfHealAfterWindows: 1,
    newcomerAgeMsMin: 0,
    newcomerSpanMs: 0,
    jailMs: 30_000,
    evidenceMsMax: 600_000,
    unbondingMs: 1_200_000,
    absenceMsMax: 10_000,
    absenceEveryMs: 60_000,
    secondMisconductWaitMs: 10_000,
  },
} as const;

/** One rename: a node that looks for the file never reads half of it. */
export function writeGenesis(path: string, genesis: GenesisDocument): void {
  const next = `${path}.next`;
  writeFileSync(next, `${JSON.stringify(genesis, undefined, 2)}\n`);
  renameSync(next, path);
}
