import type { Split } from "../consensus/split-groups.ts";
import { peerStatus } from "../consensus/state.ts";
import type { PeerBody } from "../consensus/types.ts";
import type { PublicKey } from "../kernel/scalars.ts";
import { compareTreeNodes, treeNodeHash } from "../kernel/tree-node.ts";
import { findMember } from "../kernel/validator-set.ts";
import { findKeyName, treeNodeAt } from "../ledger/tree-search.ts";
import { currentSet } from "./consensus-view.ts";
import type { Difference, ReplicaState } from "./types.ts";
import { change, type Work } from "./work.ts";

/** Questions of one search: the depth of a tree, and as many again for peers that do not answer. */
const QUESTIONS_MAX = 512;

function ownGroup({ groups }: Split, key: PublicKey): Split["groups"][number] | undefined {
  return groups.find(({ members }) => members.includes(key)) ?? groups[0];
}

function beginSearch({ config }: ReplicaState, split: Split): Difference {
  const own = ownGroup(split, config.self.key);
  const other = split.groups.find(({ result }) => result.stateRoot !== own?.result.stateRoot);
  return {
    height: split.height,
    peers: other?.members ?? [],
    asked: 0,
    path: "",
    expected: other?.result.stateRoot ?? "",
    leaf: other === undefined ? "receipts" : undefined,
  };
}

function send(work: Work, to: PublicKey, body: PeerBody): void {
  const message = { status: peerStatus(work.state.consensus), body };
  work.effects.push({ kind: "send", to, message });
}

/** Asks the next peer of the other group for the node at the path. */
function ask(work: Work, search: Difference): void {
  change(work, { difference: { ...search, asked: search.asked + 1 } });
  const key = search.peers[search.asked % Math.max(search.peers.length, 1)];
  const peer = key === undefined ? undefined : findMember(currentSet(work.state), key);
  if (peer === undefined) return;
  const { height, path } = search;
  send(work, peer.networkKey, { kind: "state-request", height, path });
}

/** With every turn of the duties: begins the search, or asks somebody else. */
export function searchDifference(work: Work): void {
  const { consensus, difference } = work.state;
  const { split } = consensus.chain;
  if (split === undefined) {
    if (difference !== undefined) change(work, { difference: undefined });
    return;
  }
  const isOld = difference?.height !== split.height;
  const search = isOld ? beginSearch(work.state, split) : difference;
  if (isOld) change(work, { difference: search });
  if (search.leaf !== undefined || search.asked >= QUESTIONS_MAX) return;
  ask(work, search);
}

type StateBody = Extract<PeerBody, { readonly kind: "state-request" | "state-response" }>;

/** A peer looks for the leaf in which we differ, or answers the same question. */
export function onStateMessage(work: Work, from: PublicKey, body: StateBody): void {
  if (body.kind === "state-response") {
    onNode(work, body);
    return;
  }
  const { split } = work.state.consensus.chain;
  const ledger = work.state.ledgers.get(body.height);
  // Nobody needs this but at a split: no other answer is ever computed.
  if (split?.height !== body.height || ledger === undefined) return;
  const { height, path } = body;
  send(work, from, { kind: "state-response", height, path, node: treeNodeAt(ledger.tree, path) });
}

function onNode(work: Work, body: Extract<StateBody, { readonly kind: "state-response" }>): void {
  const search = work.state.difference;
  if (search === undefined || search.leaf !== undefined || body.height !== search.height) return;
  // What the peer shows hashes to what its group attested: it cannot lead us astray.
  if (body.path !== search.path || treeNodeHash(body.node) !== search.expected) return;
  const ledger = work.state.ledgers.get(body.height);
  if (ledger === undefined) return;
  const own = treeNodeAt(ledger.tree, body.path);
  const found = compareTreeNodes(own, body.node, search.path);
  if (found.kind === "below") {
    const { path, expected } = found;
    ask(work, { ...search, path, expected });
    return;
  }
  const leaf = findKeyName(ledger.tree, found.keyHash);
  change(work, { difference: { ...search, leaf } });
  work.effects.push({ kind: "difference-found", height: body.height, leaf });
}
