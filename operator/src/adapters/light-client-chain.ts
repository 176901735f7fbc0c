import { connect } from "@quorate/client/client";
import type { ConnectOptions } from "@quorate/client/connect-options";
import {
  ChainRefusalError,
  QuorateError,
  RefusedError,
  UnreachableError,
} from "@quorate/client/errors";
import { toHex } from "@quorate/node/kernel/bytes";
import { validatorSetHash } from "@quorate/node/kernel/validator-set";
import { genesisHash } from "@quorate/node/ledger/genesis";
import { encodeSet } from "@quorate/node/ledger/leaves";
import type { Clock } from "@quorate/runtime/clock";
import type { ChainReading, ChainView } from "../observe/observation.ts";
import type { ChainPort, ChainRequest, SubmitOutcome, VerifiedChain } from "../ports.ts";
import { type ChainClient, ChainMemory } from "./chain-state.ts";
import { trustedStart } from "./trusted-start.ts";

/**
 * A pass waits this long for the chain at most; a node that is slower is asked after the others.
 */
const TIMEOUTS = { attemptMs: 1_500, totalMs: 6_000 } as const;
/** A node that lags is asked again so often, after a block's time each. */
const LAG_TRIES = 4;
const LAG_MS = 250;
const NOTHING_VERIFIED = { checkpoint: "", checkpointEpoch: 0, checkpointTimeMs: 0 } as const;

type Connect = (options: ConnectOptions) => Promise<ChainClient>;

/**
 * Chains by the light client, each kept open between passes. Sets share nothing, not even where
 * they name one genesis: what somebody writes into one set's status is no start for another's.
 */
export class LightClientChain implements ChainPort {
  readonly #clock: Clock;
  readonly #connect: Connect;
  readonly #chains = new Map<string, { readonly id: string; readonly chain: OpenChain }>();

  constructor(clock: Clock, connectTo: Connect = connect) {
    this.#clock = clock;
    this.#connect = connectTo;
  }

