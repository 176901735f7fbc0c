import { describe, expect, test } from "vitest";
import { randomFrom } from "../../test/margin/random.ts";
import { RANDOM_MARKETS, RandomBlocks } from "../../test/margin/random-blocks.ts";
import { accounts, trade, World } from "../../test/margin/world.ts";
import { atOnce } from "../kernel/steps.ts";
import { genesisLeaves } from "./engine.ts";
import { finishMarginLoad, MARGIN_KINDS, openMarginLoad } from "./load-state.ts";
import { safePriceSurvey } from "./safe-prices.ts";
import { type Account, balanceOf, type MarginState } from "./state.ts";

/** The state, gone through its leaves, the last one first. */
function reload(state: MarginState): MarginState {
  const loading = openMarginLoad();
  for (const { key, value } of genesisLeaves(state).toReversed()) {
    const [prefix = "", ...rest] = key.split("/");
    MARGIN_KINDS.get(prefix)?.(loading, rest.join("/"), value ?? new Uint8Array());
  }
  return atOnce(finishMarginLoad(loading, state));
}

function expectSame(loaded: World, living: World, what: string): void {
  expect(loaded.events, what).toEqual(living.events);
  expect(loaded.outcomes, what).toEqual(living.outcomes);
  expect(loaded.changes, what).toEqual(living.changes);
}

describe("margin's state from its leaves", () => {
  test("a loaded state has its accounts noted and summed: the first block does not look at all of them at once", () => {
    const names = Array.from({ length: 300 }, (_, at) => `rich ${at}`);
    const genesis = {
      markets: RANDOM_MARKETS,
      accounts: accounts(Object.fromEntries(names.map((name) => [name, 4_000n]))),
    };
    const loaded = reload(new World(genesis).state);
    const survey = safePriceSurvey(loaded.markets);
    let looks = 0;
    const of = (account: Account) => {
      looks += 1;
      return survey.of(account);
    };
    const counted = { ...survey, of };
    expect(loaded.accounts.unsettled(counted)).toEqual([]);
    expect(looks).toBe(0);
    // The sum of their balances is known too: with it, no step is left to be made.
    const value = [...loaded.accounts.values()].reduce((sum, { balance }) => sum + balance, 0n);
    expect(loaded.accounts.sumSteps(balanceOf).next()).toEqual({ done: true, value });
  });

  test("random blocks give the same events, outcomes and leaves, loaded before every fifth", () => {
    for (const seed of [1, 2, 3]) {
      const names = ["a", "b", "c", "d", "e"];
      const balances = Object.fromEntries(names.map((name) => [name, 4_000n]));
      const genesis = { markets: RANDOM_MARKETS, accounts: accounts(balances) };
      const living = new World(genesis);
      const loaded = new World(genesis);
      const blocks = new RandomBlocks(randomFrom(seed), names);
      for (let count = 0; count < 250; count += 1) {
        const block = blocks.next(living);
        if (count % 5 === 0) loaded.state = reload(loaded.state);
        living.apply(block);
        loaded.apply(block);
        expectSame(loaded, living, `seed ${seed}, block ${count}`);
      }
    }
  });

  test("rule CALL: a call runs out in a loaded state too, though no price moves", () => {
    const worlds = [0, 1].map(() => {
      const world = new World({ accounts: accounts({ a: 4_050n, b: 100_000n }) });
      world.block({ prices: [100_000n] });
      trade(world, { long: "a", short: "b", size: 100n, price: 100_000n });
      for (const price of [99_000n, 99_000n]) world.block({ prices: [price] });
      return world;
    });
    const [living, loaded] = worlds as [World, World];
    expect(living.view("a").stage).toBe("called");
    loaded.state = reload(loaded.state);
    for (let count = 0; count < 70; count += 1) {
      for (const world of worlds) world.block({ prices: [99_000n] });
      expectSame(loaded, living, `block ${count}`);
    }
    expect(living.view("a").stage).toBe("reduce-only");
  });
});
