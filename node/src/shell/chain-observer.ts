import type { ConsensusEvent } from "../consensus/effects.ts";
import type { Split } from "../consensus/split-groups.ts";
import type { Digest, Millis, PublicKey } from "../kernel/scalars.ts";
import type { ExecutionResult, LedgerEvent } from "../ledger/types.ts";
import { marginTotals } from "../margin/engine.ts";
import { MARKET_MODES } from "../margin/terms-codec.ts";
import type { AccountStage, MarginEvent } from "../margin/types.ts";
import { replicaStatus } from "../replica/queries.ts";
import type { ReplicaState } from "../replica/types.ts";
import type { OutwardEffect } from "./effect-performer.ts";
import type { Log } from "./log.ts";
import type { NodeMetrics } from "./metrics.ts";

const STAGES: readonly AccountStage[] = ["called", "reduce-only", "liquidating"];
/** Blocks executed again after a start are no news: their latency would be the age of the chain. */
const LATENCY_SECONDS_MAX = 60;

type InvalidProposal = Extract<ConsensusEvent, { readonly kind: "invalid-proposal" }>;

export interface ChainObserverOptions {
  readonly metrics: NodeMetrics;
  readonly log: Log;
  readonly now: () => Millis;
}

/** One line: root, receipts root and members of each group. */
function groupsText(groups: Split["groups"]): string {
  return groups
    .map(({ result: { stateRoot, receiptsRoot }, members }) => {
      return `state ${stateRoot} receipts ${receiptsRoot}: ${members.join(" ")}`;
    })
    .join("; ");
}

/** Blocks remembered as counted: a peer may bring one again and again. */
const COUNTED_MAX = 1_024;

/** Turns what happens on the chain into metrics and log lines. It decides nothing. */
export class ChainObserver {
  readonly #options: ChainObserverOptions;
  readonly #stages = new Map<PublicKey, AccountStage>();
  readonly #lastSeenMs = new Map<PublicKey, Millis>();
  readonly #counted = new Set<Digest>();
  readonly #startedMs: Millis;

  constructor(options: ChainObserverOptions) {
    this.#options = options;
    this.#startedMs = options.now();
  }

  /** Something of this member arrived. */
  heard(member: PublicKey): void {
    this.#lastSeenMs.set(member, this.#options.now());
  }

  /** Milliseconds since anything of the member arrived; undefined if nothing did. */
  silenceMs(member: PublicKey): Millis | undefined {
    const at = this.#lastSeenMs.get(member);
    return at === undefined ? undefined : this.#options.now() - at;
  }

  observe(effect: OutwardEffect): void {
    const { metrics, log } = this.#options;
    switch (effect.kind) {
      case "executed":
        this.#executed(effect.execution);
        return;
      case "certified": {
        const { height, timestampMs } = effect.certificate.result;
        metrics.certifiedHeight.set(height);
        metrics.certifiedTime.set(timestampMs / 1_000);
        const seconds = (this.#options.now() - timestampMs) / 1_000;
        if (seconds < LATENCY_SECONDS_MAX) metrics.certificateLatency.observe(seconds);
        return;
      }
      case "epoch-started":
        log.info("epoch started", { epoch: effect.proof.nextSet.epoch });
        return;
      case "misconduct-found":
        metrics.memberEquivocations.inc({ member: effect.first.author });
        log.warn("misconduct found", {
          member: effect.first.author,
          statement: effect.first.statement.kind,
        });
        return;
      case "difference-found":
        log.error("the first leaf that differs", {
          height: effect.height,
          leaf: effect.leaf,
        });
        return;
      case "halt":
        log.error("halted: this node signs nothing any more", { reason: effect.reason });
        return;
      case "observe":
        this.#consensus(effect.event);
        return;
      default:
    }
  }

  #consensus(event: ConsensusEvent): void {
    const { metrics, log } = this.#options;
    switch (event.kind) {
      case "round-entered":
        metrics.round.set(event.round);
        return;
      case "round-timed-out":
        metrics.roundsTimedOut.inc();
        log.debug("round timed out", { round: event.round, leader: event.leader });
        return;
      case "timer-changed": {
        const { previousMs, nextMs, cause } = event;
        metrics.roundTimeout.set(nextMs / 1_000);
        metrics.roundTimeoutChanges.inc({ cause });
        log.info("round timer changed", { previousMs, nextMs, cause });
        return;
      }
      case "committed":
        metrics.committedHeight.set(event.height);
        return;
      case "sign-of-life":
        this.heard(event.author);
        return;
      case "wrong-root": {
        const { author: member, height } = event;
        metrics.memberWrongRoots.inc({ member });
        log.warn("a member attests another result than the quorum", { member, height });
        return;
      }
      case "invalid-proposal":
        this.#invalidProposal(event);
        return;
      case "split":
        this.#split(event.split);
        return;
      case "split-over":
        metrics.splitHeight.set(0);
        log.warn("a quorum attested the height after all: this node goes on", {
          height: event.height,
        });
        return;
      case "dropped":
        metrics.messagesDropped.inc({ code: event.code });
        log.debug("message dropped", { from: event.from, code: event.code, field: event.field });
        return;
      default:
        event satisfies never;
    }
  }

