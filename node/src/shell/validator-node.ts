import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Status } from "@quorate/proto/query/v1/query";
import { peerStatus } from "../consensus/state.ts";
import type { PeerMessage } from "../consensus/types.ts";
import { ed25519 } from "../crypto/ed25519.ts";
import { defined } from "../kernel/assert.ts";
import { ok, type Refusal, type Result, refuse } from "../kernel/result.ts";
import type { Digest, Height, PublicKey } from "../kernel/scalars.ts";
import type { SignedStatement } from "../kernel/statements.ts";
import { genesisSet } from "../ledger/genesis.ts";
import { transactionId } from "../ledger/transaction.ts";
import { type ReplicaStatus, replicaStatus } from "../replica/queries.ts";
import { recoverReplica } from "../replica/state.ts";
import type { RequestId } from "../replica/types.ts";
import { BurnGuard } from "./burn-guard.ts";
import { ChainObserver } from "./chain-observer.ts";
import { type Divergence, writeDivergence } from "./disk/divergence.ts";
import { demandJournal } from "./disk/missing-journal.ts";
import { Signer } from "./disk/signer.ts";
import { timedFileSystem } from "./disk/timed-file-system.ts";
import { openDoor } from "./door/visitor.ts";
import { EffectPerformer, type OutwardEffect } from "./effect-performer.ts";
import { consented } from "./endorsement.ts";
import { protocolUnsupported, repaired } from "./fatal-error.ts";
import { QueryService } from "./grpc/query-service.ts";
import type { Submission } from "./grpc/submission.ts";
import { type NodeDisk, newSalt, openNodeDisk } from "./node-disk.ts";
import type { NodeOptions } from "./node-options.ts";
import { peerViews } from "./peer-views.ts";
import { Peering } from "./peering.ts";
import { leave } from "./planned-stop.ts";
import { PriceFeed } from "./price-feed.ts";
import { notReady, notSigning } from "./readiness.ts";
import { rebuild } from "./rebuild.ts";
import { readRepairPlan } from "./repair-file.ts";
import { Runtime } from "./runtime.ts";
import { NodeSnapshots, snapshotSource } from "./sync/node-snapshots.ts";
import { ProposalSpans } from "./tracing.ts";
import { statusToWire } from "./wire/status-wire.ts";

/** Milliseconds since the process began: a crashed node votes again within 3 s (rule BURN). */
function upMs(): number {
  return Math.round(performance.now());
}

/** One validator or spare with its chain: wires the replica to disk, peers, clients and prices. */
export class ValidatorNode {
  readonly #options: NodeOptions;
  readonly #disk: NodeDisk;
  readonly #runtime: Runtime;
  readonly #performer: EffectPerformer;
  readonly #signer: Signer;
  readonly #guard: BurnGuard;
  readonly #observer: ChainObserver;
  readonly #peering: Peering;
  readonly #spans: ProposalSpans;
  readonly #answering = new Map<RequestId, Submission>();
  readonly #snapshots: NodeSnapshots;
  readonly #lag = monitorEventLoopDelay({ resolution: 10 });
  #query: QueryService | undefined;
  #prices: PriceFeed | undefined;
  #requests: RequestId = 0;
  #hasExecuted = false;
  #isSigning = false;

