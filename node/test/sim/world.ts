import { decodeChainRecord, encodeChainRecord } from "../../src/consensus/codec.ts";
import type { ConsensusEvent, Effect } from "../../src/consensus/effects.ts";
import { decodePeerMessage, encodePeerMessage } from "../../src/consensus/message-codec.ts";
import type { ChainRecord, PeerMessage } from "../../src/consensus/types.ts";
import { AssertionError } from "../../src/kernel/assert.ts";
import type { PublicKey } from "../../src/kernel/scalars.ts";
import { signingBytes } from "../../src/kernel/statements.ts";
import { recoverReplica } from "../../src/replica/state.ts";
import type { Answer, ReplicaEffect, ReplicaInput, ReplicaState } from "../../src/replica/types.ts";
import { forgetCertificates } from "./amnesia.ts";
import { type Birth, createBirth, nodeKeys, SILENCE_MS, START_MS } from "./birth.ts";
import { Counts } from "./counts.ts";
import { describeEffect, describeInput } from "./describe-input.ts";
import { cutPower, journalIndex, readDisk, syncChain, writeChain } from "./disk.ts";
import { createEventQueue } from "./event-queue.ts";
import { loadHistory } from "./history.ts";
import { createNetwork } from "./network.ts";
import type { Plan } from "./plan.ts";
import { type Ports, startProcess } from "./process.ts";
import { createRandom } from "./random.ts";
import { createRunChecker, type RunChecker } from "./run-checker.ts";
import { type CryptoName, createKeyring, type Keyring } from "./schemes.ts";
import { createSignatureChecker } from "./signature-checker.ts";
import { createNodes, type SimNode } from "./sim-node.ts";
import { createTrace, type Trace } from "./trace.ts";
import { Violation } from "./violation.ts";

export interface WorldOptions {
  readonly crypto?: CryptoName;
  /** Prints every line as it happens. */
  readonly print?: (line: string) => void;
}

type Sign = Extract<Effect, { readonly kind: "sign" }>;

/** A whole network on one virtual clock: everything in it follows from the plan. */
export class World {
  readonly plan: Plan;
  readonly keyring: Keyring;
  readonly birth: Birth;
  readonly nodes: readonly SimNode[];
  readonly checker: RunChecker;
  readonly counts = new Counts();
  readonly trace: Trace;
  /** Virtual ms since the start. */
  now = 0;
  /** Effects performed by all nodes so far: the places where the power can fail. */
  effects = 0;
  /** Called with every effect of every node, before it is performed. */
  onEffect: ((node: SimNode, effect: ReplicaEffect) => void) | undefined;
  /** Scenarios lose messages of their choice. */
  isLost: (from: SimNode, to: SimNode, message: PeerMessage) => boolean = () => false;
  /** ... and hold others up. */
  extraDelayMs: (message: PeerMessage) => number = () => 0;
  /** When a member that does not drop evidence first held some after the healing. */
  evidenceMs = Number.POSITIVE_INFINITY;
  /** Waiting clients, by request. */
  readonly clients = new Map<number, (answer: Answer) => void>();
  readonly #queue = createEventQueue<() => void>();
  /** Real signatures, and everything passes through its bytes on the wire and on disk. */
  readonly #isReal: boolean;
  readonly #network;
  readonly #syncs;
  readonly #cuts;
  readonly #signatures;

  constructor(plan: Plan, options: WorldOptions = {}) {
    this.plan = plan;
    this.#isReal = options.crypto === "ed25519";
    this.keyring = createKeyring(options.crypto ?? "stub");
    const keys = nodeKeys(this.keyring, plan);
    this.birth = createBirth(plan, this.keyring, keys);
    this.nodes = createNodes(plan, keys);
    const random = createRandom(plan.seed).fork(7);
    this.#network = createNetwork(plan, random.fork(1));
    this.#syncs = random.fork(2);
    this.#cuts = random.fork(3);
    const names = new Map(
      keys.flatMap(({ name, key, networkKey }) => [
        [key.slice(0, 6), name],
        [networkKey.slice(0, 6), name],
      ]),
    );
    this.trace = createTrace({ linesMax: 40, names, print: options.print });
    this.#signatures = createSignatureChecker(this.birth.chainId);
    const honest = new Set(this.nodes.filter((node) => node.honest).map(({ key }) => key));
    this.checker = createRunChecker({
      birth: this.birth,
      scheme: this.keyring.scheme,
      isHonest: (key) => honest.has(key),
      mayBeSilent: (key) => this.#mayBeSilent(key),
    });
  }

