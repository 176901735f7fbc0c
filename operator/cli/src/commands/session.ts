import type { AccountKey } from "@quorate/client/account-key";
import type { QuorateClient } from "@quorate/client/client";
import { InputError } from "@quorate/client/errors";
import { countingNonces } from "@quorate/client/nonces";
import { readSessions } from "@quorate/client/open-session";
import { revokeSessionTransaction, sessionTransaction } from "@quorate/client/session";
import type { Digest, Height, MicroUsd, Millis, PublicKey } from "@quorate/node/kernel/scalars";
import type { Genesis } from "@quorate/node/ledger/genesis-file";
import type { Session } from "@quorate/node/ledger/state";
import { transactionId } from "@quorate/node/ledger/transaction";
import type { SessionScope } from "@quorate/node/ledger/types";
import type { Lots } from "@quorate/node/margin/types";
import type { CommandOutput } from "../output.ts";
import {
  instant,
  oneOf,
  parseCounter,
  parseHex32,
  parsePositive,
  parseUsd,
  usd,
} from "../quantities.ts";
import { table } from "../table.ts";
import { findMarket, type MarketName, nameOf } from "./market-name.ts";
import { type Executed, executed, nonceOf, type Sent, type Signing, sentLine } from "./order.ts";

interface SessionFields {
  /** Id of the transaction that opened it. */
  readonly session: Digest;
  readonly key: PublicKey;
  /** Block time from which on it signs nothing. */
  readonly expiresMs: Millis;
  readonly place: boolean;
  readonly cancel: boolean;
  /** Empty: all markets. */
  readonly markets: readonly MarketName[];
  /** Of one order; null: no bound of the session's own. */
  readonly orderLotsMax: Lots | null;
  readonly orderNotionalMaxMicroUsd: MicroUsd | null;
}

export interface SessionOpenDocument extends Sent, SessionFields {
  readonly command: "session open";
}

export interface SessionListDocument {
  readonly command: "session list";
  readonly account: PublicKey;
  readonly height: Height;
  readonly timestampMs: Millis;
  /** Oldest first; one whose end came stays until the chain removes it, with `open` false. */
  readonly sessions: readonly (SessionFields & { readonly open: boolean })[];
}

export interface SessionRevokeDocument extends Executed {
  readonly command: "session revoke";
  readonly session: Digest;
}

export interface OpenArguments {
  readonly until: string;
  readonly market?: readonly string[];
  readonly only?: string;
  readonly lotsMax?: string;
  readonly notionalMax?: string;
  readonly nonce?: string;
}

/** Opens a session for `key`; the end is absolute, so the same words make the same bytes again. */
export async function openSession(
  { client, key: account, nonces, sending }: Signing,
  key: AccountKey,
  given: OpenArguments,
): Promise<CommandOutput & { readonly document: SessionOpenDocument }> {
  const { chainId, genesis } = client;
  const scope = scopeOf(genesis, given);
  const expiresMs = parseCounter(given.until, "--until");
  const nonce = nonceOf(given.nonce, nonces);
  const signed = sessionTransaction({
    ...{ chainId, account, nonces: countingNonces(nonce) },
    ...{ key: key.publicKey, expiresMs, scope },
  });
  sending(signed);
  const sent = { ...executed(account.publicKey, await client.submit(signed.bytes)), nonce };
  const session = { id: signed.id, key: key.publicKey, expiresMs, scope };
  return {
    document: { command: "session open", ...sent, ...fieldsOf(session, genesis) },
    lines: [`session ${signed.id} is open until ${instant(expiresMs)}`, sentLine(sent)],
  };
}

/** The chain proves the list, also that it is empty. */
export async function listSessions(
  client: Pick<QuorateClient, "state" | "head" | "genesis">,
  account: PublicKey,
): Promise<CommandOutput & { readonly document: SessionListDocument }> {
  const { value = [], height, timestampMs } = await readSessions(client, account);
  const sessions = value.map((session) => ({
    ...fieldsOf(session, client.genesis),
    open: session.expiresMs > timestampMs,
  }));
  const document = { command: "session list", account, height, timestampMs, sessions } as const;
  if (sessions.length === 0) {
    return { document, lines: [`account ${account} has no session (height ${height})`] };
  }
  const columns = ["session", "key", "ends", "may", "markets"] as const;
  return {
    document,
    lines: table(
      columns.map((title) => ({ title, align: "left" })),
      sessions.map((each) => [
        each.session,
        each.key,
        each.open ? instant(each.expiresMs) : "ended",
        rightsOf(each),
        each.markets.length === 0 ? "all" : each.markets.map(({ name }) => name).join(" "),
      ]),
    ),
  };
}

/** Signed by the account's key, or by the session's own. */
export async function revokeSession(
  { client, key, session: own, sending }: Signing,
  given: { readonly id: string },
): Promise<CommandOutput & { readonly document: SessionRevokeDocument }> {
  const session = parseHex32(given.id, "--id");
  const account = own?.account ?? key.publicKey;
  const { chainId } = client;
  const bytes = revokeSessionTransaction({ chainId, account, session, signer: key });
  sending({ id: transactionId(bytes), nonce: undefined });
  const done = executed(account, await client.submit(bytes));
  return {
    document: { command: "session revoke", ...done, session },
    lines: [`session ${session} is revoked; its orders rest on`, sentLine(done)],
  };
}

function scopeOf(genesis: Genesis, given: OpenArguments): SessionScope {
  const { only, lotsMax, notionalMax } = given;
  const action =
    only === undefined ? undefined : oneOf(only, "--only", ["place", "cancel"] as const);
  const markets = new Set((given.market ?? []).map((name) => findMarket(genesis, name).id));
  return {
    place: action !== "cancel",
    cancel: action !== "place",
    markets: [...markets].toSorted((a, b) => a - b),
    orderLotsMax: lotsMax === undefined ? 0n : parsePositive(lotsMax, "--lots-max", "lots"),
    orderNotionalMax: notionalMax === undefined ? 0n : parseBound(notionalMax),
  };
}

/** On the chain 0 is no bound at all: who writes 0 means the opposite. */
function parseBound(text: string): MicroUsd {
  const bound = parseUsd(text, "--notional-max");
  if (bound > 0n) return bound;
  const fix = "give an amount above 0, or leave it out for no bound";
  throw new InputError({ code: "ARGUMENT_MALFORMED", field: "--notional-max", fix });
}

function fieldsOf({ id, key, expiresMs, scope }: Session, genesis: Genesis): SessionFields {
  const { place, cancel, orderLotsMax, orderNotionalMax } = scope;
  return {
    ...{ session: id, key, expiresMs, place, cancel },
    markets: scope.markets.map((market) => findMarket(genesis, String(market))).map(nameOf),
    orderLotsMax: orderLotsMax === 0n ? null : orderLotsMax,
    orderNotionalMaxMicroUsd: orderNotionalMax === 0n ? null : orderNotionalMax,
  };
}

function rightsOf(session: SessionFields): string {
  const { place, cancel, orderLotsMax, orderNotionalMaxMicroUsd: notional } = session;
  const bounds = [
    ...(orderLotsMax === null ? [] : [`up to ${orderLotsMax} lots`]),
    ...(notional === null ? [] : [`up to ${usd(notional)} USD`]),
  ];
  const actions = [...(place ? ["place"] : []), ...(cancel ? ["cancel"] : [])];
  return [...actions, ...bounds].join(", ");
}
