import { sha256Hex } from "@quorate/node/crypto/sha256";
import { asciiBytes } from "@quorate/node/kernel/bytes";
import { honestPowerMin } from "@quorate/node/kernel/threshold";
import { hasQuorum, powerOf, totalPower } from "@quorate/node/kernel/validator-set";
import { decodeTransaction } from "@quorate/node/ledger/transaction";
import type { ApiRequest, ApiResponse } from "@quorate/runtime/transport";
import { ANNOTATIONS } from "../../src/api/v1alpha1/labels.ts";
import type { ValidatorRotation } from "../../src/api/v1alpha1/types.ts";
import {
  type DecisionLine,
  observationText,
  replay,
} from "../../src/decision-log/decision-line.ts";
import { targetOf } from "./api-server.ts";
import type { HistoryEntry } from "./api-store.ts";
import { budgetProblem } from "./check-budgets.ts";
import { deletionProblem } from "./check-deletions.ts";
import type { Act, SpecMoment } from "./check-records.ts";
import { LEASE_NAME, NAMESPACE, SET, SYSTEM } from "./names.ts";
import type { OperatorProcess } from "./operator-process.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** A spec that was changed so long ago counts: what is under way may still come to its end. */
const SPEC_GRACE_MS = 60_000;
/** Requests of one process in one virtual minute: informers, lease, passes, all faults included. */
const REQUESTS_PER_MINUTE = 900;
/** Renewals come every 2 s, and may fail for 10 s. */
const LEASE_LOST_MS = 15_000;
const BLIND_TOLD_SLACK_MS = 25_000;

