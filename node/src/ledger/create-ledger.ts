import { PersistentMap } from "../kernel/persistent-map.ts";
import type { Digest, PublicKey } from "../kernel/scalars.ts";
import { validatorSetHash } from "../kernel/validator-set.ts";
import { createMargin, genesisLeaves } from "../margin/engine.ts";
import { genesisSet, genesisTotal } from "./genesis.ts";
import type { Genesis } from "./genesis-file.ts";
import { ledgerChanges } from "./leaf-changes.ts";
import { freshLiveness, type LedgerState, type Seat } from "./state.ts";
import { treeRoot, updateTree } from "./state-tree.ts";

function genesisSeats(genesis: Genesis): Map<PublicKey, Seat> {
  const seats = genesis.seats.map(({ owner, key, networkKey, address, power }): Seat => {
    return {
      owner,
      key,
      networkKey,
      address,
      bond: power,
      registeredAt: 0,
      sponsored: 0n,
      power,
      muted: false,
      mutes: 0,
      mutedAtMs: 0,
      seatedAtMs: genesis.genesisTimeMs,
      endorsed: true,
      reportOffence: undefined,
      reportsJailedUntilMs: 0,
    };
  });
  return new Map(seats.map((seat) => [seat.key, seat]));
}

/** The state at height 0, before the first block. */
export function createLedger(genesis: Genesis, chainId: Digest): LedgerState {
  const { genesisTimeMs, parameters } = genesis;
  const set = genesisSet(genesis);
  const keys = set.members.map(({ key }) => key);
  const margin = createMargin(genesis.margin, parameters.margin, genesisTimeMs);
  const bare: LedgerState = {
    genesis,
    chainId,
    tree: undefined,
    stateRoot: "",
    protocol: { version: 1, activation: undefined },
    readiness: new Map(),
    height: 0,
    timestampMs: genesisTimeMs,
    clockMs: genesisTimeMs,
    marks: [],
    set,
    setHash: validatorSetHash(set),
    epochEnds: new Map(),
    voids: new Map(),
    seats: genesisSeats(genesis),
    spares: new Map(),
    jailed: new Map(),
    unbonding: new Map(),
    tombstones: new Map(),
    condemned: new Map(),
    owners: new Map(genesis.owners.map((owner) => [owner.key, { ...owner, sponsored: 0n }])),
    knownKeys: new Map(keys.map((key) => [key, 0])),
    leavers: [],
    liveness: new Map(keys.map((key) => [key, freshLiveness(0, genesisTimeMs, 0)])),
    proposedAt: new Map(),
    lastSilenceSwapMs: undefined,
    lastMisconductMs: undefined,
    registrations: 0,
    swaps: [],
    sessions: new PersistentMap(),
    depositWindow: { fromMs: genesisTimeMs, amount: 0n },
    slashedPot: 0n,
    rewardPot: genesis.rewardPot,
    rewardsFromMs: genesisTimeMs,
    staked: 0n,
    deposited: 0n,
    withdrawn: 0n,
    genesisMoney: genesisTotal(genesis),
    margin,
    ordering: new Uint8Array(0),
  };
  const changes = [...ledgerChanges(undefined, bare, new Map()), ...genesisLeaves(margin)];
  const tree = updateTree(undefined, changes);
  return { ...bare, tree, stateRoot: treeRoot(tree) };
}
