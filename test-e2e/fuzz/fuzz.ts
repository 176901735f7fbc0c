import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "../network/eventually.ts";
import type { NetworkNode } from "../network/network.ts";
import { RunningChain } from "../network/running-chain.ts";
import { keyPair } from "../stranger/keys.ts";
import { type Leaf, leaf } from "../stranger/pins.ts";
import { BadCaller } from "./bad-caller.ts";
import { BadMember } from "./bad-member.ts";
import { BadSockets } from "./bad-sockets.ts";
import { Chance } from "./chance.ts";
import { Corpus } from "./corpus.ts";
import { Health, type NodeHealth } from "./health.ts";

export interface FuzzPlan {
  readonly seed: number;
  readonly seconds: number;
}

export interface FuzzReport {
  readonly seed: number;
  readonly seconds: number;
  /** Valid messages that were recorded and mutated, and the bodies they carry (field numbers). */
  readonly corpus: { readonly messages: number; readonly kinds: readonly number[] };
  readonly sent: { readonly messages: number; readonly calls: number; readonly sockets: number };
  readonly nodes: readonly NodeHealth[];
  readonly violations: readonly string[];
}

const CORPUS_MESSAGES_MIN = 60;
const CALL_MS = 12;
const SOCKET_MS = 40;
/** The member's address speaks gRPC for so long, then broken HTTP/2 for a while. */
const TURN_MS = { messages: 8_000, frames: 2_000 } as const;
const WARM_UP_SHARE = 0.3;
/** A growing chain grows in memory too; a leak of what strangers send is steeper. */
const GROWTH_MIB_PER_MINUTE_MAX = 30;
/** Too few samples say nothing of growth. */
const GROWTH_SECONDS_MIN = 120;
/** Blocks come at least every 250 ms where nothing goes wrong; a turn of the bad leader costs. */
const SECONDS_PER_BLOCK_MAX = 5;

type Progress = (line: string) => void;

/**
 * Three honest validators, and a fourth whose keys, address and place in the set are held by a
 * fuzzer; strangers at the query, control, peer and metrics listeners of all.
 */
export async function fuzz(plan: FuzzPlan, progress: Progress): Promise<FuzzReport> {
  const chain = await RunningChain.start({ validators: 4, accounts: 3 });
  try {
    const run = await Run.start(plan, chain);
    try {
      const report = await run.through(progress);
      if (report.violations.length === 0) chain.passed();
      return report;
    } finally {
      await run.stop();
    }
  } finally {
    await chain.stop();
  }
}

class Run {
  readonly #plan: FuzzPlan;
  readonly #chain: RunningChain;
  readonly #honest: readonly NetworkNode[];
  readonly #victim: NetworkNode;
  readonly #leaf: Leaf;
  readonly #corpus: Corpus;
  readonly #member: BadMember;
  readonly #sockets: BadSockets;
  readonly #caller: BadCaller;
  readonly #chance: Chance;
  readonly #timers: NodeJS.Timeout[] = [];

  private constructor(plan: FuzzPlan, chain: RunningChain, corpus: Corpus, identity: Leaf) {
    const { validators } = chain.network;
    const victim = validators.at(-1);
    if (victim === undefined) throw new Error("a network has validators");
    this.#plan = plan;
    this.#chain = chain;
    this.#honest = validators.slice(0, -1);
    this.#victim = victim;
    this.#leaf = identity;
    this.#corpus = corpus;
    this.#chance = new Chance(plan.seed);
    this.#member = new BadMember(identity, corpus, new Chance(plan.seed + 1));
    this.#sockets = new BadSockets(new Chance(plan.seed + 2));
    this.#caller = new BadCaller(new Chance(plan.seed + 3));
  }

  /** Records the corpus under the victim's key while it still behaves, then takes its place. */
  static async start(plan: FuzzPlan, chain: RunningChain): Promise<Run> {
    const { network, client } = chain;
    const victim = network.validators.at(-1);
    if (victim === undefined) throw new Error("a network has validators");
    const pem = readFileSync(join(victim.place.dataDir, "network.key.pem"), "latin1");
    const identity = await leaf(keyPair(pem));
    await victim.process.remove();
    const corpus = new Corpus();
    for (const node of network.validators.slice(0, -1)) {
      await corpus.record(node, identity, client.chainId);
    }
    const recorded = () => (corpus.size >= CORPUS_MESSAGES_MIN ? true : undefined);
    await eventually(recorded, { what: "a corpus of valid messages", timeoutMs: 30_000 });
    return new Run(plan, chain, corpus, identity);
  }

