import { signingBytes } from "../../src/kernel/statements.ts";
import type { LedgerState } from "../../src/ledger/state.ts";
import {
  absenceDigest,
  approveSwapSigningBytes,
  encodeTransaction,
  ownerRotationSigningBytes,
  returnSigningBytes,
} from "../../src/ledger/transaction.ts";
import { makeJunk } from "./adversaries/junk.ts";
import type { Random } from "./random.ts";
import type { Clients } from "./scenario.ts";
import type { SimNode } from "./sim-node.ts";
import type { World } from "./world.ts";

/** The newest state that an honest member has; owners read the chain by a light client. */
export function newestLedger(world: World): LedgerState | undefined {
  const states = world.nodes.flatMap(({ honest, process }) => {
    return honest && process !== undefined ? [process.state.ledger] : [];
  });
  return states.toSorted((left, right) => right.height - left.height)[0];
}

function ownerLabel(world: World, owner: string): string | undefined {
  const labels = Array.from({ length: world.plan.owners }, (_, index) => `owner${index}`);
  return labels.find((label) => world.keyring.key(label) === owner);
}

/** What owners sign by hand: rotations, returns from jail, approvals. */
function ownerAct(world: World, ledger: LedgerState, random: Random): Uint8Array | undefined {
  const { keyring, birth } = world;
  const nonce = 1_000 + Math.floor(world.now / 100);
  const [waiting] = [...ledger.condemned.values()].filter((each) => each.needsApproval);
  if (waiting !== undefined) {
    const owner = ledger.seats.get(waiting.key)?.owner;
    const label = owner && ownerLabel(world, owner);
    if (owner === undefined || label === undefined) return undefined;
    const message = approveSwapSigningBytes(birth.chainId, waiting.key);
    const signature = keyring.sign(owner, message);
    return encodeTransaction({
      kind: "approve-swap",
      member: waiting.key,
      signer: owner,
      signature,
    });
  }
  const [jailed] = ledger.jailed.values();
  if (jailed !== undefined && random.chance(0.7)) {
    const back = { kind: "return-spare", key: jailed.key, nonce } as const;
    const signature = keyring.sign(jailed.owner, returnSigningBytes(birth.chainId, back));
    return encodeTransaction({ ...back, signature });
  }
  const { key: member, owner } = random.pick(ledger.set.members);
  const rotation = { kind: "owner-rotation", member, setHash: ledger.setHash, nonce } as const;
  const signature = keyring.sign(owner, ownerRotationSigningBytes(birth.chainId, rotation));
  return encodeTransaction({ ...rotation, signature });
}

/** Owners act now and then, before the healing. */
export function addOwners(world: World, clients: Clients, random: Random): void {
  const { healMs, members } = world.plan;
  const act = (): void => {
    const ledger = newestLedger(world);
    const transaction = ledger && ownerAct(world, ledger, random);
    if (transaction !== undefined) {
      world.counts.add("owners' acts");
      clients.submit(transaction, random.integer(0, members - 1));
    }
    const next = world.now + random.integer(2_000, 12_000);
    if (next < healMs) world.at(next, act);
  };
  world.at(random.integer(3_000, 9_000), act);
}

/** Clients that send what the ledger refuses. */
export function addJunk(world: World, clients: Clients, random: Random): void {
  const { healMs, members } = world.plan;
  const key = world.keyring.key("stranger");
  const act = (): void => {
    const ledger = newestLedger(world);
    if (ledger !== undefined) {
      const { keyring } = world;
      const { name, bytes } = makeJunk({ ledger, keyring, random, key });
      world.counts.add(`junk: ${name}`);
      clients.submit(bytes, random.integer(0, members - 1));
    }
    if (world.now < healMs) world.at(world.now + random.integer(100, 1_500), act);
  };
  world.at(1_500, act);
}

/** A member that will be away says so before it goes. */
export function announceAbsence(
  world: World,
  clients: Clients,
  node: SimNode,
  untilMs: number,
): void {
  const { keyring, birth } = world;
  const until = world.localTime(node) + (untilMs - world.now);
  const subject = absenceDigest(birth.chainId, until);
  const statement = { kind: "endorsement", nonce: Math.floor(world.now), subject } as const;
  const signature = keyring.sign(node.key, signingBytes(birth.chainId, statement));
  const endorsement = { statement, author: node.key, signature };
  clients.submit(encodeTransaction({ kind: "absence", untilMs: until, endorsement }), node.index);
}