  async read(request: ChainRequest): Promise<VerifiedChain> {
    try {
      return await (await this.#open(request)).read(request);
    } catch (error) {
      return unreachable(messageOf(error));
    }
  }

  async submit(request: ChainRequest, transaction: Uint8Array): Promise<SubmitOutcome> {
    return (await this.#open(request)).submit(transaction);
  }

  close(): void {
    for (const { chain } of this.#chains.values()) chain.close();
    this.#chains.clear();
  }

  async #open(request: ChainRequest): Promise<OpenChain> {
    const { name, uid } = request.identity;
    const id = `${uid} ${genesisHash(request.genesis)}`;
    const kept = this.#chains.get(name);
    if (kept !== undefined && kept.id !== id) kept.chain.close();
    const chain = kept?.id === id ? kept.chain : new OpenChain(this.#clock, this.#connect);
    this.#chains.set(name, { id, chain });
    await chain.connect(request);
    return chain;
  }
}

function unreachable(message: string): VerifiedChain {
  const reading: ChainReading = { kind: "unreachable", message: message.slice(0, 500) };
  return { reading, proofs: [], ...NOTHING_VERIFIED };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

class OpenChain {
  readonly #clock: Clock;
  readonly #connect: Connect;
  #client: ChainClient | undefined;
  #endpoints = "";
  #connecting: Promise<void> = Promise.resolve();
  readonly #memory = new ChainMemory(() => this.#open());
  /** Newest verified header: its height, its block time, and when it was seen. */
  #newest = { height: 0, timeMs: 0, seenAt: 0 };
  /** This process has not verified a header of its own yet. */
  #isFirst = true;
  /** Epoch of the newest set that was verified while that was young enough. */
  #trustedEpoch = 0;
  /** A person's checkpoint that made an old start good: once, for one trust period. */
  #confirmed = "";

  constructor(clock: Clock, connectTo: Connect) {
    this.#clock = clock;
    this.#connect = connectTo;
  }

  /** Other pods, other connections; what was verified goes on. */
  connect(request: ChainRequest): Promise<void> {
    const turn = this.#connecting.then(() => this.#connectNow(request));
    this.#connecting = turn.catch(() => undefined);
    return turn;
  }

  async #connectNow(request: ChainRequest): Promise<void> {
    const { genesis, endpoints } = request;
    const names = endpoints.toSorted().join(" ");
    if (this.#client !== undefined && names === this.#endpoints) return;
    const open = (checkpoint: ConnectOptions["checkpoint"]): Promise<ChainClient> => {
      const options = { genesis, endpoints, timeouts: TIMEOUTS };
      return this.#connect(checkpoint === undefined ? options : { ...options, checkpoint });
    };
    const own = this.#client?.trustedSet;
    const next = own === undefined ? await this.#start(open, request) : await open(own);
    this.close();
    this.#client = next;
    this.#endpoints = names;
  }

  /** Status counts here and never again: from now on what this process verified does. */
  async #start(open: Parameters<typeof trustedStart>[0], request: ChainRequest) {
    const now = this.#clock.now();
    const { client, holdsStatus } = await trustedStart(open, request, now);
    const { checkpointTimeMs, checkpointEpoch = 0, verified } = request;
    this.#newest = { height: 0, timeMs: client.genesis.genesisTimeMs, seenAt: this.#seenAt(now) };
    if (!holdsStatus) return client;
    const timeMs = Math.max(checkpointTimeMs, client.genesis.genesisTimeMs);
    this.#trustedEpoch = checkpointEpoch;
    const height = verified?.height ?? 0;
    this.#newest = { height, timeMs, seenAt: this.#seenAt(timeMs) };
    return client;
  }

  /** When, by our monotonic clock, it was this wall-clock time; never later than now. */
  #seenAt(timeMs: number): number {
    return this.#clock.monotonic() - Math.max(0, this.#clock.now() - timeMs);
  }

  async read(request: ChainRequest): Promise<VerifiedChain> {
    const client = this.#open();
    const { person } = request;
    if (person === undefined) this.#confirmed = "";
    const ageMs = this.#clock.now() - this.#newest.timeMs;
    const isOld = ageMs > request.trustPeriodMs;
    const expired = { reading: { kind: "checkpoint-expired" as const, ageMs }, proofs: [] };
    if (isOld && !(await this.#isConfirmed(client, person))) {
      return { ...expired, ...NOTHING_VERIFIED };
    }
    const [view, proofs] = await Promise.all([
      this.#readNewest(request.keys),
      client.evidence().catch((error: unknown) => {
        if (error instanceof UnreachableError) return [];
        throw error;
      }),
    ]);
    const { height, timeMs } = view;
    const wrong = this.#personProblem(client, request) ?? this.#rollback(view);
    if (wrong !== undefined) return unreachable(wrong);
    if (isOld) {
      // A person's word is as old as the header that it was found to lead to.
      if (this.#clock.now() - timeMs > request.trustPeriodMs) {
        return { ...expired, ...NOTHING_VERIFIED };
      }
      this.#confirmed = personName(person);
    }
    if (height > this.#newest.height) {
      // What another process saw stand still stands still for this one too.
      const seenAt = this.#isFirst ? this.#seenAt(timeMs) : this.#clock.monotonic();
      this.#newest = { height, timeMs, seenAt };
    }
    this.#isFirst = false;
    const sinceProgressMs = this.#clock.monotonic() - this.#newest.seenAt;
    const set = client.trustedSet;
    this.#trustedEpoch = set.epoch;
    return {
      reading: { kind: "verified", chain: { ...view, sinceProgressMs } },
      proofs: proofs.map(({ accused, evidence, transaction }) => ({
        accused,
        evidence,
        transaction,
      })),
      checkpoint: toHex(encodeSet(set)),
      checkpointEpoch: set.epoch,
      checkpointTimeMs: timeMs,
    };
  }

  /** Below what was verified before, by this process or by the one before it: a rumour. */
  #rollback({ height, timeMs }: Pick<ChainView, "height" | "timeMs">): string | undefined {
    const newest = this.#newest;
    if (height < newest.height) {
      return `nodes show height ${height}, ${newest.height} was verified`;
    }
    if (newest.height === 0 || timeMs >= newest.timeMs) return undefined;
    const times = [timeMs, newest.timeMs].map((ms) => new Date(ms).toISOString());
    return `nodes show block time ${times[0]}, ${times[1]} was verified`;
  }

  /** A node that is a few blocks behind what was verified is no reason to be blind: ask again. */
  async #readNewest(keys: readonly string[]) {
    let view = await this.#memory.read(keys);
    for (let tries = 1; view.height < this.#newest.height && tries <= LAG_TRIES; tries += 1) {
      await this.#clock.sleep(LAG_MS);
      view = await this.#memory.read(keys);
    }
    return view;
  }

  async submit(transaction: Uint8Array): Promise<SubmitOutcome> {
    try {
      const { height } = await this.#open().submit(transaction);
      return { kind: "executed", code: "OK", height };
    } catch (error) {
      if (error instanceof ChainRefusalError) {
        return { kind: "executed", code: error.code, height: error.height };
      }
      if (error instanceof RefusedError && error.isUnanimous) {
        return { kind: "refused", code: error.code, message: error.fix };
      }
      if (error instanceof QuorateError) return { kind: "unknown", message: error.message };
      throw error;
    }
  }

  close(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  #open(): ChainClient {
    if (this.#client === undefined) throw new Error("the chain was closed");
    return this.#client;
  }

  /**
   * VERIFIED-READ: where the last verified header is older than the trust period, whoever held the
   * old keys may have sold them. Only a person's checkpoint on the way makes it good again, and
   * only for one more trust period: then another one is wanted, or the same one named anew.
   */
  async #isConfirmed(client: ChainClient, person: ChainRequest["person"]): Promise<boolean> {
    if (person === undefined || this.#confirmed === personName(person)) return false;
    // It was written before what was verified since, and says nothing about it.
    if (person.epoch < this.#trustedEpoch) return false;
    if (client.trustedSet.epoch < person.epoch) await client.follow(person.epoch);
    const set = client.setOf(person.epoch);
    return set !== undefined && validatorSetHash(set) === person.setHash;
  }

  /** A person's word against what was verified: one of the two is wrong, and nobody acts. */
  #personProblem(client: ChainClient, { person }: ChainRequest): string | undefined {
    const set = person === undefined ? undefined : client.setOf(person.epoch);
    if (person === undefined || set === undefined) return undefined;
    const hash = validatorSetHash(set);
    if (hash === person.setHash) return undefined;
    return `spec.checkpoint names set ${person.setHash} for epoch ${person.epoch}, it is ${hash}`;
  }
}

function personName(person: ChainRequest["person"]): string {
  return person === undefined ? "" : `${person.epoch}/${person.setHash}`;
}
