import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reload } from "../../test/ledger/snapshots.ts";
import { keyOf, sign, TestChain } from "../../test/ledger/test-chain.ts";
import type { AmountChange, MarketAct, MarketAmounts } from "../margin/types.ts";
import { decodeTransaction, encodeTransaction, marketTermsSigningBytes } from "./transaction.ts";

const FOUR = ["a", "b", "c", "d"];
const QUORUM = ["a", "b", "c"];
const DELAY_MS = 20_000;
const pause: MarketAct = { kind: "restrict", mode: "paused" };
const reduce: MarketAct = { kind: "restrict", mode: "reduce-only" };

function four(dev = true): TestChain {
  const chain = new TestChain({ owners: FOUR, dev, margin: { termsDelayMs: DELAY_MS } });
  chain.block();
  return chain;
}

function schedule(amounts: Partial<MarketAmounts>, opens = false): MarketAct {
  const list = Object.entries(amounts).map(([name, value]) => ({ name, value }) as AmountChange);
  return { kind: "schedule", opens, amounts: list };
}

function market(chain: TestChain) {
  const [first] = chain.state.margin.markets;
  if (first === undefined) throw new Error("no market");
  return first;
}

let nonce = 10;
function decide(chain: TestChain, act: MarketAct): string {
  nonce += 1;
  return chain.block({ transactions: [chain.marketTerms(act, QUORUM, { nonce })] })[0] ?? "";
}

describe("who decides", () => {
  test("rule PARAMETERS: owners with a quorum of the power decide, each once, and nobody else", () => {
    const chain = four();
    const signed = chain.marketTerms(pause, QUORUM);
    const twice = { ...signed, signatures: [...signed.signatures, ...signed.signatures.slice(2)] };
    const cases = [
      ["OWNERS_BELOW_QUORUM", chain.marketTerms(pause, ["a", "b"])],
      ["OWNERS_BELOW_QUORUM", chain.marketTerms(pause, [])],
      ["OWNER_ORDER", { ...signed, signatures: signed.signatures.toReversed() }],
      ["OWNER_ORDER", twice],
      ["UNKNOWN_OWNER", chain.marketTerms(pause, [...QUORUM, "stranger"])],
    ] as const;
    for (const [code, transaction] of cases) {
      expect(chain.block({ transactions: [transaction] })).toEqual([code]);
    }
    expect(market(chain).terms.mode).toBe("open");
    // A refusal has spent no nonce.
    expect(chain.block({ transactions: [signed] })).toEqual(["OK"]);
    expect(market(chain).terms.mode).toBe("paused");
  });

  test("rule PARAMETERS: signatures are of one chain, one market, one act, one nonce, one end", () => {
    const chain = four();
    const signed = chain.marketTerms(pause, QUORUM);
    const other = { ...signed, signatures: [] };
    const foreign = QUORUM.map((name) => keyOf(`owner ${name}`))
      .toSorted()
      .map((author) => {
        const message = marketTermsSigningBytes("ee".repeat(32), other);
        return { author, signature: sign(author, message) };
      });
    const changed = [
      { ...signed, act: reduce },
      { ...signed, nonce: 2 },
      { ...signed, untilMs: signed.untilMs + 1 },
      { ...signed, signatures: foreign },
    ];
    for (const transaction of changed) {
      expect(chain.block({ transactions: [transaction] })).toEqual(["BAD_SIGNATURE"]);
    }
    const nowhere = chain.marketTerms(pause, QUORUM, { market: 1 });
    expect(chain.block({ transactions: [nowhere] })).toEqual(["UNKNOWN_MARKET"]);
  });

  test("rule PARAMETERS: a decision is executed once, and not after its end", () => {
    const chain = four();
    const signed = chain.marketTerms(pause, QUORUM);
    expect(chain.block({ transactions: [signed] })).toEqual(["OK"]);
    expect(decide(chain, reduce)).toBe("OK");
    expect(chain.block({ transactions: [signed] })).toEqual(["DUPLICATE"]);
    const used = chain.marketTerms(schedule({ takerFeePpm: 1n }), QUORUM, { nonce: 1 });
    expect(chain.block({ transactions: [used] })).toEqual(["NONCE_USED"]);
    const untilMs = chain.state.timestampMs;
    const late = chain.marketTerms(pause, QUORUM, { nonce: 2, untilMs });
    expect(chain.block({ transactions: [late] })).toEqual(["TERMS_EXPIRED"]);
    expect(market(chain).terms.mode).toBe("reduce-only");
  });

  test("one decision about a market in a block", () => {
    const chain = four();
    const first = chain.marketTerms(schedule({ takerFeePpm: 1n }), QUORUM);
    const second = chain.marketTerms(schedule({ takerFeePpm: 2n }), QUORUM, { nonce: 2 });
    const codes = chain.block({ transactions: [first, second] });
    expect(codes).toEqual(["OK", "TERMS_TURN_TAKEN"]);
    expect(chain.block({ transactions: [second] })).toEqual(["TERMS_SCHEDULED"]);
  });
});

