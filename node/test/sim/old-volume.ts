import type { PeerBody } from "../../src/consensus/types.ts";
import { statementDigest } from "../../src/kernel/statements.ts";
import { BurnGuard, LastSeen } from "../../src/shell/burn-guard.ts";
import { type Disk, journalIndex } from "./disk.ts";
import type { Fault } from "./faults.ts";
import type { SimNode } from "./sim-node.ts";
import { demand } from "./violation.ts";
import type { World } from "./world.ts";

export type OldVolume = Extract<Fault, { readonly kind: "old-volume" }>;

/** A node that starts asks its peers again until W-f have answered (rule BURN). */
const ASK_MS = 150;

function copyOf(disk: Disk): Disk {
  const { journal, chain, blocks } = disk;
  return {
    ...disk,
    journal: new Map(journal),
    chain: [...chain],
    blocks: new Set(blocks),
    unsynced: 0,
    torn: false,
  };
}

function putBack(disk: Disk, { journal, chain, blocks, base }: Disk): void {
  disk.journal.clear();
  for (const [index, record] of journal) disk.journal.set(index, record);
  disk.chain.splice(0, disk.chain.length, ...chain);
  Object.assign(disk, { blocks, base, unsynced: 0, torn: false });
}

/** What one peer heard from the node: as the shell remembers it, and every index of it. */
interface Ear {
  readonly lastSeen: LastSeen;
  readonly indices: Set<string>;
}

/**
 * Rule BURN: a copy of the volume is put back a while later. The guard of the shell listens to what
 * the peers last saw of the key; a key that signed what the volume lacks signs nothing more, and is
 * gone: silence swaps it.
 */
export function putOldVolumeBack(world: World, fault: OldVolume): void {
  const node = world.nodes[fault.node];
  if (node === undefined) return;
  const ears = new Map<SimNode, Ear>();
  world.onHeard = (from, to, body) => {
    if (from !== node || !to.honest) return;
    const ear = ears.get(to) ?? { lastSeen: new LastSeen(), indices: new Set() };
    ears.set(to, ear);
    note(ear, from, body);
  };
  let copy = copyOf(node.disk);
  world.at(fault.copiedMs, () => {
    copy = copyOf(node.disk);
  });
  world.at(fault.atMs, () => {
    if (node.gone) return;
    world.stop(node, "power");
    node.gone = true;
    world.at(world.now + fault.downMs, () => {
      putBack(node.disk, copy);
      listen(world, node, ears);
    });
  });
}

function note({ lastSeen, indices }: Ear, { key }: SimNode, body: PeerBody): void {
  lastSeen.note(key, body);
  if (body.kind === "statement" || body.kind === "order-vote" || body.kind === "timeout") {
    if (body.signed.author === key) indices.add(journalIndex(body.signed.statement));
  }
}

function listen(world: World, node: SimNode, ears: ReadonlyMap<SimNode, Ear>): void {
  const { chainId } = world.birth;
  const { journal } = node.disk;
  const guard = new BurnGuard({
    chainId,
    self: node.key,
    scheme: world.keyring.scheme,
    journal: {
      burnt: undefined,
      isBelowFloor: () => false,
      find(statement) {
        const record = journal.get(journalIndex(statement));
        if (record === undefined) return undefined;
        const digests = [record.statement, statement].map((each) => statementDigest(chainId, each));
        return { signature: record.signature, same: digests[0] === digests[1] };
      },
    },
  });
  const asked = new Set<SimNode>();
  const ask = (): void => {
    for (const peer of world.nodes) {
      if (peer === node || peer.process === undefined || peer.backlog !== undefined) continue;
      if (asked.has(peer) || guard.state.kind !== "listening") continue;
      asked.add(peer);
      for (const signed of ears.get(peer)?.lastSeen.by(node.key) ?? []) {
        guard.inspect({ kind: "statement", signed });
      }
      guard.answered(peer.networkKey, world.checker.set);
    }
    if (guard.state.kind === "listening") {
      world.at(world.now + ASK_MS, ask);
    } else end(world, node, { asked, ears, isBurnt: guard.state.kind === "burnt" });
  };
  ask();
}

interface Outcome {
  readonly asked: ReadonlySet<SimNode>;
  readonly ears: ReadonlyMap<SimNode, Ear>;
  readonly isBurnt: boolean;
}

/** Judged by every index that the peers who answered ever heard, not by what the shell kept. */
function end(world: World, node: SimNode, { asked, ears, isBurnt }: Outcome): void {
  const heard = [...asked].flatMap((peer) => [...(ears.get(peer)?.indices ?? [])]);
  const lost = heard.filter((index) => !node.disk.journal.has(index));
  const what = () => `${node.name} would sign again, and its volume lacks ${lost[0]}`;
  demand(isBurnt || lost.length === 0, "rule BURN", what);
  world.counts.add(isBurnt ? "burn: keys burnt" : "burn: nothing was lost");
  // It stays dark: where nobody heard what it lost, the outside mark would have to tell.
}
