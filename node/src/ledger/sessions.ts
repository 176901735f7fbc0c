import type { Survey } from "../kernel/digest-map.ts";
import type { Digest, Millis, PublicKey } from "../kernel/scalars.ts";
import type { LeafChange } from "../margin/types.ts";
import { checkAccount, checkSize } from "./client-transactions.ts";
import type { LeafLayouts } from "./leaf-layouts.ts";
import { leafKeys } from "./leaves.ts";
import { scopeRefusal } from "./session-scope.ts";
import type { LedgerState, Session } from "./state.ts";
import {
  revokeSessionSigningBytes,
  sessionBundleSigningBytes,
  sessionSigningBytes,
} from "./transaction.ts";
import type { Transaction } from "./types.ts";
import { burnNonce, change, checkNonce, type Verdict, type Work } from "./work.ts";

type Kind<K extends Transaction["kind"]> = Extract<Transaction, { kind: K }>;

/** Accounts whose expired sessions one block removes: bounded work, however many end at once. */
export const EXPIRED_ACCOUNTS_MAX = 64;

function nonceScope(id: Digest): string {
  return `session/${id}`;
}

/** Replaces the sessions of an account; the nonces of those that ended go with them. */
function setSessions(work: Work, account: PublicKey, open: readonly Session[]): void {
  const { sessions } = work.state;
  const left = new Set(open.map(({ id }) => id));
  for (const { id } of sessions.get(account) ?? []) if (!left.has(id)) work.endedSessions.add(id);
  work.touchedSessions.add(account);
  change(work, {
    sessions: open.length === 0 ? sessions.without(account) : sessions.with(account, open),
  });
}

function isOpen({ expiresMs }: Session, { timestampMs }: LedgerState): boolean {
  return expiresMs > timestampMs;
}

/** Leaves of this block's sessions. A session's name never comes again, so its nonces may go. */
export function sessionChanges(work: Work, layouts: LeafLayouts): LeafChange[] {
  const { state, touchedSessions, endedSessions } = work;
  const accounts = Array.from(touchedSessions, (account) => {
    const open = state.sessions.get(account);
    const value = open === undefined ? undefined : layouts.sessions.encode(open);
    return { key: leafKeys.sessions(account), value };
  });
  const ended = Array.from(endedSessions, (id) => {
    return { key: leafKeys.nonce(nonceScope(id)), value: undefined };
  });
  return [...accounts, ...ended];
}

interface Ending {
  readonly firstMs: Millis;
}

/** When the first session of a group ends. Finds no more than asked for: visits are bounded too. */
function endingSurvey(nowMs: Millis, count: number): Survey<readonly Session[], Ending> {
  let left = count;
  return {
    of: (sessions) => {
      const firstMs = Math.min(...sessions.map(({ expiresMs }) => expiresMs));
      if (firstMs <= nowMs) left -= 1;
      return { firstMs };
    },
    join: (notes) => ({ firstMs: Math.min(...notes.map(({ firstMs }) => firstMs)) }),
    read: (note) => note as Ending | undefined,
    settles: ({ firstMs }) => firstMs > nowMs || left < 0,
  };
}

/** Removes what expired, in order of accounts; what is left over is refused, and goes later. */
export function expireSessions(work: Work): void {
  const { sessions, timestampMs } = work.state;
  const due = sessions.unsettled(endingSurvey(timestampMs, EXPIRED_ACCOUNTS_MAX));
  for (const [account, all] of due) {
    setSessions(
      work,
      account,
      all.filter((session) => isOpen(session, work.state)),
    );
  }
}

function checkTerm(state: LedgerState, { expiresMs }: Kind<"session">): Verdict {
  const { timestampMs, genesis } = state;
  const lastMs = timestampMs + genesis.parameters.margin.sessionMsMax;
  if (expiresMs > timestampMs && expiresMs <= lastMs) return undefined;
  const fix = `choose an end after block time ${timestampMs} and at most ${lastMs}`;
  return { code: "SESSION_TERM", field: "expiresMs", fix };
}