describe("what they may decide", () => {
  test("what changes nothing is refused", () => {
    const chain = four();
    expect(decide(chain, schedule({}, true))).toBe("MODE_UNCHANGED");
    expect(decide(chain, schedule({}))).toBe("NOTHING_CHANGES");
    expect(decide(chain, { kind: "cancel" })).toBe("NOTHING_SCHEDULED");
    expect(decide(chain, pause)).toBe("OK");
    expect(decide(chain, pause)).toBe("MODE_UNCHANGED");
    expect(decide(chain, schedule({}, true))).toBe("OK");
    expect(decide(chain, schedule({ takerFeePpm: 1n }))).toBe("TERMS_SCHEDULED");
    // The same mode again takes the opening back.
    expect(decide(chain, pause)).toBe("OK");
    expect(decide(chain, { kind: "cancel" })).toBe("NOTHING_SCHEDULED");
  });

  test.each<[string, boolean, Partial<MarketAmounts>, string, string]>([
    ["the unit of positions", true, { microUsdPerLotTick: 100n }, "AMOUNT_FIXED", "act.amounts[0]"],
    [
      "a margin above 100 %",
      true,
      { initialMarginPpm: 1_000_001n },
      "TERMS_INVALID",
      "initialMarginPpm",
    ],
    [
      "maintenance as high as initial",
      true,
      { maintenanceMarginPpm: 40_000n },
      "TERMS_INVALID",
      "maintenanceMarginPpm",
    ],
    ["a negative fee", true, { takerFeePpm: -1n }, "TERMS_INVALID", "takerFeePpm"],
    ["25 digits", true, { orderLotsMax: 10n ** 24n }, "TERMS_INVALID", "orderLotsMax"],
    ["no order at all", true, { orderLotsMax: 0n }, "TERMS_INVALID", "orderLotsMax"],
    [
      "funding above maintenance",
      true,
      { fundingCapPpm: 20_001n },
      "TERMS_INVALID",
      "fundingCapPpm",
    ],
    [
      "samples that do not divide",
      true,
      { fundingSampleMs: 7n },
      "TERMS_INVALID",
      "fundingSampleMs",
    ],
    ["uncapped open interest", false, { corruptMovePpm: 0n }, "TERMS_INVALID", "corruptMovePpm"],
    [
      "a short interval",
      false,
      { fundingIntervalMs: 60_000n },
      "TERMS_INVALID",
      "fundingIntervalMs",
    ],
  ])("rule PARAMETERS: no genesis may say %s, and no owner", (_name, dev, amounts, code, field) => {
    const chain = new TestChain({ owners: FOUR, dev });
    chain.block();
    expect(decide(chain, schedule(amounts))).toBe(code);
    expect(chain.last?.receipts[0]?.field).toContain(field);
    expect(chain.last?.receipts[0]?.fix).not.toBe("");
    expect(market(chain).terms.scheduled).toBeUndefined();
  });

  test("a chain whose genesis is not marked dev keeps the timelock of a day", () => {
    const chain = new TestChain({ owners: FOUR, dev: false });
    chain.block();
    expect(decide(chain, schedule({ takerFeePpm: 1n }))).toBe("OK");
    const fromMs = chain.state.clockMs + 86_400_000;
    expect(market(chain).terms.scheduled).toMatchObject({ fromMs });
  });
});

describe("what comes of it", () => {
  test("rule PARAMETERS: it holds after the timelock, across a reload of the state", () => {
    const chain = four();
    expect(decide(chain, schedule({ takerFeePpm: 77n }))).toBe("OK");
    const dueMs = chain.state.clockMs + DELAY_MS;
    chain.state = reload(chain);
    while (chain.state.clockMs < dueMs - 400) chain.block();
    expect(market(chain).parameters.takerFeePpm).toBe(300n);
    chain.state = reload(chain);
    while (chain.state.clockMs < dueMs) chain.block();
    expect(market(chain).parameters.takerFeePpm).toBe(77n);
    const told = chain.events("margin").map(({ event }) => event);
    expect(told).toContainEqual(
      expect.objectContaining({ kind: "market-terms", step: "in-effect" }),
    );
    expect(reload(chain).stateRoot).toBe(chain.state.stateRoot);
  });

  test("a decision survives its bytes", () => {
    const amounts = fc.uniqueArray(
      fc.record({
        name: fc.constantFrom("initialMarginPpm", "takerFeePpm", "priceBandPpm", "fundingCapPpm"),
        value: fc.bigInt(0n, 2n ** 100n),
      }),
      { selector: ({ name }) => name },
    );
    const order = ["initialMarginPpm", "takerFeePpm", "priceBandPpm", "fundingCapPpm"];
    const act = fc.oneof(
      fc.constantFrom(pause, reduce, { kind: "cancel" } as const),
      fc.tuple(fc.boolean(), amounts).map(
        ([opens, list]): MarketAct => ({
          kind: "schedule",
          opens,
          amounts: list.toSorted(
            (one, two) => order.indexOf(one.name) - order.indexOf(two.name),
          ) as AmountChange[],
        }),
      ),
    );
    const chain = four();
    fc.assert(
      fc.property(act, fc.nat(5), fc.nat(), (each, id, untilMs) => {
        const terms = chain.marketTerms(each, QUORUM, { market: id, untilMs });
        expect(decodeTransaction(encodeTransaction(terms))).toEqual({ ok: true, value: terms });
      }),
    );
  });
});
