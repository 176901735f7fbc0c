import type { Block, SignedBlock, TimeoutCertificate } from "../../../src/consensus/types.ts";
import type { AuthorSignature } from "../../../src/kernel/certificates.ts";
import type { PublicKey } from "../../../src/kernel/scalars.ts";
import type { SignedStatement } from "../../../src/kernel/statements.ts";
import { type Accomplice, type Adversary, HONEST, pass, randomDigest } from "./adversary.ts";

const FORGED = new Uint8Array(64).fill(7);

type Tamper = (block: Block, accomplice: Accomplice) => Block | undefined;

function withSigns(block: Block, ...signs: readonly SignedStatement[]): Block {
  return { ...block, signsOfLife: [...block.signsOfLife, ...signs] };
}

function strangerBeat(block: Block, author: PublicKey): SignedStatement {
  const { epoch } = block;
  const statement = { kind: "heartbeat", epoch, height: 1, stateRoot: author } as const;
  return { statement, author, signature: FORGED };
}

function withQcSigners(block: Block, change: (list: readonly AuthorSignature[]) => unknown): Block {
  const signatures = change(block.qc.signatures) as readonly AuthorSignature[];
  return { ...block, qc: { ...block.qc, signatures } };
}

function withTc(
  block: Block,
  change: (tc: TimeoutCertificate) => TimeoutCertificate | undefined,
): Block | undefined {
  return block.tc === undefined ? undefined : { ...block, tc: change(block.tc) };
}

function flipped({ author, signature }: AuthorSignature): AuthorSignature {
  const bytes = signature.slice();
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  return { author, signature: bytes };
}

/** Each breaks one thing that a voter has to check. */
export const TAMPERS: Readonly<Record<string, Tamper>> = {
  "time ahead": (block, { random }) => {
    return { ...block, timestampMs: block.timestampMs + random.integer(700, 4_000) };
  },
  "time reversed": (block) => ({ ...block, timestampMs: block.timestampMs - 1_000_000 }),
  "height gap": (block) => ({ ...block, height: block.height + 1 }),
  "height repeated": (block) => ({ ...block, height: block.height - 1 }),
  "cut gap": (block, { forge, random }) => {
    const [first] = block.cut;
    const author = first?.author ?? forge.key;
    const sequence = (first?.sequence ?? 1_000) + 1;
    return { ...block, cut: [{ author, sequence, digest: randomDigest(random) }] };
  },
  "cut repeats": (block) => {
    const last = block.cut.at(-1);
    return last === undefined ? undefined : { ...block, cut: [...block.cut, last] };
  },
  // A batch of its own that follows the newest one by its link, and skips an index.
  "cut jumps": (block, accomplice) => {
    const { forge } = accomplice;
    const own = accomplice.state()?.consensus.epoch.root.view.lanes.get(forge.key);
    const sequence = (own?.sequence ?? 0) + 2;
    const previous = own?.digest ?? "0".repeat(64);
    const transactions = [Uint8Array.of(sequence)];
    const batch = forge.batch({ author: forge.key, sequence, previous, transactions });
    accomplice.broadcast({ kind: "batch", batch });
    return { ...block, cut: [{ author: forge.key, sequence, digest: batch.digest }] };
  },
  "cut of a stranger": (block, { random }) => {
    const [author, digest] = [randomDigest(random), randomDigest(random)];
    return { ...block, cut: [...block.cut, { author, sequence: 1, digest }] };
  },
  "cut out of order": (block) => {
    const authors = new Set(block.cut.map(({ author }) => author));
    return authors.size < 2 ? undefined : { ...block, cut: block.cut.toReversed() };
  },
  "cut of nothing": (block, { random }) => {
    const [first] = block.cut;
    if (first === undefined) return undefined;
    return { ...block, cut: [{ ...first, digest: randomDigest(random) }] };
  },
  "cut swapped": (block) => {
    const [first, second] = block.cut;
    if (first === undefined || second === undefined || first.author !== second.author) {
      return undefined;
    }
    const swapped = [
      { ...first, digest: second.digest },
      { ...second, digest: first.digest },
    ];
    return { ...block, cut: swapped };
  },
  "cut too long": (block, { forge, random }) => {
    const cut = Array.from({ length: 129 }, (_, index) => {
      return { author: forge.key, sequence: index + 1, digest: randomDigest(random) };
    });
    return { ...block, cut };
  },
  "rounds reversed": (block) => ({ ...block, qc: { ...block.qc, round: block.round } }),
  "foreign epoch inside": (block) => ({ ...block, qc: { ...block.qc, epoch: block.epoch + 1 } }),
  "certificate doubled signer": (block) =>
    withQcSigners(block, ([first, ...rest]) => [first, first, ...rest.slice(1)].filter(Boolean)),
  "certificate below quorum": (block) => withQcSigners(block, (list) => list.slice(0, 1)),
  "certificate of a stranger": (block, { random }) =>
    withQcSigners(block, (list) => {
      const stranger = { author: randomDigest(random), signature: FORGED };
      return [...list.slice(1), stranger].toSorted((a, b) => (a.author < b.author ? -1 : 1));
    }),
  "certificate forged": (block) => withQcSigners(block, (list) => list.map(flipped)),
  "certificate of another block": (block, { random }) => {
    return { ...block, qc: { ...block.qc, blockId: randomDigest(random) } };
  },
  "timeouts missing": (block) => withTc(block, () => undefined),
  "timeouts without need": (block, { state }) => {
    const tc = state()?.consensus.epoch.highestTc;
    return tc === undefined || block.tc !== undefined ? undefined : { ...block, tc };
  },
  "timeouts of another round": (block) => withTc(block, (tc) => ({ ...tc, round: tc.round - 1 })),
  "timeouts below quorum": (block) =>
    withTc(block, (tc) => ({ ...tc, timeouts: tc.timeouts.slice(0, 1) })),
  "timeouts lowered": (block) =>
    withTc(block, (tc) => {
      return { ...tc, timeouts: tc.timeouts.map((each) => ({ ...each, hqcRound: 0 })) };
    }),
  "timeouts doubled": (block) =>
    withTc(block, (tc) => {
      const [first, ...rest] = tc.timeouts;
      return first === undefined ? tc : { ...tc, timeouts: [first, first, ...rest.slice(1)] };
    }),
  "sign doubled": (block) => {
    const [first] = block.signsOfLife;
    return first === undefined ? undefined : withSigns(block, first);
  },
  "sign used before": (block, { state }) => {
    const view = state()?.consensus.epoch.root.view;
    const [used] = view?.heartbeats ?? [];
    if (used === undefined) return undefined;
    const [author, height] = used;
    const beat = strangerBeat(block, author);
    const statement = { ...beat.statement, height } as typeof beat.statement;
    const signs = block.signsOfLife.filter((sign) => sign.author !== author);
    return { ...block, signsOfLife: [...signs, { ...beat, statement }] };
  },
  "sign forged": (block, { state }) => {
    const author = state()?.consensus.set.members.at(-1)?.key;
    if (author === undefined) return undefined;
    const beat = strangerBeat(block, author);
    const statement = { ...beat.statement, height: block.height } as typeof beat.statement;
    const signs = block.signsOfLife.filter((sign) => sign.author !== author);
    return { ...block, signsOfLife: [...signs, { ...beat, statement }] };
  },
  "sign of another epoch": (block, { forge }) => {
    const { epoch, round } = block;
    const blockId = forge.key;
    const vote = { kind: "vote", epoch: epoch + 1, round, blockId, qcRound: 0 } as const;
    return withSigns(block, forge.sign(vote));
  },
  "sign of another kind": (block, { forge, random }) => {
    const { epoch, round } = block;
    const blockId = randomDigest(random);
    return withSigns(block, forge.sign({ kind: "proposal", epoch, round, blockId }));
  },
  "sign of the future": (block, { forge, random }) => {
    const { epoch, round } = block;
    const blockId = randomDigest(random);
    return withSigns(block, forge.sign({ kind: "order-vote", epoch, round: round + 9, blockId }));
  },
  "signs of strangers": (block, { random }) => {
    const beats = Array.from({ length: 17 }, () => strangerBeat(block, randomDigest(random)));
    return withSigns(block, ...beats);
  },
  "proposer is another": (block, { state, forge }) => {
    const other = state()?.consensus.set.members.find(({ key }) => key !== forge.key)?.key;
    return other === undefined ? undefined : { ...block, proposer: other };
  },
  "proposer is a stranger": (block, { random }) => ({ ...block, proposer: randomDigest(random) }),
};

