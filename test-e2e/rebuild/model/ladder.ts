import { abs, byKey, ceil, floor, max, min, PPM, type Share, share, sign } from "./arithmetic.ts";
import { fill } from "./fills.ts";
import { cancel, take } from "./matching.ts";
import {
  equity,
  initialMargin,
  maintenanceMargin,
  ordersOf,
  requirement,
  sizes,
  value,
} from "./numbers.ts";
import {
  type Account,
  CLOSE_OUT_AFTER_MISSES,
  CLOSE_OUTS_PER_BLOCK_MAX,
  getAccount,
  getMarket,
  getPosition,
  LIQUIDATIONS_PER_BLOCK_MAX,
  type Market,
  type Stage,
  WHOLE_POSITION_NOTIONAL,
  type World,
} from "./world.ts";

/** Rules CALL and LADDER, node/spec/margin.md §7. */
export function climbLadder(world: World): void {
  const candidates: Candidate[] = [];
  for (const account of world.accounts) {
    const candidate = examine(world, account);
    if (candidate !== undefined) candidates.push(candidate);
  }
  candidates.sort(byUrgency);
  let closeOuts = CLOSE_OUTS_PER_BLOCK_MAX;
  for (const [place, { account }] of candidates.entries()) {
    const kind = dueNow(world, account);
    if (place >= LIQUIDATIONS_PER_BLOCK_MAX || (kind === "close-out" && closeOuts === 0)) {
      account.waited += 1;
      continue;
    }
    account.waited = 0;
    if (kind === "close-out") closeOuts -= 1;
    serve(world, account);
  }
}

/** §7.3, steps 1, 3 and 4: what serving the account would be at this moment. */
function dueNow(world: World, account: Account): "nothing" | "close-out" | "order" {
  const worth = equity(world, account);
  const maintenance = maintenanceMargin(world, sizes(account));
  if (worth >= maintenance) return "nothing";
  const isHopeless = account.misses >= CLOSE_OUT_AFTER_MISSES && 2n * worth < maintenance;
  return worth < 0n || isHopeless ? "close-out" : "order";
}

interface Candidate {
  readonly account: Account;
  readonly equity: bigint;
  readonly maintenance: bigint;
}

/** §7.3: who waits longest, then the worst ratio, then the key. */
function byUrgency(left: Candidate, right: Candidate): number {
  if (left.account.waited !== right.account.waited) {
    return right.account.waited - left.account.waited;
  }
  if ((left.maintenance === 0n) !== (right.maintenance === 0n)) {
    return left.maintenance === 0n ? -1 : 1;
  }
  const byRatio = sign(left.equity * right.maintenance - right.equity * left.maintenance);
  return byRatio === 0n ? byKey(left.account, right.account) : Number(byRatio);
}

/** §7.1 for one account: its new stage; a candidate for liquidation if there is cause. */
function examine(world: World, account: Account): Candidate | undefined {
  const held = world.markets.filter(({ rules }) => getPosition(account, rules.id).size !== 0n);
  const isExamined = held.length > 0 || account.balance < 0n || account.stage !== "healthy";
  if (!isExamined || held.some(({ state }) => state === "stale")) return undefined;
  const isFresh = held.every(({ state }) => state === "fresh");
  const numbers = {
    equity: equity(world, account),
    initial: initialMargin(world, sizes(account)),
    maintenance: maintenanceMargin(world, sizes(account)),
  };
  const stage = nextStage(world, account, { ...numbers, isFresh });
  if (stage !== account.stage) enterStage(world, account, { ...numbers, stage });
  const { maintenance } = numbers;
  const isBreached = numbers.equity < maintenance && isFresh;
  return isBreached ? { account, equity: numbers.equity, maintenance } : undefined;
}

interface Numbers {
  readonly equity: bigint;
  readonly initial: bigint;
  readonly maintenance: bigint;
}

function nextStage(
  world: World,
  { stage, deadlineMs }: Account,
  { equity: worth, initial, maintenance, isFresh }: Numbers & { readonly isFresh: boolean },
): Stage {
  if (worth >= initial) return "healthy";
  if (worth < maintenance) {
    if (isFresh) return "liquidating";
    return stage === "healthy" ? "called" : stage;
  }
  if (stage === "healthy") return "called";
  if (stage === "liquidating") return "reduce-only";
  if (stage === "called" && isFresh && world.clockMs >= deadlineMs) return "reduce-only";
  return stage;
}

