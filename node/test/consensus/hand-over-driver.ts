import type { PeerMessage } from "../../src/consensus/types.ts";
import type { EpochProof } from "../../src/kernel/certificates.ts";
import { ZERO_DIGEST } from "../../src/kernel/scalars.ts";
import type { AttestedResult, SignedStatement } from "../../src/kernel/statements.ts";
import { type ValidatorSet, validatorSet } from "../../src/kernel/validator-set.ts";
import { Network, type TestNode } from "./network.ts";
import { keyOf, memberOf, setOf } from "./stub-keys.ts";

const FOUNDERS = ["a", "b", "c", "d"];
const SPARES = ["e", "f", "g"];
export const NAMES: readonly string[] = [...FOUNDERS, ...SPARES];
/** What a step of the model sets going is over by then: rounds, and everything sent again. */
const SETTLE_MS = 700;
const PROGRESS_MS = 20_000;

/** What a trace of node/spec/quint/hand-over.qnt says of one node. */
export interface NodeView {
  readonly epoch: number;
  readonly executed: boolean;
  /** Epochs whose end it attested. */
  readonly attested: readonly number[];
}

/** True where the result ends an epoch. */
function endsEpoch({ nextSetHash }: AttestedResult): boolean {
  return nextSetHash !== ZERO_DIGEST;
}

/** The epoch whose end this message tells of: whom it reaches is the model's to decide. */
function endOf({ body }: PeerMessage): number | undefined {
  const epochOf = (result: AttestedResult) => (endsEpoch(result) ? result.epoch : undefined);
  if (body.kind === "epoch-proof") return epochOf(body.proof.certificate.result);
  if (body.kind === "result-certificate") return epochOf(body.certificate.result);
  if (body.kind === "chain-response") {
    const { proof, epochProof, epoch } = body.segment;
    if (epochProof !== undefined) return epoch;
    return proof.kind === "attested" ? epochOf(proof.certificate.result) : undefined;
  }
  if (body.kind !== "statement") return undefined;
  const { statement } = body.signed;
  return statement.kind === "attestation" ? epochOf(statement.result) : undefined;
}

/**
 * Real cores (`step`) under the events of a trace of the model: which result the ledger returns
 * when, and whose attestation or proof reaches whom. Everything else runs freely.
 */
export class HandOverDriver {
  readonly #network: Network;
  /** `name/epoch`: the ledger may return the last block's result. */
  readonly #released = new Set<string>();
  readonly #sets = new Map<number, readonly string[]>([[1, FOUNDERS]]);
  /** `name/epoch`: the end of the epoch is being proven to that node. */
  #proving: string | undefined;