/** Alone among these it needs a lane of its own to be at rest, so it is tried more often. */
const JUMP_RATE = 0.2;
const NAMES = Object.keys(TAMPERS);

/** Its own proposals break a drawn rule; some peers may get the valid one as well. */
export function invalidProposals(accomplice: Accomplice): Adversary {
  const { random, forge } = accomplice;
  const broken = new WeakMap<SignedBlock, SignedBlock>();
  const name = random.chance(0.5) ? random.pick(NAMES) : undefined;

  const breakBlock = (signed: SignedBlock): SignedBlock => {
    const chosen = name ?? (random.chance(JUMP_RATE) ? "cut jumps" : random.pick(NAMES));
    const tampered = TAMPERS[chosen]?.(signed.block, accomplice);
    if (tampered === undefined) return signed;
    accomplice.count(`invalid proposal: ${chosen}`);
    return forge.block(tampered);
  };

  return {
    ...HONEST,
    outgoing(to, message) {
      const { body } = message;
      if (!accomplice.isActive() || body.kind !== "proposal") return pass(message);
      const bad = broken.get(body.block) ?? breakBlock(body.block);
      broken.set(body.block, bad);
      // Half of the liars tell somebody the truth: then the pair is evidence too (E1).
      if (name !== undefined && to.place % 4 === 1) return pass(message);
      return pass(message, { ...body, block: bad });
    },
    act() {
      // A block in somebody else's round.
      if (!accomplice.isActive() || !random.chance(0.1)) return;
      const state = accomplice.state();
      if (state === undefined) return;
      const { epoch } = state.consensus;
      const { highestQc: qc, round, root } = epoch;
      if (qc.round !== round - 1) return;
      const block = forge.block({
        epoch: state.consensus.set.epoch,
        round,
        height: root.height + 1,
        proposer: forge.key,
        timestampMs: root.timestampMs + 1,
        qc,
        tc: undefined,
        cut: [],
        signsOfLife: [],
      });
      accomplice.count("invalid proposal: out of turn");
      accomplice.broadcast({ kind: "proposal", block });
    },
  };
}
