import type { AccountKey } from "@quorate/client/account-key";
import type { QuorateClient } from "@quorate/client/client";
import { InputError } from "@quorate/client/errors";
import {
  type MarketDecision,
  marketTermsTransaction,
  signMarketTerms,
} from "@quorate/client/staking";
import { toHex } from "@quorate/node/kernel/bytes";
import type { Digest, Height, Millis, PublicKey } from "@quorate/node/kernel/scalars";
import type { Genesis } from "@quorate/node/ledger/genesis-file";
import {
  type AmountChange,
  MARKET_AMOUNTS,
  type MarketAct,
  type MarketMode,
} from "@quorate/node/margin/types";
import { type CommandOutput, toJson } from "../output.ts";
import { instant, oneOf, parseCounter } from "../quantities.ts";
import { type ConsentFile, type Fields, readConsents } from "./consent-files.ts";
import { findMarket } from "./market-name.ts";

interface TermsFields {
  readonly market: number;
  readonly nonce: number;
  readonly untilMs: Millis;
  /** A mode holds at once; everything else after the timelock. */
  readonly act: "restrict" | "schedule" | "cancel";
  /** Null but for `restrict`. */
  readonly mode: Exclude<MarketMode, "open"> | null;
  readonly opens: boolean;
  readonly amounts: readonly AmountChange[];
}

/** One owner's consent, as a file that travels to whoever submits it. */
export interface MarketSignDocument extends TermsFields {
  readonly command: "market sign";
  readonly chainId: Digest;
  readonly owner: PublicKey;
  readonly signature: string;
}

export interface MarketSubmitDocument extends TermsFields {
  readonly command: "market submit";
  readonly owners: readonly PublicKey[];
  readonly transaction: Digest;
  readonly height: Height;
  readonly timestampMs: Millis;
  readonly signers: number;
}

export interface MarketArguments {
  readonly restrict?: string;
  readonly open?: boolean;
  readonly set?: readonly string[];
  readonly cancel?: boolean;
  readonly nonce: string;
  readonly until: string;
}

const RESTRICTIONS = ["reduce-only", "paused"] as const;

function amountOf(given: string): AmountChange {
  const [name = "", value = "", ...rest] = given.split("=");
  const known = oneOf(name, "--set", MARKET_AMOUNTS);
  if (rest.length === 0 && /^\d{1,24}$/.test(value)) return { name: known, value: BigInt(value) };
  const fix = `"${given}" is not such as ${known}=50000, in whole units of the genesis field`;
  throw new InputError({ code: "ARGUMENT_MALFORMED", field: "--set", fix });
}

/** In the chain's order, each once. */
function amountsOf(given: readonly string[]): readonly AmountChange[] {
  const amounts = given.map(amountOf);
  const sorted = MARKET_AMOUNTS.flatMap((name) => amounts.find((each) => each.name === name) ?? []);
  if (sorted.length === amounts.length) return sorted;
  const fix = "it names one amount twice: write each once";
  throw new InputError({ code: "ARGUMENT_MALFORMED", field: "--set", fix });
}

function actOf({ restrict, open = false, set = [], cancel = false }: MarketArguments): MarketAct {
  const isSchedule = open || set.length > 0;
  const named = [restrict !== undefined, cancel, isSchedule].filter(Boolean).length;
  if (named !== 1) {
    const fix = "say one thing: --restrict, --cancel, or what is scheduled by --open and --set";
    throw new InputError({ code: "ARGUMENT_MALFORMED", field: "--restrict", fix });
  }
  if (cancel) return { kind: "cancel" };
  if (isSchedule) return { kind: "schedule", opens: open, amounts: amountsOf(set) };
  return { kind: "restrict", mode: oneOf(restrict ?? "", "--restrict", RESTRICTIONS) };
}

function fieldsOf({ market, nonce, untilMs, act }: MarketDecision): TermsFields {
  const mode = act.kind === "restrict" ? act.mode : null;
  const planned = act.kind === "schedule" ? act : { opens: false, amounts: [] };
  const { opens, amounts } = planned;
  return { market, nonce, untilMs, act: act.kind, mode, opens, amounts };
}

function lineOf({ market, act, mode, opens, amounts }: TermsFields): string {
  if (act === "restrict") return `market ${market} is ${mode} at once`;
  if (act === "cancel") return `market ${market}: what is scheduled is cancelled`;
  const changes = amounts.map(({ name, value }) => `${name} ${value}`);
  return `market ${market}, after the timelock: ${[...(opens ? ["open"] : []), ...changes].join(", ")}`;
}

/** Needs no connection: the machine that has the owner's key need not have one. */
export function signMarketFile(
  given: MarketArguments & { readonly market: string },
  of: { readonly chainId: Digest; readonly genesis: Genesis; readonly owner: AccountKey },
): CommandOutput & { readonly document: MarketSignDocument } {
  const { chainId, genesis, owner } = of;
  const decision: MarketDecision = {
    market: findMarket(genesis, given.market, "MARKET").id,
    nonce: parseCounter(given.nonce, "--nonce"),
    untilMs: parseCounter(given.until, "--until"),
    act: actOf(given),
  };
  const { author, signature } = signMarketTerms(decision, { chainId, owner });
  const fields = fieldsOf(decision);
  const signed = { chainId, ...fields, owner: author, signature: toHex(signature) };
  const document = { command: "market sign", ...signed } as const;
  const until = `counts until ${instant(decision.untilMs)}`;
  return {
    document,
    lines: [`signed by ${author}, ${until}: ${lineOf(fields)}`, toJson(document)],
  };
}

function decisionOf(read: Fields, file: string): MarketDecision {
  const field = (name: string): string => String(read[name] ?? "");
  const amounts: readonly Fields[] = Array.isArray(read["amounts"]) ? read["amounts"] : [];
  const kind = oneOf(field("act"), `${file} act`, ["restrict", "schedule", "cancel"]);
  const act = actOf({
    nonce: "",
    until: "",
    ...(kind === "restrict" ? { restrict: field("mode") } : {}),
    open: kind === "schedule" && read["opens"] === true,
    set: kind === "schedule" ? amounts.map(({ name, value }) => `${name}=${value}`) : [],
    cancel: kind === "cancel",
  });
  return {
    market: parseCounter(field("market"), `${file} market`),
    nonce: parseCounter(field("nonce"), `${file} nonce`),
    untilMs: parseCounter(field("untilMs"), `${file} untilMs`),
    act,
  };
}

/** Sends the owners' consents to one decision as one transaction; the chain counts their power. */
export async function submitMarket(
  client: Pick<QuorateClient, "submit" | "chainId">,
  files: readonly ConsentFile[],
  sending: (bytes: Uint8Array) => void,
): Promise<CommandOutput & { readonly document: MarketSubmitDocument }> {
  const form = { command: "market sign", chainId: client.chainId, parse: decisionOf };
  const { fields: decision, signatures } = readConsents(files, form);
  const bytes = marketTermsTransaction(decision, signatures);
  sending(bytes);
  const { receipt, height, certificate } = await client.submit(bytes);
  const fields = fieldsOf(decision);
  const document = {
    command: "market submit",
    ...fields,
    owners: signatures.map(({ author }) => author),
    transaction: receipt.transaction,
    height,
    timestampMs: certificate.result.timestampMs,
    signers: certificate.signatures.length,
  } as const;
  return { document, lines: [`${lineOf(fields)}; taken at height ${height}`] };
}