  constructor() {
    this.#network = new Network({
      set: setOf(1, Object.fromEntries(FOUNDERS.map((name) => [name, 1n]))),
      names: NAMES,
      spares: SPARES,
      nextSet: ({ block }, transactions) => this.#nextSet(block.epoch, transactions),
      holds: (name, result) => endsEpoch(result) && !this.#released.has(`${name}/${result.epoch}`),
      delay: (_from, to, message) => {
        const end = endOf(message);
        return end === undefined || this.#proving === `${to}/${end}` ? 1 : undefined;
      },
    });
    this.#network.start();
    this.#network.run(SETTLE_MS);
  }

  get halts(): readonly string[] {
    return [...this.#network.nodes.values()].flatMap(({ halts }) => halts);
  }

  get misconduct(): number {
    return [...this.#network.nodes.values()].reduce((sum, node) => sum + node.misconduct.length, 0);
  }

  view(name: string): NodeView {
    const { state, disk } = this.#network.node(name);
    const attested = disk.journal.flatMap(({ statement }) => {
      const isEnd = statement.kind === "attestation" && endsEpoch(statement.result);
      return isEnd ? [statement.result.epoch] : [];
    });
    return { epoch: state.set.epoch, executed: state.epoch.handOver !== undefined, attested };
  }

  /** Members by epoch, as the ledger decided: an epoch has them once its hand-over is ordered. */
  members(epoch: number): readonly string[] {
    return this.#sets.get(epoch) ?? [];
  }

  /** Whether every node that is in the epoch has this very set. */
  agreesOn(epoch: number): boolean {
    const keys = this.members(epoch).map(keyOf).toSorted();
    return NAMES.every((name) => {
      const { set } = this.#network.node(name).state;
      if (set.epoch !== epoch) return true;
      return set.members.map(({ key }) => key).join() === keys.join();
    });
  }

  /** The chain of the epoch orders the swap; nobody's ledger has returned its block yet. */
  order(epoch: number, leaver: string, newcomer: string): void {
    const inEpoch = NAMES.filter((name) => this.view(name).epoch === epoch);
    const members = this.members(epoch);
    const by = members.find((name) => inEpoch.includes(name));
    if (by === undefined) throw new Error(`no member is in epoch ${epoch}`);
    this.#sets.set(epoch + 1, [...members.filter((name) => name !== leaver), newcomer]);
    this.#network.submit(by, `swap ${epoch} ${leaver} ${newcomer}`);
    const isHeld = (name: string) => this.#network.node(name).held?.result.epoch === epoch;
    this.#until(() => inEpoch.every(isHeld), `the swap of epoch ${epoch} is ordered`);
  }

  execute(name: string): void {
    const node = this.#network.node(name);
    const { epoch } = node.state.set;
    this.#until(() => node.held?.result.epoch === epoch, `${name} has the end of epoch ${epoch}`);
    this.#released.add(`${name}/${epoch}`);
    this.#network.release(name);
    this.#network.run(SETTLE_MS);
  }

  hear(name: string, author: string): void {
    const { epoch } = this.#network.node(name).state.set;
    const signed = this.#attestation(author, epoch);
    this.#inject(author, name, { kind: "statement", signed });
  }

  prove(name: string, peer: string): void {
    const node = this.#network.node(name);
    const { epoch } = node.state.set;
    const proof = this.#proof(this.#network.node(peer), epoch);
    this.#proving = `${name}/${epoch}`;
    this.#released.add(`${name}/${epoch}`);
    this.#network.release(name);
    this.#inject(peer, name, { kind: "epoch-proof", proof });
    this.#until(() => node.state.set.epoch === epoch + 1, `${name} is in epoch ${epoch + 1}`);
    this.#proving = undefined;
    this.#network.run(SETTLE_MS);
  }

  restart(name: string): void {
    this.#network.restart(name);
    this.#network.run(SETTLE_MS);
  }

  /** One swap ends each epoch, once. */
  #nextSet(epoch: number, transactions: readonly Uint8Array[]): ValidatorSet | undefined {
    const texts = transactions.map((bytes) => new TextDecoder().decode(bytes));
    if (!texts.some((text) => text.startsWith(`swap ${epoch} `))) return undefined;
    return validatorSet(
      epoch + 1,
      this.members(epoch + 1).map((name) => memberOf(name)),
    );
  }

  #attestation(author: string, epoch: number): SignedStatement {
    const { journal } = this.#network.node(author).disk;
    const found = journal.find(({ statement }) => {
      const isEnd = statement.kind === "attestation" && endsEpoch(statement.result);
      return isEnd && statement.result.epoch === epoch;
    });
    if (found === undefined) throw new Error(`${author} has not attested epoch ${epoch}`);
    return found;
  }

  #proof({ name, state }: TestNode, epoch: number): EpochProof {
    const proof = state.chain.epochProofs[epoch - 1];
    if (proof === undefined) throw new Error(`${name} cannot prove the end of epoch ${epoch}`);
    return proof;
  }

  /**
   * With the receiver's own position: a sender's claim to be ahead is another event of the model.
   */
  #inject(from: string, to: string, body: PeerMessage["body"]): void {
    const { set, epoch } = this.#network.node(to).state;
    const status = {
      epoch: set.epoch,
      round: epoch.round,
      qcRound: epoch.highestQc.round,
      committedHeight: epoch.root.height,
    };
    this.#network.inject(from, to, { status, body });
    this.#network.run(SETTLE_MS);
  }

  #until(done: () => boolean, what: string): void {
    if (!this.#network.run(PROGRESS_MS, done)) throw new Error(`not in time: ${what}`);
  }
}