  async through(progress: Progress): Promise<FuzzReport> {
    const keys = this.#honest.map(({ identity }) => identity.networkKey);
    const healths = this.#honest.map(
      (node) =>
        new Health(
          node,
          keys.filter((key) => key !== node.identity.networkKey),
        ),
    );
    await this.#attack();
    const startMs = performance.now();
    const endMs = startMs + this.#plan.seconds * 1_000;
    const turns = this.#takeTurns(endMs);
    while (performance.now() < endMs) {
      await Promise.all(healths.map((health) => health.sample()));
      const left = Math.ceil((endMs - performance.now()) / 1_000);
      progress(`${left} s left, ${this.#summary()}`);
      if (healths.some(({ violations }) => violations.length > 0)) break;
      await pause(1_000);
    }
    await turns;
    return this.#report(healths);
  }

  async #attack(): Promise<void> {
    const { client, accounts, network } = this.#chain;
    const [account] = accounts;
    if (account === undefined) throw new Error("the chain has accounts");
    await this.#member.knock(this.#honest);
    for (const node of this.#honest) {
      const query = await this.#caller.query(node, client, account);
      const control = await this.#caller.control(node, network.operator);
      this.#every(CALL_MS * this.#honest.length, () => {
        if (this.#chance.below(5) === 0) control();
        else query();
      });
      const { peers, query: queries, control: controls, metrics } = node.place;
      this.#every(SOCKET_MS * this.#honest.length, () => {
        const identity = this.#chance.below(2) === 0 ? this.#leaf : undefined;
        if (this.#chance.below(5) === 0) this.#sockets.strikeHttp(metrics);
        else this.#sockets.strikeTls(this.#chance.pick([peers, queries, controls]), identity);
      });
    }
  }

  /** Broken messages, then broken frames, at the address where the peers look for the member. */
  async #takeTurns(endMs: number): Promise<void> {
    const { peers } = this.#victim.place;
    while (performance.now() < endMs) {
      await this.#member.listen(peers, this.#honest);
      await pause(Math.min(TURN_MS.messages, Math.max(0, endMs - performance.now())));
      this.#member.silence();
      await this.#sockets.listen(peers, this.#leaf);
      await pause(Math.min(TURN_MS.frames, Math.max(0, endMs - performance.now())));
      await this.#sockets.silence();
    }
  }

  #summary(): string {
    const { messages, calls, sockets } = this.#sent();
    return `${messages} messages, ${calls} calls, ${sockets} sockets, height ${this.#chain.observer.certifiedHeight}`;
  }

  #sent(): FuzzReport["sent"] {
    const { sent: messages } = this.#member;
    return { messages, calls: this.#caller.sent, sockets: this.#sockets.sent };
  }

  #report(healths: readonly Health[]): FuzzReport {
    const { seed, seconds } = this.#plan;
    const nodes = healths.map((health) => health.report(seconds * 1_000 * WARM_UP_SHARE));
    const violations = healths.flatMap((health) => health.violations);
    for (const { name, growthMiBPerMinute, heights } of nodes) {
      if (heights < seconds / SECONDS_PER_BLOCK_MAX) {
        violations.push(`${name} certified ${heights} blocks in ${seconds} s`);
      }
      if (seconds >= GROWTH_SECONDS_MIN && growthMiBPerMinute > GROWTH_MIB_PER_MINUTE_MAX) {
        violations.push(`${name} grows by ${growthMiBPerMinute} MiB a minute`);
      }
    }
    for (const node of this.#honest) violations.push(...complaints(this.#chain, node));
    const { size: messages, kinds } = this.#corpus;
    return { seed, seconds, corpus: { messages, kinds }, sent: this.#sent(), nodes, violations };
  }

  #every(ms: number, act: () => void): void {
    this.#timers.push(setInterval(act, ms));
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#caller.stop();
    this.#member.stop();
    this.#corpus.stop();
    await this.#sockets.stop();
  }
}

/** Whatever is no line of the log: an exception that nobody caught, a warning of the runtime. */
function complaints({ network }: RunningChain, node: NetworkNode): string[] {
  const lines = readFileSync(network.logFile(node), "utf8").split("\n");
  const odd = lines.filter((line) => line !== "" && !line.startsWith("{"));
  return odd.slice(0, 5).map((line) => `${node.place.name} said: ${line}`);
}
