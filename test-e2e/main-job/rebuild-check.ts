import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { QuorateClient } from "@quorate/client/client";
import type { Summary } from "./summary.ts";

const REBUILD = fileURLToPath(new URL("../rebuild/main.ts", import.meta.url));
const REBUILD_MS = 120_000;

/** What of the rebuild program's output is compared. Amounts are decimal micro-USD, sizes lots. */
interface Rebuilt {
  readonly conserved: boolean;
  readonly insuranceFund: string;
  readonly details: readonly {
    readonly account: string;
    readonly balance: string;
    readonly debt: string;
    readonly positions: readonly { readonly market: number; readonly size: string }[];
  }[];
  readonly bonds: readonly { readonly key: string; readonly amount: string }[];
}

export interface RebuildCheck {
  readonly client: QuorateClient;
  readonly genesisFile: string;
  /** Query listener of a genesis member: the rebuild program trusts the genesis only. */
  readonly endpoint: string;
  readonly accounts: readonly { readonly name: string; readonly key: string }[];
}

/** One figure that the chain certifies, under a name that both sides have. */
interface Figure {
  readonly name: string;
  readonly value: string;
}

/**
 * Compares every balance that the chain certifies with what a separate program computes from the
 * committed transactions alone. Nothing trades any more, so balances no longer move with the
 * height.
 */
export async function checkRebuild(check: RebuildCheck): Promise<Summary["conservation"]> {
  const { client, accounts } = check;
  const states = await Promise.all(
    accounts.map(async ({ name, key }) => {
      const state = await client.account(key);
      if (state === undefined) throw new Error(`the chain has no account ${name}`);
      return { name, key, state };
    }),
  );
  const fund = await client.fund();
  const seats = await client.seats();
  const height = Math.max(fund.height, seats.height, ...states.map(({ state }) => state.height));
  const rebuilt = await rebuild(check, height);
  const held = fund.value?.fund ?? 0n;
  const certified = [
    { name: "fund", value: String(held) },
    ...states.flatMap(({ key, state: { leaf, positions } }) => [
      { name: `${key} balance`, value: String(leaf.balance) },
      { name: `${key} debt`, value: String(leaf.debt) },
      { name: `${key} lots`, value: lots(positions) },
    ]),
    ...(seats.value ?? []).map(({ seat }) => ({
      name: `${seat.key} bond`,
      value: String(seat.bond),
    })),
  ];
  const differences = compare(certified, rebuiltFigures(rebuilt));
  if (!rebuilt.conserved) differences.push("the rebuild program itself says: not conserved");
  const total = states.reduce((sum, { state }) => sum + state.leaf.balance, held);
  return {
    equal: differences.length === 0,
    height,
    accounts: accounts.length,
    total: String(total),
    differences,
  };
}

function rebuiltFigures({ insuranceFund, details, bonds }: Rebuilt): Map<string, string> {
  return new Map([
    ["fund", insuranceFund],
    ...details.flatMap(({ account, balance, debt, positions }): [string, string][] => [
      [`${account} balance`, balance],
      [`${account} debt`, debt],
      [`${account} lots`, lots(positions)],
    ]),
    ...bonds.map(({ key, amount }): [string, string] => [`${key} bond`, amount]),
  ]);
}

function lots(
  positions: readonly { readonly market: number; readonly size: string | bigint }[],
): string {
  return positions.map(({ market, size }) => `${market}:${size}`).join(" ");
}

function compare(certified: readonly Figure[], rebuilt: ReadonlyMap<string, string>): string[] {
  return certified
    .filter(({ name, value }) => rebuilt.get(name) !== value)
    .map(({ name, value }) => `${name}: ${value}, rebuilt ${rebuilt.get(name)}`);
}

async function rebuild(check: RebuildCheck, height: number): Promise<Rebuilt> {
  const { genesisFile, endpoint } = check;
  const args = ["--genesis", genesisFile, "--endpoint", endpoint, "--to-height", String(height)];
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [REBUILD, ...args, "--json"], {
    timeout: REBUILD_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  const rebuilt: Rebuilt = JSON.parse(stdout);
  return rebuilt;
}
