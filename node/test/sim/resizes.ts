import { sha256Hex } from "../../src/crypto/sha256.ts";
import { minimum } from "../../src/kernel/fixed-point.ts";
import type { Digest, Power, PublicKey } from "../../src/kernel/scalars.ts";
import { faultyPowerMax, quorumPower } from "../../src/kernel/threshold.ts";
import { totalPower, type ValidatorSet, validatorSetHash } from "../../src/kernel/validator-set.ts";
import type { LedgerState } from "../../src/ledger/state.ts";
import { encodeTransaction, resizeSigningBytes } from "../../src/ledger/transaction.ts";
import type { ResizeChange } from "../../src/ledger/types.ts";
import { newestLedger } from "./owners.ts";
import type { Random } from "./random.ts";
import type { Clients } from "./scenario.ts";
import type { World } from "./world.ts";

/** What owners really signed: what a set that grew or shrank is judged by. */
export interface SentResize {
  readonly setHash: Digest;
  readonly change: ResizeChange;
  /** Owners whose own keys signed these very bytes. */
  readonly signers: readonly PublicKey[];
}

/** How owners sign: as they should, or in a way that the chain must refuse. */
const WAYS = ["sound", "sound", "sound", "below-quorum", "foreign-key", "old-set"] as const;
type Way = (typeof WAYS)[number];

/** Owners of a quorum of that set's power, and of no more than they must be. */
function ownersOf(set: ValidatorSet, way: Way): readonly PublicKey[] {
  const owners = [...new Set(set.members.map(({ owner }) => owner))].toSorted();
  if (way !== "below-quorum") return owners;
  const few: PublicKey[] = [];
  let power = 0n;
  for (const owner of owners) {
    const own = set.members.reduce((sum, m) => (m.owner === owner ? sum + m.power : sum), 0n);
    if (power + own >= quorumPower(totalPower(set))) continue;
    power += own;
    few.push(owner);
  }
  return few;
}

/** Keys that lie, are gone, or will be: owners who knew would never leave them above f. */
function faultyKeys({ nodes, plan }: World): ReadonlySet<PublicKey> {
  const gone = plan.faults.flatMap((fault) =>
    fault.kind === "gone" || fault.kind === "old-volume" ? [fault.node] : [],
  );
  const faulty = nodes.filter(({ honest, place }) => !honest || gone.includes(place));
  return new Set(faulty.map(({ key }) => key));
}

function staysSafe(world: World, members: readonly { key: PublicKey; power: Power }[]): boolean {
  const faulty = faultyKeys(world);
  const sum = (list: typeof members): Power => list.reduce((all, { power }) => all + power, 0n);
  const held = sum(members.filter(({ key }) => faulty.has(key)));
  return held <= faultyPowerMax(sum(members));
}

function drawChange(
  world: World,
  { set, spares }: LedgerState,
  random: Random,
): ResizeChange | undefined {
  const spare = [...spares.values()][0];
  const smallest = set.members.map(({ power }) => power).reduce(minimum);
  if (spare !== undefined && random.chance(0.6)) {
    // At times more than a seat may have, or than the bond covers.
    const power = BigInt(random.integer(1, Number(smallest) * 2));
    return { kind: "grow", key: spare.key, power };
  }
  const { key } = random.pick(set.members);
  const rest = set.members.filter((member) => member.key !== key);
  return staysSafe(world, rest) ? { kind: "shrink", key } : undefined;
}

function drawResize(world: World, ledger: LedgerState, random: Random): Uint8Array | undefined {
  const change = drawChange(world, ledger, random);
  const way = random.pick(WAYS);
  if (change === undefined) return undefined;
  const { keyring, birth } = world;
  const isOld = way === "old-set";
  const setHash = isOld
    ? validatorSetHash({ ...ledger.set, epoch: ledger.set.epoch + 7 })
    : ledger.setHash;
  const fields = { kind: "resize" as const, setHash, change };
  const message = resizeSigningBytes(birth.chainId, fields);
  const authors = ownersOf(ledger.set, way);
  const stranger = keyring.key("stranger");
  const signatures = authors.map((author) => {
    return { author, signature: keyring.sign(way === "foreign-key" ? stranger : author, message) };
  });
  const bytes = encodeTransaction({ ...fields, signatures });
  const signers = way === "foreign-key" ? [] : authors;
  world.checker.resizeSent(sha256Hex(bytes), { setHash, change, signers });
  world.counts.add(`resize sent: ${way} ${change.kind}`);
  return bytes;
}

/** Owners add and end seats now and then, before the healing (rule SWAP). */
export function addResizes(world: World, clients: Clients, random: Random): void {
  const { healMs, members } = world.plan;
  const act = (): void => {
    const ledger = newestLedger(world);
    const transaction = ledger && drawResize(world, ledger, random);
    if (transaction !== undefined) clients.submit(transaction, random.integer(0, members - 1));
    const next = world.now + random.integer(1_500, 6_000);
    if (next < healMs) world.at(next, act);
  };
  world.at(random.integer(3_000, 8_000), act);
}
