import type { Fault } from "./faults.ts";
import type { Liar, Thief } from "./liars.ts";
import type { Split } from "./split-fault.ts";
import type { Storm } from "./storms.ts";
import type { Upgrade } from "./upgrade.ts";

export interface Links {
  /** Least delay of a link, by sender and receiver. */
  readonly baseMs: readonly (readonly number[])[];
  readonly jitterMs: number;
  readonly dropRate: number;
  readonly duplicateRate: number;
}

/** Everything that a run is: drawn from its seed, or written down by a scenario. */
export interface Plan {
  readonly seed: number;
  readonly members: number;
  /** Registered and endorsed by their owners. */
  readonly spares: number;
  /** Voting power by member. */
  readonly powers: readonly bigint[];
  readonly owners: number;
  readonly links: Links;
  /** Local clock minus true time, by node. */
  readonly skewMs: readonly number[];
  readonly fsyncMsMax: number;
  /** One node whose syncs take up to ten times as long. */
  readonly slowDisk: number | undefined;
  /** One node that hears and is heard this much later (rule SILENCE: it is never silent). */
  readonly slowNode: { readonly node: number; readonly extraMs: number } | undefined;
  readonly faults: readonly Fault[];
  /** The members that lie: at most f of the power, together with those that are gone. */
  readonly liars: readonly Liar[];
  /** Has the operator's and one owner's sponsor key; then nobody else lies. */
  readonly thief: Thief | undefined;
  /**
   * One member whose price source is dead, whose proposals are lost until the healing, and whose
   * votes come late: they and its heartbeats are all it has to show (rule SILENCE: it suffices).
   */
  readonly dull: number | undefined;
  /** The last spare is made, starts and is registered only then. */
  readonly lateSpareMs: number | undefined;
  readonly upgrade: Upgrade | undefined;
  /** Then nobody lies, and no other binary comes. */
  readonly split: Split | undefined;
  /** Messages lost or held up by what they are, to reach corners that chance does not. */
  readonly storm: Storm | undefined;
  /** Honest, but keeps the evidence that it finds to itself. */
  readonly evidenceDropper: number | undefined;
  /** Owners rotate seats, let jailed keys return, approve swaps; members announce absences. */
  readonly ownersAct: boolean;
  /** Owners add and end seats (resizes.ts). */
  readonly resizes: boolean;
  /** Clients and members send transactions that the ledger refuses. */
  readonly junk: boolean;
  /** From here on no message is lost and every node that is not gone is up. */
  readonly healMs: number;
  readonly endMs: number;
  /** Programs trade under session keys (bots.ts). */
  readonly sessions: boolean;
  /** Mean time between client transactions; 0 for none. */
  readonly tradeEveryMs: number;
  readonly emptyBlockPaceMs: number;
  /** Silence window; heartbeats come four times in it. */
  readonly silenceMs: number;
  readonly oracleSlotMs: number;
}