  #split({ height, groups }: Split): void {
    const { metrics, log } = this.#options;
    metrics.splitHeight.set(height);
    log.error("SPLIT: no result can reach a quorum; nothing is ordered until a repair", {
      height,
      groups: groupsText(groups),
    });
  }

  #invalidProposal({ author: member, blockId, code }: InvalidProposal): void {
    if (this.#counted.has(blockId)) return;
    this.#counted.add(blockId);
    const [oldest] = this.#counted;
    if (this.#counted.size > COUNTED_MAX && oldest !== undefined) this.#counted.delete(oldest);
    this.#options.metrics.memberInvalidProposals.inc({ member });
    this.#options.log.warn("a member signed an invalid block", { member, code, blockId });
  }

  #executed({ result, receipts, events }: ExecutionResult): void {
    const { metrics } = this.#options;
    metrics.executedHeight.set(result.height);
    const seconds = (this.#options.now() - result.timestampMs) / 1_000;
    if (seconds < LATENCY_SECONDS_MAX) metrics.commitLatency.observe(seconds);
    const accepted = receipts.filter(({ code }) => code === "OK").length;
    const refused = receipts.length - accepted;
    if (accepted > 0) metrics.transactions.inc({ outcome: "ok" }, accepted);
    if (refused > 0) metrics.transactions.inc({ outcome: "refused" }, refused);
    for (const event of events) this.#ledgerEvent(event);
  }

  #ledgerEvent(event: LedgerEvent): void {
    const { metrics, log } = this.#options;
    switch (event.kind) {
      case "swap": {
        const { cause, leaver, newcomer, epoch, height } = event.swap;
        metrics.swaps.inc({ cause });
        log.info("the set changes", { cause, leaver, newcomer, epoch, height });
        return;
      }
      case "slashed":
        log.warn("bond slashed", { key: event.key, evidence: event.evidence });
        return;
      case "jailed":
        log.warn("key jailed", { key: event.key, untilMs: event.untilMs });
        return;
      case "spare-registered":
        log.info("spare registered", { key: event.key, owner: event.owner });
        return;
      case "reward":
        log.info("reward paid", { key: event.key, owner: event.owner });
        return;
      case "margin":
        this.#marginEvent(event.event);
        return;
      case "protocol": {
        const { step, version, height } = event;
        log.info(`protocol version ${step}`, { version, height });
        return;
      }
      default:
    }
  }

  #marginEvent(event: MarginEvent): void {
    const { metrics, log } = this.#options;
    switch (event.kind) {
      case "stage":
        if (event.to === "healthy") this.#stages.delete(event.account);
        else this.#stages.set(event.account, event.to);
        return;
      case "liquidation":
        metrics.liquidations.inc();
        return;
      case "oracle-outlier":
        metrics.oracleOutliers.inc({ member: event.author });
        return;
      case "deficit":
        metrics.deficit.inc({ paid_by: "fund" }, Number(event.paidByFund));
        metrics.deficit.inc({ paid_by: "cut" }, Number(event.paidByCut));
        log.warn("an account went bankrupt", { account: event.account });
        return;
      default:
    }
  }

  /** Gauges that are read from the state, before every scrape. */
  refresh(state: ReplicaState): void {
    const { metrics, now } = this.#options;
    const status = replicaStatus(state);
    metrics.epoch.set(status.epoch);
    const { version, activation, held } = status.protocol;
    metrics.protocolVersion.set(version);
    metrics.protocolHeld.set(held.at(-1) ?? 0);
    metrics.activationHeight.set(activation?.height ?? 0);
    metrics.round.set(status.round);
    metrics.laneQueue.set(status.queued);
    metrics.pendingProofs.set(state.pendingProofs.length);
    this.#refreshMembers(status, now());
    const { margin } = state.ledger;
    const { openInterest } = marginTotals(margin);
    for (const { parameters, oracle, funding, terms } of margin.markets) {
      const market = String(parameters.id);
      metrics.indexPrice.set({ market }, Number(oracle.price));
      metrics.oracleFresh.set({ market }, oracle.state === "fresh" ? 1 : 0);
      metrics.openInterest.set({ market }, Number(openInterest[parameters.id] ?? 0n));
      metrics.fundingRate.set({ market }, Number(funding.lastRate));
      metrics.marketMode.set({ market }, MARKET_MODES.indexOf(terms.mode));
    }
    metrics.fund.set(Number(margin.fund));
    for (const stage of STAGES) {
      const count = [...this.#stages.values()].filter((held) => held === stage).length;
      metrics.accounts.set({ stage }, count);
    }
  }

  #refreshMembers({ set, liveness }: ReturnType<typeof replicaStatus>, now: Millis): void {
    const { metrics } = this.#options;
    metrics.memberLastSeen.reset();
    metrics.memberPower.reset();
    metrics.memberSilent.reset();
    metrics.memberSilentBlocks.reset();
    metrics.memberSilentSeconds.reset();
    for (const { key: member, power } of set.members) {
      const seenMs = this.#lastSeenMs.get(member) ?? this.#startedMs;
      metrics.memberLastSeen.set({ member }, (now - seenMs) / 1_000);
      metrics.memberPower.set({ member }, Number(power));
      metrics.memberEquivocations.inc({ member }, 0);
      metrics.memberWrongRoots.inc({ member }, 0);
      metrics.memberInvalidProposals.inc({ member }, 0);
      metrics.oracleOutliers.inc({ member }, 0);
    }
    for (const { key: member, silent, blocksSilent, msSilent } of liveness) {
      metrics.memberSilent.set({ member }, silent ? 1 : 0);
      metrics.memberSilentBlocks.set({ member }, blocksSilent);
      metrics.memberSilentSeconds.set({ member }, msSilent / 1_000);
    }
  }
}