  private constructor(options: NodeOptions, disk: NodeDisk, runtime: Runtime) {
    this.#options = options;
    this.#disk = disk;
    this.#runtime = runtime;
    const { birth, keys, metrics, log, now } = options;
    const { chainId } = birth;
    const self = keys.consensus.publicKey;
    const { journal, store } = disk;
    this.#spans = new ProposalSpans(options.tracing);
    this.#observer = new ChainObserver({ metrics, log, now });
    this.#signer = new Signer({ journal, chainId, author: self, sign: keys.consensus.sign });
    this.#guard = new BurnGuard({ journal, chainId, self, scheme: ed25519 });
    this.#peering = this.#makePeering();
    this.#snapshots = this.#makeSnapshots();
    this.#performer = new EffectPerformer({
      store,
      signer: this.#signer,
      guard: this.#guard,
      push: (input) => runtime.push(input),
      outward: (effect) => this.#outward(effect),
      setTimer: (timer, at) => runtime.setTimer(timer, at),
      cancelTimer: (timer) => runtime.cancelTimer(timer),
      refused: ({ kind }) => {
        metrics.signaturesRefused.inc({ kind });
        log.debug("signature refused: its index holds another digest", { kind });
      },
      signed: ({ statement: { kind } }) => metrics.signatures.inc({ kind }),
      fail: options.fail,
    });
  }

  /** Reads the disk, recovers the replica, opens the listeners. Throws FatalError. */
  static async start(options: NodeOptions): Promise<ValidatorNode> {
    const { config, birth, keys, metrics } = options;
    const fileSystem = timedFileSystem(options.fileSystem, (name, seconds) => {
      metrics.fsync.observe({ log: name.includes("journal") ? "journal" : "chain" }, seconds);
    });
    const author = keys.consensus.publicKey;
    await demandJournal(fileSystem, config.dataDir);
    const disk = await openNodeDisk({
      fileSystem,
      ...{ folder: config.dataDir, checkpoint: config.checkpoint },
      ...{ birth, author, scheme: ed25519 },
      log: options.log,
      protocols: options.protocols,
      now: options.now,
      checkpoint: config.checkpoint,
      fetched: options.base,
    });
    options.log.info("logs read", { upMs: upMs(), records: disk.records.length });
    const state = recoverReplica(
      {
        ...birth,
        self: { key: author, networkKey: keys.network.publicKey },
        ...{ scheme: ed25519, protocols: options.protocols },
        repair: await readRepairPlan(config.dataDir, options.protocols),
        checkpoint: config.checkpoint,
      },
      { journal: disk.signed, chain: disk.records, base: disk.base },
    );
    // The loop and the node need each other: the loop's callbacks run only after both exist.
    const made: { node?: ValidatorNode } = {};
    const runtime = new Runtime(state, {
      now: options.now,
      perform: (effects) => defined(made.node, "node").#performer.perform(effects),
      stepped: (input, elapsedMs) => {
        metrics.step.observe({ input }, elapsedMs / 1_000);
        made.node?.stepped(elapsedMs);
      },
      fail: options.fail,
    });
    const node = new ValidatorNode(options, disk, runtime);
    made.node = node;
    await node.#open();
    return node;
  }

  async #open(): Promise<void> {
    const { config, birth, identity, now, metrics, tracing, log } = this.#options;
    const { genesis } = birth;
    await this.#peering.start(genesisSet(genesis).members);
    const { service } = await QueryService.start({
      identity,
      listen: config.listen.query,
      state: () => this.#runtime.state,
      store: this.#disk.store,
      status: () => this.status(),
      submit: (submission) => this.#submit(submission),
      tracing,
      clients: openDoor(config.clients, now, (reason) => metrics.clientsRefused.inc({ reason })),
    });
    this.#query = service;
    this.#prices = await PriceFeed.load(
      {
        now,
        genesisTimeMs: genesis.genesisTimeMs,
        slotMs: genesis.parameters.margin.oracleSlotMs,
        push: (input) => this.#runtime.push(input),
        shown: (market, price) => {
          metrics.ownPrice.set({ market: String(market) }, Number(price ?? 0n));
        },
      },
      config.prices,
    );
    this.#lag.enable();
    const { burnt, size } = this.#disk.journal;
    if (burnt !== undefined) log.error("this key is burnt: it signs nothing", { reason: burnt });
    log.info("node started", { chain: birth.chainId, signatures: size, upMs: upMs() });
    this.#runtime.push({ kind: "start" });
    this.#prices.start();
    this.#snapshots.start();
  }

  /** What the query and control listeners show. */
  status(): Status {
    const status = replicaStatus(this.#runtime.state);
    const { keys, version } = this.#options;
    return statusToWire(status, {
      networkKey: keys.network.publicKey,
      notSigning: notSigning({ ...status, guard: this.#guard.state }),
      version,
      peers: peerViews(status, this.#peering, this.#observer),
    });
  }

  /** Undefined where the node is in sync and not condemned to silence. */
  notReady(): string | undefined {
    const { halted, split, height, set } = replicaStatus(this.#runtime.state);
    const claimed = this.#peering.claimedHeight(set);
    return notReady({ halted, split, guard: this.#guard.state, height, claimed });
  }

  /** Brings the gauges up to date. */
  refresh(): void {
    const { metrics } = this.#options;
    this.#observer.refresh(this.#runtime.state);
    const { waiting, dropped } = this.#peering.queueDepth();
    metrics.outboxQueue.set(waiting);
    metrics.outboxDropped.set(dropped);
    metrics.inputQueue.set(this.#runtime.queueLength);
    metrics.waitingCalls.set(this.#query?.waiting ?? 0);
    metrics.eventLoopLag.set(Math.max(0, this.#lag.percentile(99)) / 1e9);
    this.#lag.reset();
    const guard = this.#guard.state;
    metrics.burnt.set(guard.kind === "burnt" ? 1 : 0);
    const { halted, consensus } = this.#runtime.state;
    const { split } = consensus.chain;
    metrics.signing.set(notSigning({ halted, split, guard }) === undefined ? 1 : 0);
  }

  /** The pure step knows no spans: one that executed blocks is told of when it is over. */
  stepped(elapsedMs: number): void {
    if (this.#hasExecuted) this.#options.tracing.record("execute", elapsedMs);
    this.#hasExecuted = false;
  }

  /** The consensus key's consent to a digest: see `consented`. */
  endorse(subject: Digest): Promise<Result<SignedStatement, Refusal>> {
    const mayListen = replicaStatus(this.#runtime.state).role === "observer";
    const { journal } = this.#disk;
    const ports = { journal, signer: this.#signer, guard: this.#guard.state, mayListen };
    return consented(subject, ports);
  }

  rebuild(genesisHash: Digest): Promise<Result<Height, Refusal>> {
    const { config, ...rest } = this.#options;
    const place = { ...rest, folder: config.dataDir, salt: newSalt };
    return rebuild(this.#runtime.state, genesisHash, place);
  }

  /** Before a planned stop: a member tells the chain that it will be away; a second at most. */
  leave(): Promise<void> {
    return leave(this.#runtime.state, this.#guard.state, {
      ...this.#options,
      endorse: (subject) => this.endorse(subject),
      submit: (submission) => this.#submit([submission]),
    });
  }

  /** Closes the listeners, then the disk, so that nothing arrives that could not be stored. */
  async stop(): Promise<void> {
    this.#prices?.stop();
    this.#query?.stop();
    this.#peering.stop();
    this.#runtime.stop();
    this.#lag.disable();
    await this.#snapshots.stop();
    await this.#performer.settle();
    await this.#disk.journal.close();
    await this.#disk.store.close();
  }

  #makeSnapshots(): NodeSnapshots {
    const { keys, config, birth } = this.#options;
    return new NodeSnapshots({
      disk: this.#disk,
      state: () => this.#runtime.state,
      every: birth.genesis.parameters.consensus.snapshotBlocks,
      ...this.#options,
      ownNetworkKey: keys.network.publicKey,
      bootstrap: config.bootstrap,
      pinned: () => this.#peering.addresses(),
      claimed: () => this.#peering.claimedHeight(this.#set()),
    });
  }

  #makePeering(): Peering {
    const { config, birth, keys, identity, log, metrics, now, fail } = this.#options;
    return new Peering({
      identity,
      listen: config.listen.peers,
      chainId: birth.chainId,
      self: { key: keys.consensus.publicKey, networkKey: keys.network.publicKey },
      bootstrap: config.bootstrap,
      log,
      metrics,
      now,
      fail,
      snapshots: snapshotSource(this.#disk),
      status: () => peerStatus(this.#runtime.state.consensus),
      heard: (member) => this.#observer.heard(member),
      receive: (from, message) => this.#receive(from, message),
      echoed: (from) => {
        this.#guard.answered(from, this.#set());
        this.#resume();
      },
    });
  }

  #receive(from: PublicKey, message: PeerMessage): boolean {
    const { body } = message;
    const found = this.#guard.inspect(body);
    if (found.kind === "forged") return false;
    if (found.kind === "burnt") this.#burn(found.reason);
    // The echo of an own statement is for the guard alone.
    const self = this.#options.keys.consensus.publicKey;
    if (body.kind === "statement" && body.signed.author === self) return true;
    if (this.#snapshots.holds) return true;
    return this.#runtime.push({ kind: "message", from, message });
  }

  #resume(): void {
    if (!this.#isSigning && this.#guard.state.kind === "signing") {
      this.#isSigning = true;
      this.#options.log.info("peers have answered, this node signs", { upMs: upMs() });
    }
    this.#performer.resume();
  }

  #burn(reason: string): void {
    const { log, fail } = this.#options;
    log.error("this key is burnt: it signs nothing any more (rule BURN)", { reason });
    this.#disk.journal.burn(reason).catch(fail);
  }

  #outward(effect: OutwardEffect): void {
    switch (effect.kind) {
      case "broadcast":
        this.#spans.sent(effect.message);
        this.#peering.broadcast(effect.message);
        return;
      case "send":
        this.#peering.send(effect.to, effect.message);
        return;
      case "answer": {
        const waiting = this.#answering.get(effect.request);
        this.#answering.delete(effect.request);
        waiting?.answer(effect.answer);
        return;
      }
      case "pins-changed":
        this.#peering.repin(effect.pins);
        this.#guard.recheck(this.#set());
        this.#resume();
        return;
      case "executed":
        this.#hasExecuted = true;
        break;
      case "restart":
        this.#restart(effect.reason);
        return;
      case "protocol-unsupported":
        this.#options.fail(protocolUnsupported(effect));
        return;
      case "certified":
        this.#spans.certified(effect.certificate.result.blockId);
        this.#query?.certified(effect.certificate);
        this.#snapshots.certified(effect.certificate);
        break;
      case "halt":
        this.#keepEvidence(effect.differs);
        break;
      default:
    }
    this.#observer.observe(effect);
  }

  /** What the next start reads must be on the disk before this process ends. */
  #restart(reason: string): void {
    const { fail } = this.#options;
    const stop = (): void => fail(repaired(reason));
    this.#disk.store.sync().then(stop, fail);
  }

  /** Both results are kept, and the next start drops this node's own state (rule EVIDENCE). */
  #keepEvidence(differs: Divergence | undefined): void {
    if (differs === undefined) return;
    const { config, fileSystem, fail } = this.#options;
    writeDivergence({ fileSystem, folder: config.dataDir }, newSalt(), differs).catch(fail);
  }

  #submit(submissions: readonly Submission[]): Result<() => void, Refusal> {
    const taken = submissions.map((submission) => {
      this.#requests += 1;
      this.#answering.set(this.#requests, submission);
      return { request: this.#requests, transaction: submission.transaction };
    });
    if (!this.#runtime.push({ kind: "submit", submissions: taken })) {
      for (const { request } of taken) this.#answering.delete(request);
      return refuse("OVERLOADED", "node", "submit the same bytes again in a second");
    }
    return ok(() => {
      for (const { request, transaction } of taken) {
        if (!this.#answering.delete(request)) continue;
        this.#runtime.push({ kind: "abandon", request, transaction: transactionId(transaction) });
      }
    });
  }

  #set(): ReplicaStatus["set"] {
    return replicaStatus(this.#runtime.state).set;
  }
}
