import { PPM } from "../kernel/fixed-point.ts";
import { type Parameters, PRODUCTION } from "../kernel/parameters.ts";
import { MARKETS_MAX } from "../kernel/statements.ts";
import { MEMBERS_MAX } from "../kernel/validator-set.ts";
import { FUNDING_SAMPLES_MAX } from "../margin/limits.ts";
import { MARKET_AMOUNTS, type MarketParameters } from "../margin/types.ts";
import type { Genesis } from "./genesis-file.ts";
import { GenesisError } from "./genesis-reader.ts";
import { SESSIONS_MAX } from "./session-codec.ts";
import { CUSTODIANS_MAX, PUT_VALUE_BYTES_MAX } from "./transaction-codec.ts";

/**
 * What the fields of a genesis mean together (GENESIS, SEAT). Throws GenesisError at the first
 * fault.
 */
export function checkGenesis(genesis: Genesis): void {
  checkTimes(genesis);
  checkParameters(genesis.parameters);
  checkKeys(genesis);
  checkSeats(genesis);
  checkKeyValue(genesis);
  checkMargin(genesis);
}

const PROTECTIVE_COUNTS = new Set(["silenceBlocks", "activationDelayBlocks"]);

/** Spans and counts that protect somebody: only `dev` may make them shorter than in production. */
function isProtective(name: string): boolean {
  return /(Ms|MsMin|MsMax|Windows)$/.test(name) || PROTECTIVE_COUNTS.has(name);
}

/**
 * What credits time, or lets an old or early word count: longer protects nobody, so that in
 * production these are no longer either.
 */
const NO_LONGER = new Set([
  "blockTimeCreditMsMax",
  "clockAheadMsMax",
  "fitMs",
  "fitBlocks",
  "oracleReportMsMax",
  "sessionMsMax",
  "outflowWindowMs",
]);

/** Zero is a sensible value for these alone: no delay, no fee, no age. */
const MAY_BE_ZERO = new Set([
  "batchDelayMs",
  "newcomerAgeMsMin",
  "newcomerSpanMs",
  "gainLockMs",
  "resumeGraceMs",
  "slashPpm",
  "slashCorrelationMultiplier",
  "coolDownWindows",
  "selfHealAfterWindows",
  "sponsorBondMax",
  "registrationFee",
  "rewardPpm",
  "depositWindowMax",
  "bondHaircutPpm",
  "outflowSharePpm",
]);

function checkTimes(genesis: Genesis): void {
  const groups = ["consensus", "rotation", "margin"] as const;
  for (const group of groups) {
    const standard: Readonly<Record<string, unknown>> = { ...PRODUCTION[group] };
    for (const [name, value] of Object.entries(genesis.parameters[group])) {
      const field = `parameters.${group}.${name}`;
      if (BigInt(value) === 0n && !MAY_BE_ZERO.has(name)) {
        throw new GenesisError(field, "write a value above zero");
      }
      const least = standard[name];
      if (genesis.dev || typeof value !== "number" || typeof least !== "number") continue;
      if (isProtective(name) && value < least) {
        const fix = `${value} is below ${least}: only a genesis marked dev shortens times`;
        throw new GenesisError(field, fix, "GENESIS_TIME_SHORT");
      }
      if (NO_LONGER.has(name) && value > least) {
        const fix = `${value} is above ${least}: only a genesis marked dev stretches it`;
        throw new GenesisError(field, fix, "GENESIS_TIME_LONG");
      }
    }
  }
}

function demand(holds: boolean, field: string, fix: string, code = "GENESIS_INVALID"): void {
  if (!holds) throw new GenesisError(field, fix, code);
}

/** CAPS: 10 %. */
const CAP_FALL_PPM_MAX = 100_000n;

