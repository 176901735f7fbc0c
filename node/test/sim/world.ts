import { decodeChainRecord, encodeChainRecord } from "../../src/consensus/codec.ts";
import { decodePeerMessage, encodePeerMessage } from "../../src/consensus/message-codec.ts";
import { peerStatus } from "../../src/consensus/state.ts";
import type { ChainRecord, PeerBody, PeerMessage, SignedBlock } from "../../src/consensus/types.ts";
import { AssertionError } from "../../src/kernel/assert.ts";
import type { PublicKey } from "../../src/kernel/scalars.ts";
import { recoverReplica } from "../../src/replica/state.ts";
import type { Answer, ReplicaEffect, ReplicaInput, ReplicaState } from "../../src/replica/types.ts";
import type { Posting } from "./adversaries/adversary.ts";
import { corrupt } from "./adversaries/create.ts";
import { type Birth, createBirth, nodeKeys, START_MS } from "./birth.ts";
import { ConductChecker } from "./conduct-checker.ts";
import { Counts } from "./counts.ts";
import { describeEffect, describeInput } from "./describe-input.ts";
import { cutPower, readDisk, rollBack, writeChain } from "./disk.ts";
import { EffectChecker } from "./effect-checker.ts";
import { createEventQueue } from "./event-queue.ts";
import { loadHistory } from "./history.ts";
import { createNetwork } from "./network.ts";
import type { Plan } from "./plan.ts";
import { type Ports, startProcess } from "./process.ts";
import { createRandom } from "./random.ts";
import { createRunChecker, type RunChecker } from "./run-checker.ts";
import { type CryptoName, createKeyring, type Keyring } from "./schemes.ts";
import { SharedExecution } from "./shared-execution.ts";
import { Signer } from "./signer.ts";
import { createNodes, type SimNode } from "./sim-node.ts";
import { createTrace, type Trace } from "./trace.ts";
import { Transport } from "./transport.ts";
import { Violation } from "./violation.ts";

export interface WorldOptions {
  readonly crypto?: CryptoName;
  /** Prints every line as it happens. */
  readonly print?: (line: string) => void;
  /**
   * Binaries differ in this run (rule SPLIT): members may disagree about what a block does, but
   * never about a certificate, and the journal refuses a second attestation, which is no fault.
   */
  readonly splits?: boolean;
}

/** What waits for a process that stands still, at most. */
const BACKLOG_MAX = 4_000;