  at(atMs: number, action: () => void): void {
    this.#queue.push(Math.max(atMs, this.now), action);
  }

  /** Runs every event up to that time; ends early once `done` holds. Violations throw. */
  runUntil(untilMs: number, done?: () => boolean): void {
    while (this.#queue.nextAt() <= untilMs) {
      const event = this.#queue.pop();
      if (event === undefined) return;
      this.now = event.at;
      event.item();
      if (done?.()) return;
    }
    this.now = untilMs;
  }

  /** Feeds an input to a node, if it is up; a broken assertion in a replica ends the run. */
  input(node: SimNode, input: ReplicaInput): void {
    const { process } = node;
    if (process === undefined) return;
    this.#guard(node, () => {
      if (this.plan.liar?.kind === "amnesia" && !node.honest) process.alter(forgetCertificates);
      process.input(input);
      if (node.place === this.plan.evidenceDropper) process.alter(dropEvidence);
    });
  }

  /** Starts the node from what its disk holds. */
  start(node: SimNode): void {
    if (node.gone || node.process !== undefined) return;
    this.trace.add(this.now, node.name, () => "starts");
    const config = {
      chainId: this.birth.chainId,
      genesis: this.birth.genesis,
      self: { key: node.key, networkKey: node.networkKey },
      scheme: this.keyring.scheme,
      protocols: node.protocols,
    };
    this.#guard(node, () => {
      const state = recoverReplica(config, readDisk(node.disk));
      node.process = startProcess(state, this.#ports(node));
    });
    this.input(node, { kind: "start" });
  }

  /** Ends the process; with the power, what was written and not synced goes too. */
  stop(node: SimNode, how: "kill" | "power"): void {
    if (node.process === undefined) return;
    this.trace.add(this.now, node.name, () => `stops: ${how}`);
    node.process.stop();
    node.process = undefined;
    node.doom = undefined;
    node.lastFaultMs = this.now;
    if (how === "power") cutPower(node.disk, this.#cuts);
  }

  nodeName(key: PublicKey): string {
    return this.nodes.find((node) => node.key === key)?.name ?? key.slice(0, 6);
  }

  #mayBeSilent(key: PublicKey): boolean {
    const since = this.now - SILENCE_MS - 2_000;
    const node = this.nodes.find((each) => each.key === key);
    if (node === undefined || !node.honest) return true;
    return node.gone || node.process === undefined || node.lastFaultMs >= since;
  }

  #guard(node: SimNode, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (error instanceof Violation) throw error;
      const checker = error instanceof AssertionError ? "assertion" : "exception";
      if (node.honest) {
        throw new Violation(`${node.name}: ${String(error)}`, { checker, cause: error });
      }
      // A twin may lose its own invariants: it is a liar that crashed.
      this.counts.add("twins crashed");
      this.stop(node, "kill");
    }
  }

  #ports(node: SimNode): Ports {
    const skewMs = this.plan.skewMs[node.place] ?? 0;
    return {
      now: () => Math.floor(START_MS + this.now + skewMs),
      after: (delayMs, action) => this.at(this.now + delayMs, () => this.#guard(node, action)),
      syncMs: () => this.#syncMs(node),
      dies: () => this.#dies(node),
      perform: (effect) => this.#perform(node, effect),
      journal: (effect) => this.#journal(node, effect),
      stepped: (input, effects) => this.#stepped(node, input, effects),
    };
  }

  /** A disk slower than this could not follow the chain: its signatures would queue up. */
  #syncMs(node: SimNode): number {
    const { fsyncMsMax, slowDisk } = this.plan;
    const mostMs = node.place === slowDisk ? Math.min(10 * fsyncMsMax, 30) : fsyncMsMax;
    return 0.1 + this.#syncs.next() * mostMs;
  }

  #dies(node: SimNode): boolean {
    this.effects += 1;
    const { doom } = node;
    if (doom === undefined) return false;
    doom.left -= 1;
    if (doom.left >= 0) return false;
    doom.die();
    return node.process === undefined;
  }

  #stepped(node: SimNode, input: ReplicaInput, effects: readonly ReplicaEffect[]): void {
    const at = this.now;
    this.trace.add(at, node.name, () => describeInput(input));
    for (const effect of effects)
      this.trace.add(at, node.name, () => `  ${describeEffect(effect)}`);
  }

  #journal(node: SimNode, { statement, safety }: Sign): ReplicaInput {
    syncChain(node.disk);
    if (node.honest) this.#signatures.check(node.key, statement);
    const index = journalIndex(statement);
    const known = node.disk.journal.get(index);
    const message = signingBytes(this.birth.chainId, statement);
    const signature = this.keyring.sign(node.key, message);
    if (known === undefined) {
      node.disk.journal.set(index, { statement, author: node.key, signature, safety });
    }
    return { kind: "signed", signed: { statement, author: node.key, signature } };
  }

  #perform(node: SimNode, effect: ReplicaEffect): void {
    this.onEffect?.(node, effect);
    switch (effect.kind) {
      case "store":
        writeChain(node.disk, this.#isReal ? rereadRecord(effect.record) : effect.record);
        return;
      case "broadcast":
        for (const to of this.nodes) this.#deliver(node, to, effect.message);
        return;
      case "send":
        for (const to of this.nodes) {
          if (to.networkKey === effect.to) this.#deliver(node, to, effect.message);
        }
        return;
      case "pins-changed":
        node.pins = new Set(effect.pins.map(({ networkKey }) => networkKey));
        return;
      case "load-history":
        this.#loadHistory(node, effect.to, effect.fromHeight);
        return;
      case "answer":
        this.clients.get(effect.request)?.(effect.answer);
        this.clients.delete(effect.request);
        return;
      default:
        if (node.honest) this.#check(node, effect);
    }
  }

  #check(node: SimNode, effect: ReplicaEffect): void {
    switch (effect.kind) {
      case "executed":
        this.checker.executed(node.name, effect.execution);
        return;
      case "certified":
        this.checker.certified(node.name, effect.certificate);
        return;
      case "misconduct-found":
        this.counts.add(`evidence found: ${effect.first.statement.kind}`);
        this.checker.evidence(node.name, effect.first, effect.second);
        this.#noteEvidence(node);
        return;
      case "protocol-unsupported":
        this.counts.add("refused: PROTOCOL_UNSUPPORTED");
        this.stop(node, "kill");
        return;
      case "halt":
        throw new Violation(`${node.name}: ${effect.reason}`, { checker: "no honest node halts" });
      case "observe":
        this.#checkEvent(node, effect.event);
        return;
      default:
    }
  }

  #checkEvent({ name }: SimNode, event: ConsensusEvent): void {
    if (event.kind === "round-timed-out") this.counts.add("rounds timed out");
    if (event.kind === "wrong-root") this.checker.counted(name, event.author, event.kind);
    if (event.kind === "invalid-proposal") {
      this.checker.counted(name, event.author, `${event.kind} ${event.code}`);
    }
  }

  #noteEvidence(node: SimNode): void {
    const { members, evidenceDropper, healMs } = this.plan;
    if (node.place >= members || node.place === evidenceDropper || this.now < healMs) return;
    this.evidenceMs = Math.min(this.evidenceMs, this.now);
  }

  #loadHistory(node: SimNode, to: PublicKey, fromHeight: number): void {
    const segment = loadHistory(node.disk.chain, fromHeight);
    if (segment === undefined) return;
    this.counts.add("history loaded");
    this.at(this.now + 1, () => this.input(node, { kind: "history", to, segment }));
  }

  #deliver(from: SimNode, to: SimNode, sent: PeerMessage): void {
    if (to.key === from.key || !from.pins.has(to.networkKey) || !from.talksTo(to.index)) return;
    if (this.isLost(from, to, sent)) return;
    const delays = this.#network.deliveries(from, to, this.now);
    this.counts.add("messages sent");
    if (delays.length === 0) this.counts.add("messages lost");
    if (delays.length > 1) this.counts.add("messages doubled");
    const extraMs = this.extraDelayMs(sent);
    const message = this.#isReal ? decodePeerMessage(encodePeerMessage(sent)) : sent;
    for (const delayMs of delays) {
      this.at(this.now + delayMs + extraMs, () => {
        if (!to.pins.has(from.networkKey)) return;
        this.input(to, { kind: "message", from: from.networkKey, message });
      });
    }
  }
}

function rereadRecord(record: ChainRecord): ChainRecord {
  return decodeChainRecord(encodeChainRecord(record));
}

/** Honest in all it signs, but it never tells the chain what it found. */
function dropEvidence(state: ReplicaState): ReplicaState {
  return state.pendingProofs.length === 0 ? state : { ...state, pendingProofs: [] };
}
