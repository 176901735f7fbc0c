import type { AccountKey } from "@quorate/client/account-key";
import { Bundle, type SignedBundle } from "@quorate/client/bundle";
import type { CertifiedReceipt } from "@quorate/client/certified-receipt";
import type { QuorateClient } from "@quorate/client/client";
import { ChainRefusalError } from "@quorate/client/errors";
import { countingNonces, type NonceSource } from "@quorate/client/nonces";
import type { Digest, Height, MicroUsd, PublicKey } from "@quorate/node/kernel/scalars";
import type { ActionOutcome, Lots, Ticks } from "@quorate/node/margin/types";
import type { CommandOutput } from "../output.ts";
import { oneOf, parseCounter, parsePositive, parseUsd, usd } from "../quantities.ts";
import { findMarket, type MarketName, nameOf } from "./market-name.ts";

/** What is about to leave; `nonce` makes the same bytes again, where the transaction has one. */
export type Sending = Pick<SignedBundle, "id"> & { readonly nonce: number | undefined };

/** What a transaction needs; `sending` hears its id before the first byte leaves. */
export interface Signing {
  readonly client: Pick<QuorateClient, "submit" | "genesis" | "chainId" | "trustedSet">;
  /** Of the account, or of its session. */
  readonly key: AccountKey;
  /** Where `key` is a session's: whose, and which. */
  readonly session?: { readonly account: PublicKey; readonly id: Digest };
  readonly nonces: NonceSource;
  readonly sending: (sent: Sending) => void;
}

/** What every transaction's document says. */
export interface Executed {
  readonly account: PublicKey;
  readonly transaction: Digest;
  readonly height: Height;
  /** Block time. */
  readonly timestampMs: number;
  readonly signers: number;
}

/** Of a transaction that takes one of the account's nonces. */
export interface Sent extends Executed {
  readonly nonce: number;
}

export interface OrderPlaceDocument extends Sent {
  readonly command: "order place";
  readonly market: MarketName;
  readonly clientId: number;
  readonly side: "buy" | "sell";
  readonly sizeLots: Lots;
  readonly priceTicks: Ticks;
  readonly filledLots: Lots;
  readonly restingLots: Lots;
}

export interface CancelDocument extends Sent {
  readonly command: "cancel";
  readonly market: MarketName;
  readonly clientId: number;
}

export interface CancelAllDocument extends Sent {
  readonly command: "cancel-all";
}

export interface WithdrawDocument extends Sent {
  readonly command: "withdraw";
  readonly amountMicroUsd: MicroUsd;
}

export interface OrderArguments {
  readonly market: string;
  readonly side: string;
  readonly size: string;
  readonly price: string;
  readonly timeInForce?: string;
  readonly selfTrade?: string;
  /** Block time in ms, of a gtt order. */
  readonly until?: string;
  readonly reduceOnly?: boolean;
  readonly clientId?: string;
  readonly nonce?: string;
}

const TIMES_IN_FORCE = ["gtc", "ioc", "post-only", "fok", "gtt"] as const;
const SELF_TRADE_MODES = ["cancel-maker", "cancel-taker", "cancel-both", "decrement"] as const;

export async function placeOrder(
  signing: Signing,
  given: OrderArguments,
): Promise<CommandOutput & { readonly document: OrderPlaceDocument }> {
  const market = findMarket(signing.client.genesis, given.market);
  const nonce = nonceOf(given.nonce, signing.nonces);
  const order = {
    market: market.id,
    clientId: given.clientId === undefined ? nonce : parseCounter(given.clientId, "--client-id"),
    side: oneOf(given.side, "--side", ["buy", "sell"] as const),
    size: parsePositive(given.size, "--size", "lots"),
    price: parsePositive(given.price, "--price", "ticks"),
    timeInForce: oneOf(given.timeInForce ?? "gtc", "--tif", TIMES_IN_FORCE),
    reduceOnly: given.reduceOnly ?? false,
    selfTrade: oneOf(given.selfTrade ?? "cancel-maker", "--self-trade", SELF_TRADE_MODES),
    untilMs: given.until === undefined ? 0 : parseCounter(given.until, "--until"),
  };
  const { sent, outcome } = await send(signing, nonce, (bundle) => bundle.place(order));
  const document = {
    command: "order place",
    ...sent,
    market: nameOf(market),
    clientId: order.clientId,
    side: order.side,
    sizeLots: order.size,
    priceTicks: order.price,
    filledLots: outcome.filled,
    restingLots: outcome.resting,
  } as const;
  return { document, lines: [placedLine(document), sentLine(sent)] };
}

