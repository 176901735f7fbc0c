import { type Base, beginAt } from "../../src/consensus/base.ts";
import type { Effect } from "../../src/consensus/effects.ts";
import { historySource, readHistory } from "../../src/consensus/history.ts";
import type { Input, TimerName } from "../../src/consensus/inputs.ts";
import { recover } from "../../src/consensus/recover.ts";
import type { JournalRecord } from "../../src/consensus/safety-data.ts";
import { segmentFrom } from "../../src/consensus/segments.ts";
import {
  type ConsensusConfig,
  type ConsensusState,
  createConsensus,
} from "../../src/consensus/state.ts";
import { step } from "../../src/consensus/step.ts";
import type { PeerMessage, SignedBatch, SignedBlock } from "../../src/consensus/types.ts";
import { sha256Hex } from "../../src/crypto/sha256.ts";
import type { ResultCertificate } from "../../src/kernel/certificates.ts";
import { PRODUCTION } from "../../src/kernel/parameters.ts";
import { type Digest, type PublicKey, ZERO_DIGEST } from "../../src/kernel/scalars.ts";
import {
  type AttestedResult,
  type SignedStatement,
  type Statement,
  statementDigest,
  statementEpoch,
  statementIndex,
} from "../../src/kernel/statements.ts";
import {
  type Checkpoint,
  type ValidatorSet,
  validatorSetHash,
} from "../../src/kernel/validator-set.ts";
import { createEventQueue } from "../sim/event-queue.ts";
import type { Disk } from "./disk.ts";
import {
  CHAIN_ID,
  GENESIS_TIME_MS,
  keyOf,
  networkKeyOf,
  STUB_SCHEME,
  signStub,
} from "./stub-keys.ts";

export interface TestNode {
  readonly name: string;
  readonly config: ConsensusConfig;
  readonly disk: Disk;
  /** The snapshot that its disk holds. */
  base: Base | undefined;
  state: ConsensusState;
  up: boolean;
  /** Effects left before the power goes, in the middle of a step. */
  budget: number;
  /** Counts restarts: what a former life had scheduled is void. */
  life: number;
  readonly timers: Map<TimerName, number>;
  root: Digest;
  /** What the ledger executed, since the last start. */
  executed: { block: SignedBlock; batches: readonly SignedBatch[] }[];
  /** Of the ledger's results, the one that is held. */
  held: Extract<Input, { kind: "executed" }> | undefined;
  readonly certified: ResultCertificate[];
  readonly misconduct: { first: SignedStatement; second: SignedStatement }[];
  readonly effects: Effect[];
  readonly halts: string[];
}

export interface NetworkOptions {
  readonly set: ValidatorSet;
  readonly names: readonly string[];
  readonly spares?: readonly string[];
  /** The set that starts after this block, if it ends the epoch. */
  readonly nextSet?: (
    block: SignedBlock,
    transactions: readonly Uint8Array[],
  ) => ValidatorSet | undefined;
  /** Delay in ms of a message on a link; undefined loses it. */
  readonly delay?: (
    from: string,
    to: string,
    message: PeerMessage,
    now: number,
  ) => number | undefined;
  /** A set that this node's owner verified out of band. */
  readonly checkpoint?: (name: string) => Checkpoint | undefined;
  /** How long the ledger takes for a block. */
  readonly executionMs?: number;
  /** Results that a node's ledger keeps back until `release`. */
  readonly holds?: (name: string, result: AttestedResult) => boolean;
}

/** Nodes in memory on one virtual clock; every write is durable at once. */
export class Network {
  readonly nodes = new Map<string, TestNode>();
  readonly options: NetworkOptions;
  now = GENESIS_TIME_MS;
  readonly #events = createEventQueue<() => void>();
  delay: NonNullable<NetworkOptions["delay"]>;

  constructor(options: NetworkOptions) {
    this.options = options;
    this.delay = options.delay ?? (() => 1);
    for (const name of options.names) this.add(name);
  }

