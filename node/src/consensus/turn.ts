import type { Refusal } from "../kernel/result.ts";
import type { Millis, PublicKey } from "../kernel/scalars.ts";
import { findMember } from "../kernel/validator-set.ts";
import type { ConsensusEvent, Effect } from "./effects.ts";
import type { TimerName } from "./inputs.ts";
import { leaderOf } from "./leader-election.ts";
import {
  type ChainState,
  type ConsensusState,
  type EpochState,
  type LanesState,
  peerStatus,
  type SyncState,
} from "./state.ts";
import type { PeerBody } from "./types.ts";

/**
 * One call of `step`: the state as it becomes, and the effects so far. Every change makes a new
 * state object, so that the argument of `step` is never touched.
 */
export class Turn {
  state: ConsensusState;
  readonly now: Millis;
  readonly effects: Effect[] = [];

  constructor(state: ConsensusState, now: Millis) {
    this.state = state;
    this.now = now;
  }

  get epoch(): EpochState {
    return this.state.epoch;
  }

  get chain(): ChainState {
    return this.state.chain;
  }

  get lanes(): LanesState {
    return this.state.lanes;
  }

  get sync(): SyncState {
    return this.state.sync;
  }

  change(patch: Partial<ConsensusState>): void {
    this.state = { ...this.state, ...patch };
  }

  changeEpoch(patch: Partial<EpochState>): void {
    this.change({ epoch: { ...this.state.epoch, ...patch } });
  }

  changeChain(patch: Partial<ChainState>): void {
    this.change({ chain: { ...this.state.chain, ...patch } });
  }

  changeLanes(patch: Partial<LanesState>): void {
    this.change({ lanes: { ...this.state.lanes, ...patch } });
  }

  changeSync(patch: Partial<SyncState>): void {
    this.change({ sync: { ...this.state.sync, ...patch } });
  }

  emit(effect: Effect): void {
    this.effects.push(effect);
  }

  observe(event: ConsensusEvent): void {
    this.emit({ kind: "observe", event });
  }

  /** A message that is not accepted changes nothing and leaves a trace. */
  drop(from: PublicKey, { code, field }: Pick<Refusal, "code" | "field">): void {
    this.observe({ kind: "dropped", from, code, field });
  }

  broadcast(body: PeerBody): void {
    this.emit({ kind: "broadcast", message: { status: peerStatus(this.state), body } });
  }

  send(to: PublicKey, body: PeerBody): void {
    if (to === this.state.config.self.networkKey) return;
    this.emit({ kind: "send", to, message: { status: peerStatus(this.state), body } });
  }

  setTimer(timer: TimerName, at: Millis): void {
    this.emit({ kind: "set-timer", timer, at });
  }

  /** A broken invariant of the replicated state: sign nothing more, keep the disk, say why. */
  halt(reason: string, differs?: Extract<Effect, { kind: "halt" }>["differs"]): void {
    if (this.state.halted !== undefined) return;
    this.change({ halted: reason });
    this.emit({ kind: "halt", reason, ...(differs && { differs }) });
  }

  leader(round: number): PublicKey {
    const { epoch, set } = this.state;
    return leaderOf({ set, order: epoch.order }, epoch.elections, round);
  }

  isMember(key: PublicKey): boolean {
    return findMember(this.state.set, key) !== undefined;
  }
}

/** A copy of the map with one entry more (or replaced). */
export function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  return new Map(map).set(key, value);
}

/** A copy of the map without the entries that fail the test; the map itself if all pass. */
export function keepEntries<K, V>(
  map: ReadonlyMap<K, V>,
  keep: (key: K, value: V) => boolean,
): ReadonlyMap<K, V> {
  let kept: Map<K, V> | undefined;
  for (const [key, value] of map) {
    if (keep(key, value)) continue;
    kept ??= new Map(map);
    kept.delete(key);
  }
  return kept ?? map;
}