function enterStage(
  world: World,
  account: Account,
  { stage, equity: worth, initial, maintenance }: Numbers & { readonly stage: Stage },
): void {
  const from = account.stage;
  account.stage = stage;
  account.deadlineMs = stage === "called" ? world.clockMs + world.rules.callDeadlineMs : 0;
  if (from === "liquidating") {
    account.waited = 0;
    account.misses = 0;
  }
  world.events.push({
    kind: "stage",
    account: account.key,
    from,
    to: stage,
    equity: worth,
    initialMargin: initial,
    maintenanceMargin: maintenance,
    deadlineMs: account.deadlineMs,
  });
  if (stage === "reduce-only" || stage === "liquidating") cancelAll(world, account);
}

/** §7.2: oldest first by (market, sequence). */
function cancelAll(world: World, account: Account): void {
  const open = ordersOf(world, account.key).sort(
    (left, right) => left.market - right.market || left.sequence - right.sequence,
  );
  for (const order of open) cancel(world, order, "ladder");
}

function serve(world: World, account: Account): void {
  const kind = dueNow(world, account);
  if (kind === "nothing") return;
  cancelAll(world, account);
  const worth = equity(world, account);
  const maintenance = maintenanceMargin(world, sizes(account));
  if (kind === "close-out") closeOut(world, account);
  else liquidate(world, account, { worth, maintenance });
}

/** §7.4: one order, limited by the bankruptcy price and the band. */
function liquidate(
  world: World,
  account: Account,
  { worth, maintenance }: { worth: bigint; maintenance: bigint },
): void {
  const own = (market: Market): bigint => {
    const { size } = getPosition(account, market.rules.id);
    return requirement(market, size, market.rules.maintenanceMarginPpm);
  };
  const market = world.markets.reduce((most, other) => (own(other) > own(most) ? other : most));
  const { id, priceBandPpm, liquidationFeePpm, microUsdPerLotTick } = market.rules;
  const { size } = getPosition(account, id);
  const held = abs(size);
  const room = floor(floor(worth * own(market), maintenance), held * microUsdPerLotTick);
  const width = min(room, floor(market.price * priceBandPpm, PPM));
  const side = size > 0n ? "sell" : "buy";
  const limit = size > 0n ? max(1n, market.price - width) : market.price + width;
  const lots = lotsToClose(market, held);
  const place = world.events.length;
  const terms = { side, limit, lots, clientId: undefined, selfTrade: "cancel-maker" } as const;
  const taken = take(world, { account, market, ...terms });
  const wanted = ceil(taken.value * liquidationFeePpm, PPM);
  const fee = min(wanted, max(0n, equity(world, account)));
  account.balance -= fee;
  world.fund += fee;
  account.misses = taken.filled === lots ? 0 : account.misses + 1;
  world.events.splice(place, 0, {
    kind: "liquidation",
    account: account.key,
    market: id,
    size: -sign(size) * lots,
    limit,
    filled: taken.filled,
    fee,
  });
}

function lotsToClose(market: Market, held: bigint): bigint {
  if (value(market, held, market.price) <= WHOLE_POSITION_NOTIONAL) return held;
  return min(held, max(1n, ceil(held * market.rules.liquidationSharePpm, PPM)));
}

/**
 * §7.5: against opposite positions at the index price; then the deficit is paid, if there is one.
 */
function closeOut(world: World, account: Account): void {
  account.misses = 0;
  for (const market of world.markets) closeOutIn(world, account, market);
  if (account.balance >= 0n) return;
  const deficit = -account.balance;
  const paidByFund = min(world.fund, deficit);
  const paidByCut = deficit - paidByFund;
  const claims = world.accounts
    .filter((other) => other !== account)
    .map((other) => ({ key: other.key, weight: max(0n, equity(world, other)) }));
  const cuts = share(paidByCut, claims);
  world.fund -= paidByFund;
  account.balance = 0n;
  for (const { key, amount } of cuts) {
    const payer = getAccount(world, key);
    payer.balance -= amount;
    payer.debt += amount;
  }
  world.events.push({
    kind: "deficit",
    account: account.key,
    deficit,
    paidByFund,
    paidByCut,
    cuts: cuts.map(({ key, amount }) => ({ account: key, amount })),
  });
}

function closeOutIn(world: World, account: Account, market: Market): void {
  const { id } = market.rules;
  const { size } = getPosition(account, id);
  if (size === 0n) return;
  const opposite = world.accounts.filter(
    (other) => sign(getPosition(other, id).size) === -sign(size),
  );
  const shares: Share[] = share(
    abs(size),
    opposite.map((other) => ({ key: other.key, weight: abs(getPosition(other, id).size) })),
  );
  const { price } = getMarket(world, id);
  for (const { key, amount } of shares) {
    fill(world, getAccount(world, key), { market, change: sign(size) * amount, price });
  }
  fill(world, account, { market, change: -size, price });
  world.events.push({
    kind: "close-out",
    account: account.key,
    market: id,
    size,
    price,
    against: shares.map(({ key, amount }) => ({ account: key, size: amount })),
  });
}
