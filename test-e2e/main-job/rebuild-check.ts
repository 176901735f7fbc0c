import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { QuorateClient } from "@quorate/client/client";
import type { Summary } from "./summary.ts";

const REBUILD = fileURLToPath(new URL("../rebuild/main.ts", import.meta.url));
const REBUILD_MS = 120_000;

/** What the rebuild program prints. Amounts are decimal micro-USD. */
interface Rebuilt {
  readonly height: number;
  readonly accounts: Readonly<Record<string, string>>;
  readonly insuranceFund: string;
}

export interface RebuildCheck {
  readonly client: QuorateClient;
  readonly genesisFile: string;
  readonly endpoint: string;
  readonly accounts: readonly { readonly name: string; readonly key: string }[];
}

/**
 * Compares every balance that the chain certifies with what a separate program computes from the
 * committed transactions alone. Nothing trades any more, so balances no longer move with the height.
 */
export async function checkRebuild(check: RebuildCheck): Promise<Summary["conservation"]> {
  const { client, accounts } = check;
  const certified = await Promise.all(
    accounts.map(async ({ name, key }) => {
      const state = await client.account(key);
      if (state === undefined) throw new Error(`the chain has no account ${name}`);
      return { name, key, height: state.height, balance: state.leaf.balance };
    }),
  );
  const fund = await client.fund();
  const height = Math.max(fund.height, ...certified.map((account) => account.height));
  const rebuilt = await rebuild(check, height);
  const fundHeld = fund.value?.fund ?? 0n;
  const differences = certified
    .filter(({ key, balance }) => rebuilt.accounts[key] !== String(balance))
    .map(({ name, key, balance }) => `${name}: ${balance}, rebuilt ${rebuilt.accounts[key]}`);
  if (rebuilt.insuranceFund !== String(fundHeld)) {
    differences.push(`fund: ${fundHeld}, rebuilt ${rebuilt.insuranceFund}`);
  }
  const total = certified.reduce((sum, { balance }) => sum + balance, fundHeld);
  return {
    equal: differences.length === 0,
    height,
    accounts: certified.length,
    total: String(total),
    differences,
  };
}

async function rebuild({ genesisFile, endpoint }: RebuildCheck, height: number): Promise<Rebuilt> {
  const args = ["--genesis", genesisFile, "--endpoint", endpoint, "--to-height", String(height)];
  const { stdout } = await promisify(execFile)(process.execPath, [REBUILD, ...args, "--json"], {
    timeout: REBUILD_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  const rebuilt: Rebuilt = JSON.parse(stdout);
  return rebuilt;
}