function checkParameters({ consensus, rotation, margin }: Parameters): void {
  demand(
    consensus.roundTimeoutMsMin <= consensus.roundTimeoutMsMax,
    "parameters.consensus.roundTimeoutMsMin",
    "write at most roundTimeoutMsMax",
  );
  demand(
    rotation.unbondingMs > rotation.evidenceMsMax,
    "parameters.rotation.unbondingMs",
    "write more than evidenceMsMax: a bond must outlast the evidence",
  );
  demand(
    rotation.absenceEveryMs >= rotation.absenceMsMax,
    "parameters.rotation.absenceEveryMs",
    "write at least absenceMsMax",
  );
  demand(rotation.slashPpm <= PPM, "parameters.rotation.slashPpm", "write at most 1000000");
  demand(rotation.rewardPpm <= PPM, "parameters.rotation.rewardPpm", "write at most 1000000");
  // Heartbeats of all spares ride in blocks.
  demand(rotation.candidatesMax <= 128, "parameters.rotation.candidatesMax", "write at most 128");
  const { sessionsMax } = margin;
  demand(sessionsMax <= SESSIONS_MAX, "parameters.margin.sessionsMax", "write at most 64");
  demand(
    margin.capFallPpm <= CAP_FALL_PPM_MAX,
    "parameters.margin.capFallPpm",
    "write at most 100000: caps fall at most 10 % an hour",
  );
  for (const name of ["bondHaircutPpm", "outflowSharePpm"] as const) {
    demand(margin[name] <= PPM, `parameters.margin.${name}`, "write at most 1000000");
  }
}

function checkDistinct(keys: readonly { readonly key: string; readonly field: string }[]): void {
  const seen = new Map<string, string>();
  for (const { key, field } of keys) {
    const first = seen.get(key);
    if (first !== undefined) {
      throw new GenesisError(field, `use another key: ${first} has it`, "GENESIS_KEY_TWICE");
    }
    seen.set(key, field);
  }
}

/**
 * Consensus, network, owner and sponsor keys are all distinct: one key in two roles is one theft
 * for both. Accounts and custodians need only be distinct among themselves.
 */
function checkKeys(genesis: Genesis): void {
  checkDistinct([
    ...genesis.owners.flatMap(({ key, sponsorKey }, index) => [
      { key, field: `owners[${index}].key` },
      { key: sponsorKey, field: `owners[${index}].sponsorKey` },
    ]),
    ...genesis.seats.flatMap(({ key, networkKey }, index) => [
      { key, field: `seats[${index}].key` },
      { key: networkKey, field: `seats[${index}].networkKey` },
    ]),
  ]);
  checkDistinct(genesis.custodians.map((key, index) => ({ key, field: `custodians[${index}]` })));
  checkDistinct(
    genesis.margin.accounts.map(({ account }, index) => ({
      key: account,
      field: `margin.accounts[${index}].account`,
    })),
  );
  const few = genesis.custodians.length <= CUSTODIANS_MAX;
  demand(few, "custodians", `name at most ${CUSTODIANS_MAX}`);
}

function checkSeats({ owners, seats }: Genesis): void {
  const enough = seats.length >= 4 && seats.length <= MEMBERS_MAX;
  demand(enough, "seats", `name 4 to ${MEMBERS_MAX} seats`, "GENESIS_TOO_FEW_SEATS");
  const total = seats.reduce((sum, { power }) => sum + power, 0n);
  const known = new Set(owners.map(({ key }) => key));
  const byOwner = new Map<string, bigint>();
  for (const [index, seat] of seats.entries()) {
    const field = `seats[${index}]`;
    demand(known.has(seat.owner), `${field}.owner`, "name one of the owners", "GENESIS_OWNER");
    demand(seat.power > 0n, `${field}.power`, "write a power above zero");
    // SEAT: one seat below a third can't stop the chain alone.
    const small = seat.power * 3n < total;
    demand(small, `${field}.power`, "write less than a third of the sum", "GENESIS_SEAT_POWER");
    byOwner.set(seat.owner, (byOwner.get(seat.owner) ?? 0n) + seat.power);
  }
  // SEAT: a genesis with fewer than four owners says so (genesisWarnings) and trusts them.
  if (byOwner.size < 4) return;
  for (const [index, { key }] of owners.entries()) {
    const held = byOwner.get(key) ?? 0n;
    const fix = "its seats hold a third of the power or more; with four owners each has less";
    demand(held * 3n < total, `owners[${index}]`, fix, "GENESIS_OWNER_POWER");
  }
}

/** Puts cost nothing and prove nothing: a chain that holds money has none. */
function checkKeyValue({ dev, keyValue }: Genesis): void {
  if (keyValue === undefined) return;
  const fix = "leave it out: only a genesis marked dev takes puts";
  demand(dev, "keyValue", fix, "GENESIS_KEY_VALUE");
  const { valueBytesMax } = keyValue;
  const sound = valueBytesMax >= 1 && valueBytesMax <= PUT_VALUE_BYTES_MAX;
  demand(sound, "keyValue.valueBytesMax", `write 1 to ${PUT_VALUE_BYTES_MAX}`);
}