/** The rules that every run is held to; each throws a Violation with its name. */
export class Checks {
  readonly #world: World;
  readonly #specs: SpecMoment[] = [];
  #genesis: string | undefined;
  #minute = 0;
  #blindSinceMs: number | undefined;
  /** Writes of the operator but leases, by kind, since `watchWrites`. */
  #writes: Map<string, number> | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  fail(checker: string, problem: string): never {
    const violation = new Violation(checker, problem);
    this.#world.violated(violation);
    throw violation;
  }

  /** Every request of an operator, before any fault. */
  request(process: OperatorProcess, request: ApiRequest): void {
    process.requestsThisMinute += 1;
    if (process.requestsThisMinute > REQUESTS_PER_MINUTE) {
      const problem = `${process.name} sent ${process.requestsThisMinute} requests in a minute`;
      this.fail("no hot loop", `${problem}, the last is ${request.method} ${request.path}`);
    }
  }

  /** A write that reached the API server, before its effect. */
  beforeHandle(process: OperatorProcess, request: ApiRequest): void {
    if (request.method === "GET") return;
    const { plural, name = "", subresource, namespace } = targetOf(request.path);
    if (plural === "leases") return;
    this.#tellsNoSecret(plural, request);
    const holder = this.#holder();
    if (
      plural !== "events" &&
      !this.#leaseWasDeleted() &&
      holder !== undefined &&
      holder !== process.name
    ) {
      const what = `${request.method} ${request.path.split("?")[0]}`;
      this.fail("only the leader writes", `${process.name} sent ${what}, ${holder} leads`);
    }
    const deletes = request.method === "DELETE" || subresource === "eviction";
    if (!deletes) return;
    const problem = deletionProblem(this.#world, plural, { namespace, name, verb: request.method });
    if (problem !== undefined) this.fail(problem.checker, problem.message);
  }

  afterHandle(process: OperatorProcess, request: ApiRequest, { status }: ApiResponse): void {
    if (request.method === "GET" || status >= 300) return;
    const { plural, name, subresource } = targetOf(request.path);
    if (plural === "leases") return;
    const kind = subresource === undefined ? plural : `${plural}/${subresource}`;
    this.#writes?.set(kind, (this.#writes.get(kind) ?? 0) + 1);
    const { trace, clock, counts } = this.#world;
    if (plural === "events") {
      // Holds, refusals and acts by their reason: nothing of a run may be vacuous.
      const { reason } = (request.body ?? {}) as { reason?: string };
      if (reason !== undefined) counts.add(`told: ${reason}`);
      return;
    }
    trace.add(clock.monotonic(), process.name, `${request.method} ${kind} ${name ?? ""}`);
  }

  /** Every version of every object, whoever wrote it. */
  stored(plural: string, { type, object, before }: HistoryEntry): void {
    if (plural === "configmaps" && object.metadata.name === `${SET}-genesis`) {
      if (type === "DELETED") this.fail("genesis survives Retain", "the genesis was deleted");
      const text = JSON.stringify(object["data"]);
      this.#genesis ??= text;
      if (this.#genesis !== text) this.fail("one genesis", "a second genesis was written");
    }
    if (plural === "persistentvolumeclaims" && type === "DELETED") {
      this.fail("volumes survive Retain", `${object.metadata.name} was deleted`);
    }
    const problem = budgetProblem(this.#world.store, plural, type, object);
    if (problem !== undefined) this.fail("at most f are drained", problem);
    if (plural === "validatorsets" && type !== "DELETED") this.#noteSpec(object["spec"]);
    if (plural === "validatorrotations" && type !== "DELETED") this.#phases(object, before);
  }

  /** What it is shown is the world of that height: younger signs of life are in no block yet. */
  chainRead(process: OperatorProcess, height: number): void {
    const { clock, chain } = this.#world;
    const { sight } = process;
    const moment = this.#world.momentOf(height);
    sight.chainAtMs = clock.monotonic();
    sight.shownAtMs = moment.atMs;
    sight.lastAliveMs = moment.lastAliveMs;
    sight.stoodMs = clock.now() - (chain?.timeMs ?? 0);
  }

  /** A transaction that an operator sends. */
  submit(process: OperatorProcess, bytes: Uint8Array): void {
    const { counts, trace, clock } = this.#world;
    const act = this.#actOf(bytes);
    const what = act === undefined ? "registration" : `${act.kind} of ${act.member}`;
    trace.add(clock.monotonic(), process.name, `submits: ${what}`);
    counts.add(act === undefined ? "submitted: registration" : `submitted: ${act.kind}`);
    this.#writes?.set("chain", (this.#writes.get("chain") ?? 0) + 1);
    const holder = this.#holder();
    if (holder !== undefined && holder !== process.name && !this.#leaseWasDeleted()) {
      this.fail("only the leader acts", `${process.name} submits ${what}, ${holder} leads`);
    }
    if (act === undefined) return;
    this.#evictsNobodyWrongly(process, act);
    this.#oneInFlight(act);
    this.#actsWithConsent(process, act);
    this.#actsWithSight(process, act);
  }

  /** After each moment of the world. */
  step(): void {
    const { clock, operators } = this.#world;
    const minute = Math.floor(clock.monotonic() / 60_000);
    if (minute !== this.#minute) {
      this.#minute = minute;
      for (const process of operators) process.requestsThisMinute = 0;
    }
    this.#keysRunOnce();
    this.#blindnessIsTold();
  }

  /** One line of an operator's log. */
  logged(process: OperatorProcess, level: string, text: string): void {
    const { secrets, trace, clock, counts } = this.#world;
    const found = secrets.find((secret) => text.includes(secret));
    if (found !== undefined) this.fail("no secret is told", `the log has ${found.slice(0, 6)}...`);
    counts.add(`log: ${level}`);
    if (level !== "debug")
      trace.add(clock.monotonic(), process.name, `${level} ${text.slice(0, 300)}`);
  }

  /** A decision as it stands in the log: whoever reads it there comes to the same one. */
  decided(fields: object): void {
    const text = JSON.stringify(fields);
    const { decision } = JSON.parse(text) as { readonly decision: DecisionLine };
    const seen = observationText(decision);
    const secret = this.#world.secrets.find((each) => seen.includes(each));
    if (secret !== undefined)
      this.fail("no secret is told", `a decision has ${secret.slice(0, 6)}`);
    const { differs } = replay(decision);
    if (differs !== undefined) this.fail("ReplayAgrees", `${differs} of a logged decision differs`);
    this.#world.counts.add("decisions replayed");
  }

  watchWrites(): void {
    this.#writes = new Map();
  }

  /** After a quiet time: what moves in every block is refreshed, nothing else is written. */
  wroteNothing(quietMs: number): void {
    const writes = this.#writes ?? new Map<string, number>();
    const refreshes = Math.ceil(quietMs / 10_000) + 1;
    for (const [kind, amount] of writes) {
      if (kind === "validatorsets/status" && amount <= refreshes) continue;
      const isLate = this.#world.plan.approver === "late";
      // A plan that nobody approved expires after ten minutes.
      const told = kind === "validatorrotations/status" || kind === "events";
      if (told && isLate && amount <= 2) continue;
      this.fail("steady state writes nothing", `${amount} writes of ${kind} in ${quietMs} ms`);
    }
  }

  pinned(hash: string, key: string): void {
    const { chain } = this.#world;
    if (chain !== undefined && chain.id !== hash) {
      this.fail("one genesis", `${key.slice(0, 8)} pinned ${hash}, others ${chain.id}`);
    }
  }

  #holder(): string | undefined {
    const lease = this.#world.store.get("leases", SYSTEM, LEASE_NAME);
    return (lease?.["spec"] as { holderIdentity?: string } | undefined)?.holderIdentity;
  }

  /** A person took the lease away: its holder learns of it with its next renewal. */
  #leaseWasDeleted(): boolean {
    return this.#world.clock.monotonic() - this.#world.leaseDeletedAtMs < LEASE_LOST_MS;
  }

  #noteSpec(value: unknown): void {
    const { mode, paused } = value as { mode: string; paused: boolean };
    const last = this.#specs.at(-1);
    if (last?.mode === mode && last.paused === paused) return;
    this.#specs.push({ atMs: this.#world.clock.monotonic(), mode, paused });
  }

  /** Modes that a process may have seen: those of the last moments. */
  #recentSpecs(): readonly SpecMoment[] {
    const since = this.#world.clock.monotonic() - SPEC_GRACE_MS;
    return this.#specs.filter((_, index) => (this.#specs[index + 1]?.atMs ?? since + 1) > since);
  }

  #actOf(bytes: Uint8Array): Act | undefined {
    const proof = this.#world.chain?.proofs.find(({ transaction }) =>
      Buffer.from(transaction).equals(Buffer.from(bytes)),
    );
    const setHash = this.#world.chain?.setHash ?? "";
    if (proof !== undefined) return { kind: "Misconduct", member: proof.accused, setHash };
    const decoded = decodeTransaction(bytes);
    if (!decoded.ok) this.fail("proofs are real", "a misconduct without a proof that nodes hold");
    const { value } = decoded;
    if (value.kind === "silence-record") return { ...value, kind: "Silence" };
    if (value.kind === "owner-rotation") return { ...value, kind: "Owner" };
    return undefined;
  }

  /** The wrong eviction: a record against a member that the world knows to live. */
  #evictsNobodyWrongly({ sight, name }: OperatorProcess, { kind, member }: Act): void {
    if (kind !== "Silence") return;
    const lived = sight.lastAliveMs.get(member);
    const silentMs = sight.shownAtMs - (lived ?? 0);
    const windowMs = this.#world.plan.silenceMs;
    if (silentMs >= windowMs) return;
    const problem = `${name} accuses ${this.#world.memberOf(member)}, silent for ${silentMs} ms`;
    this.fail("no wrong eviction", `${problem} by the world's truth, the window is ${windowMs}`);
  }

  #oneInFlight({ member }: Act): void {
    const flying = this.#flying();
    const others = flying.filter(({ spec }) => spec.member !== member);
    if (others.length === 0) return;
    const names = others.map(({ metadata }) => metadata.name).join(", ");
    this.fail("one rotation in flight", `${names} beside that of ${member.slice(0, 8)}`);
  }

  #actsWithConsent({ name, sight }: OperatorProcess, act: Act): void {
    const recent = this.#recentSpecs();
    if (!recent.some(({ paused }) => !paused)) {
      this.fail("no act while paused", `${name} sends ${act.kind}`);
    }
    if (!recent.some(({ mode, paused }) => mode !== "Observe" && !paused)) {
      this.fail("no act in Observe", `${name} sends ${act.kind}`);
    }
    if (recent.some(({ mode }) => mode === "Auto") || act.kind === "Owner") return;
    const decidedMs = this.#world.clock.now() - this.#world.clock.monotonic() + sight.chainAtMs;
    const approved = this.#rotations().some(({ metadata, spec, status }) => {
      const inTime = Date.parse(status?.times.Planned ?? "") + 600_000 > decidedMs - 3_000;
      const named = metadata.annotations?.[ANNOTATIONS.approve];
      return (
        spec.member === act.member &&
        inTime &&
        named !== undefined &&
        this.#names(named, metadata.uid, act)
      );
    });
    if (!approved) this.fail("no act unapproved", `${name} sends ${act.kind} without an approval`);
  }

  /**
   * The approval is of this act, in this object. A proof's transaction names no set: any plan about
   * the member that a person approved counts.
   */
  #names(named: string, uid: string | undefined, { kind, member, setHash }: Act): boolean {
    if (kind === "Misconduct") return named !== "f".repeat(64);
    return ["Swap", "Mute"].some((effect) => {
      const plan = sha256Hex(asciiBytes(`quorate/v1/plan ${kind} ${member} ${setHash} ${effect}`));
      return named === sha256Hex(asciiBytes(`quorate/v1/approval ${plan} ${uid}`));
    });
  }

  #actsWithSight({ name, sight }: OperatorProcess, { kind }: Act): void {
    const { chain, plan } = this.#world;
    if (chain === undefined) return;
    if (plan.prometheus && sight.prometheus === "blind") {
      this.fail("no act while blind", `${name} sends ${kind}, Prometheus said nothing to believe`);
    }
    const sinceMs = sight.chainAtMs - 10_000;
    const seen = [...sight.scrapedAtMs].filter(([, at]) => at >= sinceMs).map(([key]) => key);
    if (!plan.prometheus) {
      if (powerOf(chain.set, seen) < honestPowerMin(totalPower(chain.set))) {
        this.fail("no act while blind", `${name} sends ${kind}, fewer than f+1 answered`);
      }
      if (!hasQuorum(chain.set, seen)) {
        this.fail("no act while partitioned", `${name} sends ${kind} and sees no quorum`);
      }
    }
    const limitMs = 5_000 + plan.intervalSeconds * 1_000 + 10_000;
    if (sight.stoodMs > limitMs) {
      this.fail("no act while halted", `${name} sends ${kind}, no block for ${sight.stoodMs} ms`);
    }
  }

  /** A proof that the chain has executed is not in flight: the swap waits on the chain. */
  #flying(): readonly ValidatorRotation[] {
    return this.#rotations().filter(({ spec, status }) => {
      const isExecuted = this.#world.chain?.tombstones.has(spec.member) === true;
      return status?.phase === "Submitted" && !(spec.cause === "Misconduct" && isExecuted);
    });
  }

  #rotations(): readonly ValidatorRotation[] {
    return this.#world.store.list("validatorrotations") as unknown as readonly ValidatorRotation[];
  }

  #phases(object: unknown, before: unknown): void {
    const now = (object as ValidatorRotation).status?.phase;
    const last = (before as ValidatorRotation | undefined)?.status?.phase;
    if (now === last) return;
    const { trace, clock, counts } = this.#world;
    const { name } = (object as ValidatorRotation).metadata;
    const message = (object as ValidatorRotation).status?.message ?? "";
    trace.add(clock.monotonic(), "rotation", `${name}: ${last ?? "-"} to ${now}: ${message}`);
    counts.add(`rotation: ${now}`);
    const flying = this.#flying();
    if (flying.length <= 1) return;
    const names = flying.map(({ metadata }) => metadata.name).join(", ");
    this.fail("one rotation in flight", names);
  }

  #tellsNoSecret(plural: string, { body }: ApiRequest): void {
    if (plural === "secrets") return;
    const text = JSON.stringify(body ?? "");
    const found = this.#world.secrets.find((secret) => text.includes(secret));
    if (found !== undefined)
      this.fail("no secret is told", `${plural} has ${found.slice(0, 6)}...`);
  }

  #keysRunOnce(): void {
    const running = new Map<string, string>();
    for (const { runs, volume, podUid, member } of this.#world.cluster.processes.values()) {
      if (!runs) continue;
      const other = running.get(volume.key);
      if (other !== undefined && other !== podUid) {
        this.fail("a key runs once", `the key of ${member} runs in two pods`);
      }
      running.set(volume.key, podUid);
    }
  }

  /** S9: SignalsTrusted is False within 3 intervals, where the operator can work at all. */
  #blindnessIsTold(): void {
    const { plan, weather, clock, disturbedAtMs, store, chain, operators } = this.#world;
    const now = clock.monotonic();
    const truth = this.#world.peers.prometheusTruth();
    if (!plan.prometheus || truth !== "blind" || chain === undefined) {
      this.#blindSinceMs = undefined;
      return;
    }
    this.#blindSinceMs ??= now;
    const since = Math.max(this.#blindSinceMs, disturbedAtMs);
    const works = operators.some(({ alive, cutOff }) => alive && !cutOff) && !this.#isStormy();
    if (!works || now - since < 3 * this.#world.scrapeIntervalMs + BLIND_TOLD_SLACK_MS) return;
    const set = store.get("validatorsets", NAMESPACE, SET);
    const status = set?.["status"] as { conditions?: { type: string; status: string }[] };
    const found = status?.conditions?.find(({ type }) => type === "SignalsTrusted");
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
    if (found?.status === "False") {
      this.#world.counts.add("blindness told");
      return;
    }
    const problem = `${weather.prometheus} for ${now - since} ms, the condition is ${found?.status}`;
    this.fail("blindness is told", problem);
  }

  #isStormy(): boolean {
    const { weather } = this.#world;
    const { away, tooManyRequests, serverErrors, lostBefore, conflicts } = weather;
    const { watchesDeaf, watchLagMs, watchBreaks, slow } = weather;
    const chances = tooManyRequests + serverErrors + lostBefore + conflicts + watchBreaks + slow;
    return away || watchesDeaf || watchLagMs > 0 || chances > 0;
  }
}