  add(name: string): TestNode {
    const config: ConsensusConfig = {
      chainId: CHAIN_ID,
      self: { key: keyOf(name), networkKey: networkKeyOf(name) },
      parameters: PRODUCTION.consensus,
      scheme: STUB_SCHEME,
      genesisSet: this.options.set,
      genesisTimeMs: GENESIS_TIME_MS,
      checkpoint: this.options.checkpoint?.(name),
    };
    const node: TestNode = {
      name,
      config,
      disk: { journal: [], chain: [], signed: new Map() },
      base: undefined,
      state: createConsensus(config),
      up: false,
      budget: Number.POSITIVE_INFINITY,
      life: 0,
      timers: new Map(),
      root: ZERO_DIGEST,
      executed: [],
      held: undefined,
      certified: [],
      misconduct: [],
      effects: [],
      halts: [],
    };
    this.nodes.set(name, node);
    return node;
  }

  node(name: string): TestNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  start(...names: readonly string[]): void {
    for (const name of names.length === 0 ? this.options.names : names) {
      const node = this.node(name);
      node.up = true;
      this.input(node, { kind: "start" });
    }
  }

  /** Crashes the node after so many more effects, wherever that is in a step. */
  crashAfter(name: string, effects: number): void {
    this.node(name).budget = effects;
  }

  crash(name: string): void {
    const node = this.node(name);
    node.budget = Number.POSITIVE_INFINITY;
    node.up = false;
    node.life += 1;
    node.timers.clear();
  }

  /** A new process on the old disk. */
  restart(name: string): void {
    const node = this.node(name);
    node.life += 1;
    node.timers.clear();
    node.root = node.base?.certificate.result.stateRoot ?? ZERO_DIGEST;
    node.executed = [];
    node.held = undefined;
    node.state = recover(node.config, { ...node.disk, base: node.base });
    node.up = true;
    this.input(node, { kind: "start" });
  }

  schedule(delay: number, run: () => void): void {
    this.#events.push(Math.ceil(this.now + delay), run);
  }

  /** Runs until the virtual clock has moved by `duration`, or until `done`. */
  run(duration: number, done: () => boolean = () => false): boolean {
    const end = Math.ceil(this.now + duration);
    while (!done()) {
      if (this.#events.nextAt() > end) {
        this.now = end;
        return done();
      }
      const event = this.#events.pop();
      if (event === undefined) return done();
      this.now = Math.max(this.now, event.at);
      event.item();
    }
    return true;
  }

  input(node: TestNode, input: Input): void {
    if (!node.up) return;
    const result = step(node.state, input, this.now);
    node.state = result.state;
    const { life } = node;
    for (const effect of result.effects) {
      if (node.life !== life) return;
      node.budget -= 1;
      if (node.budget < 0) {
        this.crash(node.name);
        return;
      }
      this.#perform(node, effect);
    }
  }

  /** The held result, if there is one, reaches the core. */
  release(name: string): void {
    const node = this.node(name);
    const { held } = node;
    node.held = undefined;
    if (held !== undefined) this.input(node, held);
  }

  submit(name: string, text: string): void {
    const node = this.node(name);
    this.input(node, { kind: "transactions", transactions: [new TextEncoder().encode(text)] });
  }

  /** Puts a message on a link as if `from` had sent it. */
  inject(from: string, to: string, message: PeerMessage): void {
    const node = this.node(to);
    const { life } = node;
    this.schedule(1, () => {
      if (node.life === life)
        this.input(node, { kind: "message", from: networkKeyOf(from), message });
    });
  }

