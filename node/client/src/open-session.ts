import type { Millis, PublicKey } from "@quorate/node/kernel/scalars";
import { leafKeys } from "@quorate/node/ledger/leaves";
import { decodeSessions } from "@quorate/node/ledger/session-codec";
import type { Session } from "@quorate/node/ledger/state";
import type { SessionScope } from "@quorate/node/ledger/types";
import { AccountKey } from "./account-key.ts";
import type { QuorateClient } from "./client.ts";
import { type Clock, systemClock } from "./clock.ts";
import { InputError } from "./errors.ts";
import { type CertifiedLeaf, readLeaf, type StateReader } from "./leaf.ts";
import { clockNonces, type NonceSource } from "./nonces.ts";
import { sessionTransaction } from "./session.ts";
import { type SessionGrant, TradingSession } from "./trading-session.ts";

interface Gathering {
  /** How long an action waits for others to share its signature with; default 5 ms. */
  readonly gatherMs?: Millis;
  readonly clock?: Clock;
}

export interface OpenSession extends Gathering {
  readonly account: AccountKey;
  /** How long it lasts, from the newest certified block's time; at most `sessionMsMax`. */
  readonly lastsMs: Millis;
  /** The session's own key; by default a new one that only this process knows. */
  readonly key?: AccountKey;
  /** What it may do; by default place and cancel, in all markets, without bounds of its own. */
  readonly scope?: Partial<SessionScope>;
  /** Nonces of the account. */
  readonly nonces?: NonceSource;
}

export interface ResumeSession extends Gathering {
  readonly account: PublicKey;
  /** The session's key. */
  readonly key: AccountKey;
}

const GATHER_MS: Millis = 5;
/** Whatever the account's key allows, save what moves money. */
const WIDEST: SessionScope = {
  ...{ place: true, cancel: true, markets: [] },
  ...{ orderLotsMax: 0n, orderNotionalMax: 0n },
};

/** Opens it on the chain; throws InputError, or as `QuorateClient.submit`. */
export async function openSession(
  client: QuorateClient,
  options: OpenSession,
): Promise<TradingSession> {
  const { account, key = AccountKey.generate(), nonces = clockNonces() } = options;
  const scope = { ...WIDEST, ...options.scope };
  checkTerm(options.lastsMs, client.genesis.parameters.margin.sessionMsMax);
  const { timestampMs } = (await client.head()).result;
  const expiresMs = timestampMs + options.lastsMs;
  const { chainId } = client;
  const terms = { key: key.publicKey, expiresMs, scope };
  const { bytes, id } = sessionTransaction({ chainId, account, nonces, ...terms });
  await client.submit(bytes);
  const grant = { account: account.publicKey, id, key, scope, expiresMs };
  return tradingSession(client, grant, options);
}

/** Goes on with a session of the chain whose key is at hand; throws InputError if there is none. */
export async function resumeSession(
  client: QuorateClient,
  options: ResumeSession,
): Promise<TradingSession> {
  const { account, key } = options;
  const found = await findSession(client, account, key.publicKey);
  const { id, scope, expiresMs } = found;
  return tradingSession(client, { account, id, key, scope, expiresMs }, options);
}

/** The account's newest session of this key; throws InputError if there is none. */
export async function findSession(
  reader: StateReader,
  account: PublicKey,
  key: PublicKey,
): Promise<Session> {
  const { value = [] } = await readSessions(reader, account);
  const found = value.findLast((session) => session.key === key);
  if (found !== undefined) return found;
  const fix = `account ${account} has no open session of this key: open one`;
  throw new InputError({ code: "UNKNOWN_SESSION", field: "key", fix });
}

function tradingSession(
  client: QuorateClient,
  grant: SessionGrant,
  { gatherMs = GATHER_MS, clock = systemClock }: Gathering,
): TradingSession {
  const { chainId, genesis } = client;
  const door = client.submissions();
  return new TradingSession({ chainId, genesis, grant, door, clock, gatherMs });
}

/** Sessions of an account that are in the state, oldest first; undefined: none. */
export async function readSessions(
  reader: StateReader,
  account: PublicKey,
): Promise<CertifiedLeaf<readonly Session[]>> {
  return readLeaf(reader, leafKeys.sessions(account), decodeSessions);
}

function checkTerm(lastsMs: Millis, most: Millis): void {
  if (Number.isInteger(lastsMs) && lastsMs >= 1 && lastsMs <= most) return;
  const fix = `give whole milliseconds from 1 to ${most}, not ${lastsMs}`;
  throw new InputError({ code: "SESSION_TERM", field: "lastsMs", fix });
}
