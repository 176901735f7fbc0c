import type { MarginParameters } from "../../src/kernel/parameters.ts";
import type { ActionOutcome, MarginAction } from "../../src/margin/types.ts";
import { accounts, bundle, MARKET, place, USD, World } from "./world.ts";

/** Which caps are in force: none, the one on what leaves, or all of rule CAPS. */
export const CAPS_IN_FORCE = ["none", "outflow", "all"] as const;
export type CapsInForce = (typeof CAPS_IN_FORCE)[number];

/** What an attack came to, in micro-USD. */
export interface AttackReport {
  readonly caps: CapsInForce;
  readonly lots: bigint;
  /** The thief's equity above what it brought, at the false price. */
  readonly paperGain: bigint;
  /** What it got off the chain before people stopped it. */
  readonly takenOut: bigint;
  /** What it had brought, and the bonds of those who lied for it. */
  readonly broughtIn: bigint;
  readonly bondsLost: bigint;
  readonly profit: bigint;
}

const TRUE_PRICE = 100_000n;
const FALSE_PRICE = 130_000n;
const BROUGHT_USD = 2_000_000n;
/** f+1 of four bonds of US$ 1,000,000 (rule CAPS: the cost of corruption). */
const BONDS_LOST = (4_000_000n * USD) / 3n;
/** Until people have seen it and the chain is stopped. */
const NOTICED_AFTER_MS = 3_600_000;
/** What is large against every amount here switches a cap off. */
const UNBOUNDED = 10n ** 24n;

type Acts = readonly (readonly [string, MarginAction])[];

function step(world: World, price: bigint, acts: Acts, afterMs = 1_000): readonly ActionOutcome[] {
  const bundles = acts.map(([name, action]) => bundle(name, action));
  world.block({ prices: [price], bundles, afterMs, costOfCorruption: BONDS_LOST });
  return world.outcomes.flat();
}

/** Buys all that the chain lets it from the market maker; halves its wish at each refusal. */
function openPosition(world: World): bigint {
  let wish = 45_000n;
  step(world, TRUE_PRICE, [["maker", place("sell", wish, TRUE_PRICE)]]);
  while (wish > 0n) {
    const buy = place("buy", wish, TRUE_PRICE, { timeInForce: "ioc" });
    const [outcome] = step(world, TRUE_PRICE, [["thief", buy]]);
    if (outcome?.code !== "OK" || outcome.filled === 0n) wish /= 2n;
  }
  return world.size("thief");
}

/** Asks for all that is free, then for what the refusal says would be let out. */
function takeOut(world: World): bigint {
  let taken = 0n;
  let amount = world.view("thief").freeCollateral;
  for (const startMs = world.nowMs; world.nowMs < startMs + NOTICED_AFTER_MS; ) {
    const ask = { kind: "withdraw", amount } as const;
    const [outcome] = step(world, FALSE_PRICE, [["thief", ask]], 4_000);
    if (outcome?.code === "OK") taken += amount;
    amount = outcome?.bound?.remainder ?? world.view("thief").freeCollateral;
    if (amount === 0n) amount = world.view("thief").freeCollateral;
  }
  return taken;
}

/**
 * A quorum lies about the price for a friend: it opens against an honest market maker, the index
 * jumps by 30 %, the maker quotes around it, the friend closes and leaves. The state machine is
 * honest throughout: nothing but the caps is between the paper gain and the door.
 */
export function attack(caps: CapsInForce): AttackReport {
  const off: Partial<MarginParameters> = { withdrawalMinimum: UNBOUNDED };
  const corruptMovePpm = caps === "all" ? 300_000n : 0n;
  const genesis = {
    accounts: accounts({ thief: BROUGHT_USD, maker: 60_000_000n }),
    markets: [{ ...MARKET, corruptMovePpm }],
  };
  const world = new World(genesis, caps === "none" ? off : {});
  step(world, TRUE_PRICE, []);
  const lots = openPosition(world);
  step(world, FALSE_PRICE, []);
  const broughtIn = BROUGHT_USD * USD;
  const paperGain = world.view("thief").equity - broughtIn;
  step(world, FALSE_PRICE, [
    ["maker", place("buy", lots, FALSE_PRICE)],
    ["thief", place("sell", lots, FALSE_PRICE, { reduceOnly: true, timeInForce: "ioc" })],
  ]);
  for (let waited = 0; waited < 80; waited += 1) step(world, FALSE_PRICE, []);
  const takenOut = takeOut(world);
  const profit = takenOut - broughtIn - BONDS_LOST;
  return { caps, lots, paperGain, takenOut, broughtIn, bondsLost: BONDS_LOST, profit };
}