  #perform(node: TestNode, effect: Effect): void {
    node.effects.push(effect);
    switch (effect.kind) {
      case "store":
        node.disk.chain.push(effect.record);
        return;
      case "sign":
        this.#sign(node, effect.statement, effect.safety);
        return;
      case "broadcast":
        for (const other of this.nodes.values()) this.#send(node, other, effect.message);
        return;
      case "send": {
        const other = Array.from(this.nodes.values()).find((each) => {
          return each.config.self.networkKey === effect.to;
        });
        if (other !== undefined) this.#send(node, other, effect.message);
        return;
      }
      case "set-timer":
        this.#setTimer(node, effect.timer, effect.at);
        return;
      case "execute":
        this.#execute(node, effect.block, effect.batches);
        return;
      case "certified":
        node.certified.push(effect.certificate);
        return;
      case "misconduct":
        node.misconduct.push(effect);
        return;
      case "halt":
        node.halts.push(effect.reason);
        return;
      case "load-history":
        this.#loadHistory(node, effect.to, effect.fromHeight);
        return;
      default:
        return;
    }
  }

  #sign(node: TestNode, statement: Statement, safety: JournalRecord["safety"]): void {
    const author = node.config.self.key;
    const place = `${statement.kind}/${statementEpoch(statement)}/${statementIndex(statement)}`;
    const before = node.disk.signed.get(place);
    if (before !== undefined) {
      const same =
        statementDigest(CHAIN_ID, before.statement) === statementDigest(CHAIN_ID, statement);
      if (!same) throw new Error(`${node.name} asked to sign twice: ${JSON.stringify(statement)}`);
    } else {
      const { signature } = signStub(author, statement);
      const record = { statement, author, signature, safety };
      node.disk.journal.push(record);
      node.disk.signed.set(place, record);
    }
    const { life } = node;
    this.schedule(0, () => {
      if (node.life === life)
        this.input(node, { kind: "signed", signed: signStub(author, statement) });
    });
  }

  #send(from: TestNode, to: TestNode, message: PeerMessage): void {
    if (from === to || !to.up) return;
    const delay = this.delay(from.name, to.name, message, this.now);
    if (delay === undefined) return;
    const { life } = to;
    this.schedule(delay, () => {
      if (to.life !== life) return;
      this.input(to, { kind: "message", from: from.config.self.networkKey, message });
    });
  }

  #setTimer(node: TestNode, timer: TimerName, at: number): void {
    const { life } = node;
    node.timers.set(timer, at);
    this.schedule(Math.max(at - this.now, 0), () => {
      if (node.life !== life || node.timers.get(timer) !== at) return;
      node.timers.delete(timer);
      this.input(node, { kind: "timer", timer });
    });
  }

  #execute(node: TestNode, block: SignedBlock, batches: readonly SignedBatch[]): void {
    const encoder = new TextEncoder();
    const transactions = batches.flatMap(({ batch }) => batch.transactions);
    const root = sha256Hex(encoder.encode(node.root + block.id), ...transactions);
    node.root = root;
    node.executed.push({ block, batches });
    const nextSet = this.options.nextSet?.(block, transactions);
    const { epoch, height, timestampMs } = block.block;
    const result: AttestedResult = {
      epoch,
      height,
      blockId: block.id,
      timestampMs,
      stateRoot: root,
      receiptsRoot: ZERO_DIGEST,
      nextSetHash: nextSet === undefined ? ZERO_DIGEST : validatorSetHash(nextSet),
    };
    const spares = (this.options.spares ?? []).map(keyOf);
    const { life } = node;
    const done: Input = { kind: "executed", result, nextSet, spares };
    if (this.options.holds?.(node.name, result) === true) {
      node.held = done;
      return;
    }
    this.schedule(this.options.executionMs ?? 0, () => {
      if (node.life === life) this.input(node, done);
    });
  }

  #loadHistory(node: TestNode, to: PublicKey, fromHeight: number): void {
    const beginning = node.base && beginAt(node.config, node.base);
    const history = readHistory(node.config, node.disk.chain, beginning);
    const source = historySource(node.config, history);
    const segment = segmentFrom(source, fromHeight);
    if (segment !== undefined) this.input(node, { kind: "history", to, segment });
  }
}