/** A whole network on one virtual clock: everything in it follows from the plan. */
export class World {
  readonly plan: Plan;
  readonly keyring: Keyring;
  readonly birth: Birth;
  readonly nodes: readonly SimNode[];
  readonly checker: RunChecker;
  readonly effectChecker: EffectChecker;
  /** Undefined where binaries differ. */
  readonly #conduct: ConductChecker | undefined;
  readonly counts = new Counts();
  readonly trace: Trace;
  /** Virtual ms since the start. */
  now = 0;
  /** Effects performed by all nodes so far: the places where the power can fail. */
  effects = 0;
  /** Called with every effect of every node, before it is performed. */
  onEffect: ((node: SimNode, effect: ReplicaEffect) => void) | undefined;
  /** Called with every message that a node takes in. */
  onHeard: ((from: SimNode, to: SimNode, body: PeerBody) => void) | undefined;
  /** Scenarios lose messages of their choice. */
  isLost: (from: SimNode, to: SimNode, message: PeerMessage) => boolean = () => false;
  /** ... and hold others up. */
  extraDelayMs: (message: PeerMessage) => number = () => 0;
  /** Second blocks that liars signed, by epoch and round. */
  readonly rivals = new Map<string, SignedBlock>();
  /** Hands a transaction to the members, as a client does. */
  submit: ((transaction: Uint8Array, first: number) => void) | undefined;
  /** Waiting clients, by request. */
  readonly clients = new Map<number, (answer: Answer) => void>();
  readonly #queue = createEventQueue<() => void>();
  /** Real signatures, and everything passes through its bytes on the wire and on disk. */
  readonly #isReal: boolean;
  readonly #network;
  readonly #syncs;
  readonly #cuts;
  readonly #signer: Signer;
  readonly #transport = new Transport();
  readonly #executions = new SharedExecution();
  readonly #rollsBack: ReadonlySet<number>;

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
    const honest = new Set(this.nodes.filter((node) => node.honest).map(({ key }) => key));
    const stolen = new Set(keys.slice(plan.members + plan.spares).map(({ key }) => key));
    this.checker = createRunChecker({
      birth: this.birth,
      scheme: this.keyring.scheme,
      isHonest: (key) => honest.has(key),
      mayBeSilent: (key) => this.#mayBeSilent(key),
      isEndorsed: (key) => !stolen.has(key),
      now: () => START_MS + this.now,
    });
    const { counts, keyring, checker: run } = this;
    const splits = options.splits ?? false;
    const isHonest = (key: PublicKey) => honest.has(key);
    this.#conduct = splits ? undefined : new ConductChecker({ birth: this.birth, run, isHonest });
    const odd = new Set(plan.split?.odd.map((place) => this.nodes[place]?.key));
    const now = () => this.now;
    this.effectChecker = new EffectChecker({ plan, run, counts, splits, odd, now });
    this.#signer = new Signer({
      chainId: this.birth.chainId,
      keyring,
      run,
      conduct: this.#conduct,
      localTime: (node) => this.localTime(node),
      counts,
      splits: splits || plan.split !== undefined,
    });
    for (const [index, liar] of plan.liars.entries()) {
      for (const node of this.nodes.filter(({ place }) => place === liar.node)) {
        corrupt(this, node, liar, random.fork(100 + index));
      }
    }
    const forgetful = plan.liars.filter(({ kind }) => kind === "rollback");
    this.#rollsBack = new Set(forgetful.map(({ node }) => node));
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
    const { process, adversary } = node;
    if (process === undefined) return;
    if (node.backlog !== undefined) {
      if (node.backlog.length < BACKLOG_MAX) node.backlog.push(() => this.input(node, input));
      return;
    }
    this.#guard(node, () => {
      if (adversary !== undefined) {
        if (input.kind === "message") adversary.incoming(input.message);
        process.alter(adversary.meddle);
      }
      process.input(input);
      if (node.place === this.plan.evidenceDropper) process.alter(dropEvidence);
    });
  }

  /** The node's process stands still; it goes on with what waits for it (rule SILENCE). */
  pause(node: SimNode): void {
    if (node.process === undefined || node.backlog !== undefined) return;
    this.trace.add(this.now, node.name, () => "stands still");
    node.backlog = [];
  }

  resume(node: SimNode): void {
    const { backlog } = node;
    if (backlog === undefined) return;
    this.trace.add(this.now, node.name, () => "goes on");
    node.backlog = undefined;
    node.lastFaultMs = Math.max(node.lastFaultMs, this.now);
    for (const [index, action] of backlog.entries()) this.at(this.now + index * 0.02, action);
  }

  /** Unix ms on the node's own clock. */
  localTime(node: SimNode): number {
    return Math.floor(START_MS + this.now + node.skewMs);
  }

  /** A liar's message that its replica knows nothing of. */
  post(from: SimNode, to: SimNode, body: PeerBody): void {
    const state = from.process?.state;
    if (state === undefined) return;
    this.#send(from, to, { message: { status: peerStatus(state.consensus), body }, delayMs: 0 });
  }

  /** Starts the node from what its disk holds. */
  start(node: SimNode): void {
    if (node.gone || node.process !== undefined) return;
    this.trace.add(this.now, node.name, () => "starts");
    node.lastFaultMs = Math.max(node.lastFaultMs, this.now);
    const config = {
      chainId: this.birth.chainId,
      genesis: this.birth.genesis,
      self: { key: node.key, networkKey: node.networkKey },
      scheme: this.keyring.scheme,
      protocols: node.protocols,
      ...(!this.#isReal && { execute: this.#executions.execute }),
      repair: node.repair,
    };
    this.#guard(node, () => {
      const { wasTorn, ...recovered } = readDisk(node.disk);
      if (wasTorn) this.counts.add("disk: torn record cut off");
      const state = recoverReplica(config, recovered);
      node.process = startProcess(state, this.#ports(node));
      if (node.honest) this.#conduct?.recovered(node);
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
    node.backlog = undefined;
    node.lastFaultMs = Math.max(node.lastFaultMs, this.now);
    if (how !== "power") return;
    if (cutPower(node.disk, this.#cuts) > 0) this.counts.add("disk: unsynced records lost");
    if (!this.#rollsBack.has(node.place)) return;
    this.counts.add("disk: synced records lost");
    rollBack(node.disk, this.#cuts);
  }

  nodeName(key: PublicKey): string {
    return this.nodes.find((node) => node.key === key)?.name ?? key.slice(0, 6);
  }

  #mayBeSilent(key: PublicKey): boolean {
    const node = this.nodes.find((each) => each.key === key);
    if (node === undefined || !node.honest) return true;
    if (node.gone || node.process === undefined || node.backlog !== undefined) return true;
    if (node.process.state.halted !== undefined) return true;
    return node.lastFaultMs >= this.now - 2 * this.plan.silenceMs;
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
      // A liar may lose its own invariants: it crashed, and starts again.
      this.counts.add("liars crashed");
      this.trace.add(this.now, node.name, () => `crashes: ${String(error)}`);
      this.stop(node, "kill");
      this.at(this.now + 1_000, () => this.start(node));
    }
  }

  #ports(node: SimNode): Ports {
    const run = (action: () => void): void => {
      if (node.backlog === undefined) this.#guard(node, action);
      else node.backlog.push(() => run(action));
    };
    return {
      now: () => this.localTime(node),
      after: (delayMs, action) => this.at(this.now + delayMs, () => run(action)),
      syncMs: () => this.#syncMs(node),
      dies: () => this.#dies(node),
      perform: (effect) => this.#perform(node, effect),
      journal: (effect) => this.#signer.sign(node, effect),
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
    if (node.honest) this.#conduct?.stepped(node);
  }

  #perform(node: SimNode, effect: ReplicaEffect): void {
    this.onEffect?.(node, effect);
    switch (effect.kind) {
      case "store":
        if (effect.record.kind === "committed") {
          this.counts.add(`commit by: ${effect.record.proof.kind}`);
        }
        if (node.honest) this.#conduct?.performed(node, effect);
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
        if (!node.honest) return;
        this.effectChecker.check(node, effect);
        this.#conduct?.performed(node, effect);
        this.#endByItself(node, effect);
    }
  }

  /** Some effects end the process; after a repair its supervisor starts it again. */
  #endByItself(node: SimNode, { kind }: ReplicaEffect): void {
    if (kind !== "protocol-unsupported" && kind !== "restart") return;
    this.stop(node, "kill");
    if (kind === "restart") this.at(this.now + 100, () => this.start(node));
  }

  #loadHistory(node: SimNode, to: PublicKey, fromHeight: number): void {
    const segment = loadHistory(node.disk.chain, fromHeight);
    if (segment === undefined) return;
    this.counts.add("history loaded");
    this.at(this.now + 1, () => this.input(node, { kind: "history", to, segment }));
  }

  #deliver(from: SimNode, to: SimNode, message: PeerMessage): void {
    if (to.key === from.key || !from.pins.has(to.networkKey) || !from.talksTo(to.index)) return;
    if (from.adversary === undefined) {
      this.#send(from, to, { message, delayMs: 0 });
      return;
    }
    for (const posting of from.adversary.outgoing(to, message)) this.#send(from, to, posting);
  }

  #send(from: SimNode, to: SimNode, { message: sent, delayMs: heldMs }: Posting): void {
    if (to.key === from.key || this.isLost(from, to, sent)) return;
    const delays = this.#network.deliveries(from, to, this.now);
    this.counts.add("messages sent");
    if (delays.length === 0) this.counts.add("messages lost");
    if (delays.length > 1) this.counts.add("messages doubled");
    const extraMs = this.extraDelayMs(sent) + heldMs;
    const message = this.#isReal ? decodePeerMessage(encodePeerMessage(sent)) : sent;
    for (const delayMs of delays) {
      this.at(this.now + delayMs + extraMs, () => {
        if (to.process === undefined || !to.pins.has(from.networkKey)) return;
        if (!from.honest && !this.#transport.takes(from, to, this.now)) {
          this.counts.add("spam: beyond the transport");
          return;
        }
        this.onHeard?.(from, to, message.body);
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
