import type { Digest, PublicKey } from "../kernel/scalars.ts";
import { removeCondemned } from "./condemned.ts";
import { checkRoom, makeRoom } from "./registration.ts";
import { silenceOf } from "./silence.ts";
import type { LedgerState, Seat } from "./state.ts";
import { coolDownMs, muteSeat, swapPending, swapSeat } from "./swap.ts";
import { ownerRotationSigningBytes, returnSigningBytes } from "./transaction.ts";
import type { Transaction } from "./types.ts";
import {
  burnNonce,
  change,
  checkNonce,
  type Verdict,
  type Work,
  withEntry,
  withoutEntry,
} from "./work.ts";

type Kind<K extends Transaction["kind"]> = Extract<Transaction, { kind: K }>;

/** Compare and set: what was computed from another set has no effect on this one. */
export function setChanged(state: LedgerState, setHash: Digest): Verdict {
  if (setHash === state.setHash) return undefined;
  const fix = `compute it again from the set of epoch ${state.set.epoch}: ${state.setHash}`;
  return { code: "SET_CHANGED", field: "setHash", fix };
}

/** The seat of a member, under the set that the transaction was computed from (compare and set). */
function seatUnder(
  state: LedgerState,
  { member, setHash }: { readonly member: PublicKey; readonly setHash: Digest },
): Seat | NonNullable<Verdict> {
  const changed = setChanged(state, setHash);
  if (changed !== undefined) return changed;
  const seat = state.seats.get(member);
  if (seat !== undefined) return seat;
  return { code: "NOT_A_MEMBER", field: "member", fix: `no seat has the key ${member}` };
}

/** CAUSE (a): the chain's own count decides, at the moment the swap executes (rule SILENCE). */
export function applySilenceRecord(
  work: Work,
  record: Kind<"silence-record">,
  id: Digest,
): Verdict {
  const { state } = work;
  const pending = swapPending(work);
  if (pending !== undefined) return pending;
  const seat = seatUnder(state, record);
  if ("code" in seat) return seat;
  const count = silenceOf(state, seat.key);
  if (count?.isSilent !== true) {
    const seen = `${count?.blocks ?? 0} blocks and ${count?.ms ?? 0} ms without a sign of life`;
    const fix = `only ${seen}, or too few proposers: wait for a whole silence window`;
    return { code: "NOT_SILENT", field: "member", fix };
  }
  const coolMs = coolDownMs(state);
  if (coolMs > 0) {
    const fix = `silence changed the set a short time ago: wait ${coolMs} ms for the cool-down`;
    return { code: "COOL_DOWN", field: "member", fix };
  }
  const refusal = swapSeat(work, seat, "silence", id);
  if (refusal?.code !== "NO_FIT_SPARE") return refusal;
  const muting = muteSeat(work, seat, id, refusal);
  if (muting === undefined) change(work, { lastSilenceSwapMs: state.clockMs });
  return muting;
}

/**
 * CAUSE (c): the owner of the seat rotates its own key; the operator's key is no cause. Its nonce
 * is used whatever comes of it: nobody replays the signature when a spare is fit after all.
 */
export function applyOwnerRotation(
  work: Work,
  rotation: Kind<"owner-rotation">,
  id: Digest,
): Verdict {
  const { state } = work;
  const pending = swapPending(work);
  const seat = seatUnder(state, rotation);
  if ("code" in seat) return pending ?? seat;
  if (state.condemned.has(seat.key)) {
    const fix = "its key is condemned and leaves by that: sign approve-swap to let it go at once";
    return { code: "SWAP_WAITING", field: "member", fix };
  }
  const scope = `owner/${seat.owner}`;
  const used = checkNonce(work, scope, rotation.nonce, id);
  if (used !== undefined) return used;
  const message = ownerRotationSigningBytes(state.chainId, rotation);
  if (!work.scheme.verify(seat.owner, message, rotation.signature)) {
    const fix = "only the seat owner's key rotates it without a fault: no other key is a cause";
    return { code: "NOT_THE_OWNER", field: "signature", fix };
  }
  burnNonce(work, scope, rotation.nonce, id);
  return pending ?? swapSeat(work, seat, "owner", id);
}

/** RETURN: after its jail term a key may be a spare again, never by putting anyone out. */
export function applyReturn(work: Work, back: Kind<"return-spare">, id: Digest): Verdict {
  const { state } = work;
  if (state.tombstones.has(back.key)) {
    const fix = "it was condemned for misconduct, for ever: register a new key";
    return { code: "KEY_TOMBSTONED", field: "key", fix };
  }
  const jailed = state.jailed.get(back.key);
  if (jailed === undefined) {
    return {
      code: "NOT_JAILED",
      field: "key",
      fix: "only a jailed key returns: register a new one",
    };
  }
  if (state.clockMs < jailed.untilMs) {
    const fix = `wait until block time ${jailed.untilMs}; the ledger's clock is ${state.clockMs}`;
    return { code: "JAILED", field: "key", fix };
  }
  const scope = `owner/${jailed.owner}`;
  const used = checkNonce(work, scope, back.nonce, id);
  if (used !== undefined) return used;
  const message = returnSigningBytes(state.chainId, back);
  if (!work.scheme.verify(jailed.owner, message, back.signature)) {
    const fix = "sign returnSigningBytes with the key of the jailed key's owner";
    return { code: "NOT_THE_OWNER", field: "signature", fix };
  }
  const full = checkRoom(state, { owner: jailed.owner, bond: jailed.bond, isEndorsed: true });
  if (full !== undefined) return full;
  const { owner, key, networkKey, address, bond, sponsored } = jailed;
  const spare = {
    owner,
    key,
    networkKey,
    address,
    bond,
    registeredAt: state.height,
    sponsored,
    order: state.registrations + 1,
    registeredMs: state.clockMs,
    // Its owner has just signed for it.
    endorsed: true,
    attested: 0,
  };
  makeRoom(work, owner);
  change(work, {
    jailed: withoutEntry(state.jailed, key),
    spares: withEntry(work.state.spares, key, spare),
    registrations: spare.order,
  });
  work.events.push({ kind: "spare-registered", key, owner });
  burnNonce(work, scope, back.nonce, id);
  removeCondemned(work);
  return undefined;
}