/** The account's own key opens a session; no session opens another. */
export function applySession(work: Work, session: Kind<"session">, id: Digest): Verdict {
  const { state } = work;
  const { account, key, nonce, expiresMs, scope } = session;
  const unknown = checkAccount(work, account);
  if (unknown !== undefined) return unknown;
  if (key === account) {
    const fix = "make a key of its own for the session";
    return { code: "SESSION_KEY", field: "key", fix };
  }
  const term = checkTerm(state, session);
  if (term !== undefined) return term;
  // One window with bundles: what the account signed once never opens a session again.
  const nonces = `bundle/${account}`;
  const used = checkNonce(work, nonces, nonce, id);
  if (used !== undefined) return used;
  const { sessionsMax } = state.genesis.parameters.margin;
  const open = (state.sessions.get(account) ?? []).filter((each) => isOpen(each, state));
  if (open.length >= sessionsMax) {
    const fix = `the account has ${open.length} open sessions: revoke one`;
    return { code: "TOO_MANY_SESSIONS", field: "account", fix };
  }
  const message = sessionSigningBytes(state.chainId, session);
  if (!work.scheme.verify(account, message, session.signature)) {
    const fix = "sign sessionSigningBytes of this chain with the account's key";
    return { code: "BAD_SIGNATURE", field: "signature", fix };
  }
  burnNonce(work, nonces, nonce, id);
  setSessions(work, account, [...open, { id, key, expiresMs, scope }]);
  return undefined;
}

function findSession({ sessions }: LedgerState, account: PublicKey, id: Digest) {
  return sessions.get(account)?.find((session) => session.id === id);
}

const UNKNOWN_SESSION: Verdict = {
  code: "UNKNOWN_SESSION",
  field: "session",
  fix: "no such session of this account, or it ended: open one with the account's key",
};

/** Admits a bundle signed by a session's key, as one of the account. */
export function applySessionBundle(
  work: Work,
  bundle: Kind<"session-bundle">,
  { id, position }: { readonly id: Digest; readonly position: number },
): Verdict {
  const { state } = work;
  const { account, actions, nonce } = bundle;
  const size = checkSize(state, actions.length);
  if (size !== undefined) return size;
  const session = findSession(state, account, bundle.session);
  if (session === undefined) return UNKNOWN_SESSION;
  if (!isOpen(session, state)) {
    const fix = `it ended at block time ${session.expiresMs}: open another one`;
    return { code: "SESSION_EXPIRED", field: "session", fix };
  }
  for (const action of actions) {
    const beyond = scopeRefusal(session.scope, action, state.genesis.margin.markets);
    if (beyond !== undefined) return beyond;
  }
  const nonces = nonceScope(session.id);
  const used = checkNonce(work, nonces, nonce, id);
  if (used !== undefined) return used;
  const message = sessionBundleSigningBytes(state.chainId, bundle);
  if (!work.scheme.verify(session.key, message, bundle.signature)) {
    const fix = "sign sessionBundleSigningBytes of this chain with the session's key";
    return { code: "BAD_SIGNATURE", field: "signature", fix };
  }
  burnNonce(work, nonces, nonce, id);
  work.bundles.push({ account, actions, position });
  return undefined;
}

/** Ends a session: by the account, or by the session's own key (a program that shuts down). */
export function applyRevoke(work: Work, revoke: Kind<"revoke-session">): Verdict {
  const { state } = work;
  const { account } = revoke;
  const session = findSession(state, account, revoke.session);
  if (session === undefined) return UNKNOWN_SESSION;
  const signer = revoke.by === "account" ? account : session.key;
  const message = revokeSessionSigningBytes(state.chainId, revoke);
  if (!work.scheme.verify(signer, message, revoke.signature)) {
    const fix = `sign revokeSessionSigningBytes of this chain with the ${revoke.by}'s key`;
    return { code: "BAD_SIGNATURE", field: "signature", fix };
  }
  const open = state.sessions.get(account) ?? [];
  setSessions(
    work,
    account,
    open.filter(({ id }) => id !== session.id),
  );
  return undefined;
}