function checkMargin({ margin, dev }: Genesis): void {
  const field = "margin.markets";
  const { markets } = margin;
  demand(markets.length <= MARKETS_MAX, field, `name at most ${MARKETS_MAX} markets`);
  for (const [index, market] of markets.entries()) {
    checkMarketRules(market, `${field}[${index}]`, { index, dev });
  }
}

/**
 * What a market may be, at genesis and by owners later (rule PARAMETERS).
 * @throws GenesisError that names the field, below `field`.
 */
export function checkMarketRules(
  market: MarketParameters,
  field: string,
  { index, dev }: { readonly index: number; readonly dev: boolean },
): void {
  checkMarket(market, field, index);
  checkFunding(market, field, dev);
  const isCapped = dev || market.corruptMovePpm > 0n;
  const fix = "write a value above zero: only a genesis marked dev leaves open interest uncapped";
  demand(isCapped, `${field}.corruptMovePpm`, fix, "GENESIS_UNCAPPED");
}

const HOUR_MS = 3_600_000n;
/** With fewer, a few moments make the median. */
const FUNDING_SAMPLES_MIN = 15n;
/** Half a century: beyond it an instant is no safe number. */
const FUNDING_INTERVAL_MS_MAX = 50n * 365n * 24n * HOUR_MS;

/** Funding (node/spec/margin.md §5.1). A genesis without it says so by an interval of 0. */
function checkFunding(market: MarketParameters, field: string, dev: boolean): void {
  const { fundingIntervalMs: interval, fundingSampleMs: sample, fundingCapPpm } = market;
  demand(
    fundingCapPpm <= market.maintenanceMarginPpm,
    `${field}.fundingCapPpm`,
    "write at most maintenanceMarginPpm: one payment must not make an account bankrupt",
  );
  demand(
    interval <= FUNDING_INTERVAL_MS_MAX,
    `${field}.fundingIntervalMs`,
    `write at most ${FUNDING_INTERVAL_MS_MAX}, or 0 for no funding`,
  );
  const samples = interval / sample;
  demand(
    interval % sample === 0n && samples <= FUNDING_SAMPLES_MAX,
    `${field}.fundingSampleMs`,
    `write a divisor of fundingIntervalMs, at most ${FUNDING_SAMPLES_MAX} samples an interval`,
  );
  if (dev || interval === 0n) return;
  demand(
    interval >= HOUR_MS,
    `${field}.fundingIntervalMs`,
    `${interval} is below ${HOUR_MS}: only a genesis marked dev shortens times`,
    "GENESIS_TIME_SHORT",
  );
  demand(
    samples >= FUNDING_SAMPLES_MIN,
    `${field}.fundingSampleMs`,
    `write a value that gives at least ${FUNDING_SAMPLES_MIN} samples an interval`,
  );
}

/** What the genesis reader takes of a number. */
const AMOUNT_LIMIT = 10n ** 24n;

function checkMarket(market: MarketParameters, field: string, index: number): void {
  demand(market.id === index, `${field}.id`, `write ${index}, its place in the list`);
  const positive = [
    "microUsdPerLotTick",
    "maintenanceMarginPpm",
    "liquidationSharePpm",
    "priceBandPpm",
    "orderLotsMax",
    "positionLotsMax",
    "fundingSampleMs",
    "fundingImpactNotional",
  ] as const;
  for (const name of positive) {
    demand(market[name] > 0n, `${field}.${name}`, "write a value above zero");
  }
  demand(
    market.maintenanceMarginPpm < market.initialMarginPpm,
    `${field}.maintenanceMarginPpm`,
    "write less than initialMarginPpm",
  );
  const shares = [
    "initialMarginPpm",
    "takerFeePpm",
    "liquidationFeePpm",
    "liquidationSharePpm",
    "corruptMovePpm",
  ] as const;
  for (const name of shares) {
    demand(market[name] <= PPM, `${field}.${name}`, "write at most 1000000");
  }
  for (const name of MARKET_AMOUNTS) {
    const least = market[name] >= 0n && market[name] < AMOUNT_LIMIT;
    demand(least, `${field}.${name}`, "write 0 or more, of at most 24 digits");
  }
  demand(market.priceBandPpm < PPM, `${field}.priceBandPpm`, "write less than 1000000");
}
