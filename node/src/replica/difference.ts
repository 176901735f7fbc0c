import type { Effect } from "../consensus/effects.ts";
import type { Split } from "../consensus/split-groups.ts";
import { peerStatus } from "../consensus/state.ts";
import type { PeerBody } from "../consensus/types.ts";
import type { Height, PublicKey } from "../kernel/scalars.ts";
import { compareTreeNodes, treeNodeHash } from "../kernel/tree-node.ts";
import { findMember } from "../kernel/validator-set.ts";
import { findKeyName, treeNodeAt } from "../ledger/tree-search.ts";
import { currentSet } from "./consensus-view.ts";
import { LEDGERS_MAX } from "./limits.ts";
import type { Difference, ReplicaState } from "./types.ts";
import { change, type Work } from "./work.ts";

/** Questions of one search: the depth of a tree, and as many again for peers that do not answer. */
const QUESTIONS_MAX = 512;
const PEERS_AT_ONCE = 2;

type Divergence = NonNullable<Extract<Effect, { readonly kind: "halt" }>["differs"]>;

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

/** Asks the next two peers of the other group for the node at the path: one of them may be mute. */
function ask(work: Work, search: Difference): void {
  const { height, path, peers, asked } = search;
  change(work, { difference: { ...search, asked: asked + 1 } });
  const turns = Array.from(peers, (_, at) => peers[(asked + at) % peers.length]);
  for (const key of turns.slice(0, PEERS_AT_ONCE)) {
    const peer = key === undefined ? undefined : findMember(currentSet(work.state), key);
    if (peer === undefined) continue;
    send(work, peer.networkKey, { kind: "state-request", height, path });
  }
}

/**
 * This node's own result differs from a quorum's: before its state is dropped, people are told
 * where. At once, because the others keep the states of few heights.
 */
export function searchDivergence(work: Work, { own, certificate }: Divergence): void {
  const { height, stateRoot } = certificate.result;
  const self = work.state.config.self.key;
  const peers = certificate.signatures.flatMap(({ author }) => (author === self ? [] : [author]));
  const search = { height, peers, asked: 0, path: "", expected: stateRoot, leaf: undefined };
  if (own.stateRoot === stateRoot) found(work, search, "receipts");
  else ask(work, search);
}

function found(work: Work, search: Difference, leaf: string): void {
  change(work, { difference: { ...search, leaf } });
  const { halted } = work.state;
  if (halted !== undefined) change(work, { halted: `${halted}; the first leaf: ${leaf}` });
  work.effects.push({ kind: "difference-found", height: search.height, leaf });
}

/** With every turn of the duties: begins the search, or asks somebody else. */
export function searchDifference(work: Work): void {
  const { consensus, difference, halted } = work.state;
  const { split } = consensus.chain;
  if (halted !== undefined) {
    const isOpen = difference !== undefined && difference.leaf === undefined;
    if (isOpen && difference.asked < QUESTIONS_MAX) ask(work, difference);
    return;
  }
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
  const ledger = work.state.ledgers.get(body.height);
  if (ledger === undefined || !mayAsk(work, from, body.height)) return;
  const { height, path } = body;
  send(work, from, { kind: "state-response", height, path, node: treeNodeAt(ledger.tree, path) });
}

/** A search needs one height and a bounded number of answers: a peer has no more of them. */
function mayAsk(work: Work, from: PublicKey, height: Height): boolean {
  const { stateAnswers, executedHeight } = work.state;
  const before = stateAnswers.get(from);
  if (before !== undefined && before.height > height) return false;
  const count = before?.height === height ? before.count + 1 : 1;
  if (count > QUESTIONS_MAX) return false;
  const kept = [...stateAnswers].filter(([, each]) => each.height > executedHeight - LEDGERS_MAX);
  change(work, { stateAnswers: new Map(kept).set(from, { height, count }) });
  return true;
}

function onNode(work: Work, body: Extract<StateBody, { readonly kind: "state-response" }>): void {
  const search = work.state.difference;
  if (search === undefined || search.leaf !== undefined || body.height !== search.height) return;
  // What the peer shows hashes to what its group attested: it cannot lead us astray.
  if (body.path !== search.path || treeNodeHash(body.node) !== search.expected) return;
  const ledger = work.state.ledgers.get(body.height);
  if (ledger === undefined) return;
  const own = treeNodeAt(ledger.tree, body.path);
  const differs = compareTreeNodes(own, body.node, search.path);
  if (differs.kind === "below") {
    const { path, expected } = differs;
    ask(work, { ...search, path, expected });
    return;
  }
  found(work, search, findKeyName(ledger.tree, differs.keyHash));
}
