import { max, min, share, sum } from "./arithmetic.ts";
import { spendMinimum, stepCaps } from "./caps.ts";
import { stepFunding } from "./funding.ts";
import { climbLadder } from "./ladder.ts";
import { updateIndexPrice } from "./oracle.ts";
import {
  areWithdrawalsShut,
  cancelAll,
  cancelOrder,
  expireOrders,
  type Outcome,
  placeOrder,
  placeQuotes,
  withdraw,
} from "./orders.ts";
import { claimsOf, pool } from "./settlement.ts";
import { settleTerms } from "./terms.ts";
import {
  type Account,
  type Action,
  type Block,
  type Event,
  findAccount,
  getAccount,
  newAccount,
  type World,
} from "./world.ts";

export interface Executed {
  /** By bundle, then by action. */
  readonly outcomes: readonly (readonly Outcome[])[];
  readonly events: readonly Event[];
}

/** One block in the order of rule ORDER (node/spec/margin.md §4). Changes the world. */
export function executeBlock(world: World, block: Block): Executed {
  const fundAtStart = world.fund;
  const heldAtStart = total(world);
  world.nowMs = block.timestampMs;
  world.clockMs = block.clockMs;
  world.events = [];
  stepCaps(world, block);
  for (const { account, amount } of block.deposits) {
    const receiver = findAccount(world, account) ?? openAccount(world, account);
    receiver.balance += amount;
    world.events.push({ kind: "deposit", account, amount });
  }
  settleTerms(world, block.acts);
  for (const market of world.markets) updateIndexPrice(world, market, block);
  for (const market of world.markets) stepFunding(world, market);
  climbLadder(world);
  world.passes = 0;
  world.passesOf = new Map();
  expireOrders(world);
  const outcomes = executeActions(world, block);
  repayDebts(world, fundAtStart);
  checkConservation(world, block, heldAtStart);
  return { outcomes, events: world.events };
}

function openAccount(world: World, key: string): Account {
  const account = newAccount(world, key);
  spendMinimum(world, account);
  return account;
}

/** Cancels, then orders, then withdrawals: three passes over the same bundles. */
function executeActions(world: World, block: Block): Outcome[][] {
  const outcomes: Outcome[][] = block.bundles.map(() => []);
  const pass = <K extends Action["kind"]>(
    kinds: readonly K[],
    act: (account: string, action: Extract<Action, { kind: K }>) => Outcome,
  ): void => {
    for (const [bundle, { account, actions }] of block.bundles.entries()) {
      for (const [index, action] of actions.entries()) {
        if (!kinds.some((kind) => kind === action.kind)) continue;
        const row = outcomes[bundle] ?? [];
        row[index] = act(account, action as Extract<Action, { kind: K }>);
      }
    }
  };
  for (const [bundle, { account, actions }] of block.bundles.entries()) {
    for (const [index, action] of actions.entries()) {
      const row = outcomes[bundle] ?? [];
      if (action.kind === "cancel") row[index] = cancelOrder(world, account, action);
      if (action.kind === "cancel-all") row[index] = cancelAll(world, account, undefined);
      if (action.kind === "quote") cancelAll(world, account, action.market);
    }
  }
  pass(["place", "quote"], (account, action) =>
    action.kind === "place"
      ? placeOrder(world, account, action)
      : placeQuotes(world, account, action),
  );
  const isShut = areWithdrawalsShut(world);
  pass(["withdraw", "stake"], (account, action) => withdraw(world, account, { action, isShut }));
  return outcomes;
}

/** §10: the fund does not grow while the universe owes something. */
function repayDebts(world: World, fundAtStart: bigint): void {
  const totalDebt = sum(world.accounts.map(({ debt }) => debt));
  const repaid = min(max(0n, world.fund - fundAtStart), totalDebt);
  const parts = share(
    repaid,
    world.accounts.map(({ key, debt }) => ({ key, weight: debt })),
  );
  world.fund -= repaid;
  for (const { key, amount } of parts) {
    const account = getAccount(world, key);
    account.balance += amount;
    account.debt -= amount;
    world.events.push({ kind: "debt-repaid", account: key, amount });
  }
}

/** Everything that the universe holds: balances contain the entry costs, which sum to 0. */
export function total(world: World): bigint {
  const pools = sum(world.markets.map((market) => pool(market)));
  return world.fund + pools + sum(world.accounts.map(({ balance }) => balance));
}

function checkConservation(world: World, block: Block, before: bigint): void {
  const amounts = (kind: string): bigint =>
    sum(world.events.filter((e) => e.kind === kind).map((event) => event["amount"] as bigint));
  const left = amounts("withdrawal") + amounts("staked");
  const after = before + sum(block.deposits.map(({ amount }) => amount)) - left;
  if (total(world) !== after) throw new Error(`${total(world)} is held, ${after} is due`);
  for (const market of world.markets) {
    const { rules, fundingClaims } = market;
    if (claimsOf(world, market) !== fundingClaims) {
      throw new Error(
        `${rules.name}: positions claim ${claimsOf(world, market)}, not ${fundingClaims}`,
      );
    }
    const lots = sum(world.accounts.map(({ positions }) => positions[rules.id]?.size ?? 0n));
    if (lots !== 0n) throw new Error(`the sizes in ${rules.name} sum to ${lots}`);
  }
}