export async function cancelOrder(
  signing: Signing,
  given: { readonly market: string; readonly clientId: string; readonly nonce?: string },
): Promise<CommandOutput & { readonly document: CancelDocument }> {
  const market = findMarket(signing.client.genesis, given.market);
  const clientId = parseCounter(given.clientId, "--client-id");
  const nonce = nonceOf(given.nonce, signing.nonces);
  const { sent } = await send(signing, nonce, (bundle) =>
    bundle.cancel({ market: market.id, clientId }),
  );
  return {
    document: { command: "cancel", ...sent, market: nameOf(market), clientId },
    lines: [`order ${clientId} in ${market.name} is cancelled`, sentLine(sent)],
  };
}

export async function cancelAllOrders(
  signing: Signing,
  given: { readonly nonce?: string },
): Promise<CommandOutput & { readonly document: CancelAllDocument }> {
  const nonce = nonceOf(given.nonce, signing.nonces);
  const { sent } = await send(signing, nonce, (bundle) => bundle.cancelAll());
  return {
    document: { command: "cancel-all", ...sent },
    lines: [`all open orders of ${sent.account} are cancelled`, sentLine(sent)],
  };
}

export async function withdraw(
  signing: Signing,
  given: { readonly amount: string; readonly nonce?: string },
): Promise<CommandOutput & { readonly document: WithdrawDocument }> {
  const amount = parseUsd(given.amount, "--amount");
  const nonce = nonceOf(given.nonce, signing.nonces);
  const { sent } = await send(signing, nonce, (bundle) => bundle.withdraw(amount));
  return {
    document: { command: "withdraw", ...sent, amountMicroUsd: amount },
    lines: [`${usd(amount)} USD are withdrawn`, sentLine(sent)],
  };
}

/** Signs one action, waits for its certified receipt, and throws where the chain refused it. */
async function send(
  signing: Signing,
  nonce: number,
  fill: (bundle: Bundle) => void,
): Promise<{ readonly sent: Sent; readonly outcome: ActionOutcome }> {
  const { client, key, session } = signing;
  const { bundleActionsMax } = client.genesis.parameters.margin;
  const bundle = new Bundle({
    chainId: client.chainId,
    account: key,
    nonces: countingNonces(nonce),
    actionsMax: bundleActionsMax,
    ...(session !== undefined && { session }),
  });
  fill(bundle);
  const signed = bundle.sign();
  signing.sending(signed);
  const certified = await client.submit(signed.bytes);
  const outcome = outcomeOf(certified);
  const account = session?.account ?? key.publicKey;
  return { sent: { ...executed(account, certified), nonce: signed.nonce }, outcome };
}

export function executed(
  account: PublicKey,
  { receipt, height, certificate }: CertifiedReceipt,
): Executed {
  const { timestampMs } = certificate.result;
  const signers = certificate.signatures.length;
  return { account, transaction: receipt.transaction, height, timestampMs, signers };
}

/** The one action's outcome; a refused action is a refusal, although its bundle was executed. */
function outcomeOf({ receipt, height }: CertifiedReceipt): ActionOutcome {
  const outcome = receipt.outcomes[0];
  const where = { height, transaction: receipt.transaction };
  if (outcome === undefined) {
    const fix = "report this: the receipt of a bundle has an outcome for each action";
    throw new ChainRefusalError({ code: "OUTCOME_MISSING", field: "receipt", fix }, where);
  }
  if (outcome.code !== "OK") throw new ChainRefusalError(outcome, where);
  return outcome;
}

/**
 * The nonce also names the order where --client-id is not given; given again with the same
 * arguments it makes the same bytes, which the chain executes once.
 */
export function nonceOf(given: string | undefined, nonces: NonceSource): number {
  return given === undefined ? nonces.next() : parseCounter(given, "--nonce");
}

export function sentLine({ transaction, height, signers }: Executed): string {
  return `transaction ${transaction}, height ${height}, certified by ${signers} members`;
}

function placedLine(order: OrderPlaceDocument): string {
  const { side, sizeLots, filledLots, restingLots, priceTicks, market, clientId } = order;
  const done = `${side === "buy" ? "bought" : "sold"} ${filledLots} of ${sizeLots} lots`;
  const rest =
    restingLots > 0n ? `${restingLots} rest in the book at ${priceTicks} ticks` : "nothing rests";
  return `order ${clientId} in ${market.name}: ${done}, ${rest}`;
}
