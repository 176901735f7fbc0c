import { join } from "node:path";
import type { PeerMessage } from "@quorate/proto/consensus/v1/consensus";
import { readFile, UsageError } from "../stranger/arguments.ts";
import type { GenesisFile } from "../stranger/genesis.ts";
import { type KeyPair, keyPair } from "../stranger/keys.ts";
import { leaf } from "../stranger/pins.ts";
import { type Act, Attack, type Mode } from "./attack.ts";
import { Follower, type News } from "./follower.ts";
import { Peers } from "./peers.ts";
import type { Body } from "./wire.ts";

export interface AdversaryOptions {
  readonly genesis: GenesisFile;
  readonly dataDir: string;
  readonly listen: string;
  readonly modes: ReadonlySet<Mode>;
  /** Half of the subscribers get the first statement of a pair, half the second. */
  readonly split: boolean;
  /** Consensus or network keys of peers that hear nothing from it. */
  readonly deafTo: ReadonlySet<string>;
  /** A line for people, or an act as an object for programs. */
  readonly tell: (line: string, act?: ActReport) => void;
}

export interface ActReport {
  readonly kind: Act["kind"];
  readonly epoch: number;
  readonly place: number;
  readonly first: string;
  readonly second: string | undefined;
  readonly tellsFirst: readonly string[];
  readonly tellsSecond: readonly string[];
}

function readKey(dataDir: string, name: string): KeyPair {
  const path = join(dataDir, name);
  const pem = readFile(path).toString("latin1");
  try {
    return keyPair(pem);
  } catch (cause) {
    throw new UsageError(`${path} holds no Ed25519 key in PKCS8`, { cause });
  }
}

/** Takes a validator's place: its address, its volume, its keys, and its peers' consensus ports. */
export class Adversary {
  readonly #options: AdversaryOptions;
  readonly #consensus: KeyPair;
  readonly #network: KeyPair;
  readonly #follower: Follower;
  readonly #attack: Attack;
  #peers: Peers | undefined;
  #stopped: (() => void) | undefined;

  constructor(options: AdversaryOptions) {
    this.#options = options;
    const { dataDir, genesis, modes } = options;
    this.#consensus = readKey(dataDir, "consensus.key.pem");
    this.#network = readKey(dataDir, "network.key.pem");
    this.#follower = new Follower(genesis);
    this.#attack = new Attack(genesis.chainId, this.#consensus, modes);
  }

  /** Resolves when it is stopped. */
  async run(): Promise<void> {
    const { genesis, listen, tell } = this.#options;
    const { publicKey } = this.#consensus;
    tell(`takes the place of ${publicKey} on chain ${genesis.chainId}`);
    const peers = new Peers({
      leaf: await leaf(this.#network),
      chainId: genesis.chainId,
      listen,
      receive: (from, message) => this.#receive(from, message),
      tell,
    });
    this.#peers = peers;
    await peers.start(this.#others());
    await new Promise<void>((resolve) => {
      this.#stopped = resolve;
    });
  }

  stop(): void {
    this.#peers?.stop();
    this.#stopped?.();
  }

  #others() {
    const { publicKey } = this.#network;
    return this.#follower.set.members.filter(({ networkKey }) => networkKey !== publicKey);
  }

  #receive(from: string, message: PeerMessage): void {
    let news: News[];
    try {
      news = this.#follower.receive(message);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.tell(`peer ${from.slice(0, 12)} said what cannot be read: ${why}`);
      return;
    }
    for (const item of news) this.#react(from, item);
  }

  #react(from: string, item: News): void {
    if (item.kind === "behind") {
      // Any word from an older epoch is answered with the proof of its end.
      const value = { qc: undefined, tc: undefined, order: undefined };
      this.#send([from], { $case: "certificates", value });
    } else if (item.kind === "epoch") {
      this.#enterEpoch();
    } else {
      const act = this.#attack.answer(item, this.#follower.set);
      if (act !== undefined) this.#perform(act);
    }
  }

  #enterEpoch(): void {
    const { epoch, members } = this.#follower.set;
    const isSeated = members.some(({ key }) => key === this.#consensus.publicKey);
    this.#options.tell(`epoch ${epoch}: the key ${isSeated ? "sits" : "does not sit"} in the set`);
    this.#peers?.follow(this.#others()).catch((error: unknown) => {
      this.#options.tell(`cannot follow the set: ${String(error)}`);
    });
  }

  #perform({ kind, epoch, place, first, second }: Act): void {
    const audience = this.#audience();
    const half = Math.ceil(audience.length / 2);
    const { split } = this.#options;
    const tellsFirst = split && second !== undefined ? audience.slice(0, half) : audience;
    const tellsSecond = split ? audience.slice(half) : audience;
    this.#send(tellsFirst, first.body);
    const short = (keys: readonly string[]): string[] => keys.map((key) => key.slice(0, 12));
    if (second === undefined) {
      if (kind !== "attestation") return;
      const report = { kind, epoch, place, first: first.about, second: undefined };
      this.#options.tell(
        `a wrong root at ${epoch}/${place}: ${first.about.slice(0, 12)} to ${short(tellsFirst).join(" ")}`,
        { ...report, tellsFirst, tellsSecond: [] },
      );
      return;
    }
    this.#send(tellsSecond, second.body);
    this.#options.tell(
      `two ${kind}s at ${epoch}/${place}: ${first.about.slice(0, 12)} to ` +
        `${short(tellsFirst).join(" ") || "nobody"}, ${second.about.slice(0, 12)} to ` +
        `${short(tellsSecond).join(" ") || "nobody"}`,
      { kind, epoch, place, first: first.about, second: second.about, tellsFirst, tellsSecond },
    );
  }

  #audience(): readonly string[] {
    const { deafTo } = this.#options;
    const deaf = new Set(
      this.#follower.set.members
        .filter(({ key, networkKey }) => deafTo.has(key) || deafTo.has(networkKey))
        .map(({ networkKey }) => networkKey),
    );
    return (this.#peers?.subscribers ?? []).filter((key) => !deaf.has(key));
  }

  #send(to: readonly string[], body: Body): void {
    const { epoch, round, qcRound, committedHeight } = this.#follower.position;
    const status = {
      epoch: BigInt(epoch),
      round: BigInt(round),
      qcRound: BigInt(qcRound),
      committedHeight: BigInt(committedHeight),
    };
    for (const key of to) this.#peers?.send(key, { status, body });
  }
}
