import { assert, defined } from "../kernel/assert.ts";
import type { Epoch } from "../kernel/scalars.ts";
import { validatorSet, validatorSetHash } from "../kernel/validator-set.ts";
import { ledgerChanges } from "./leaf-changes.ts";
import { findProtocol, type Protocols } from "./protocol.ts";
import type { LedgerState, ProtocolState } from "./state.ts";
import { treeRoot, updateTree } from "./state-tree.ts";

/** Why a repair of this state can't name the version; undefined: it can. */
export function refuseVersion({ protocol, height }: LedgerState, version: number) {
  const { version: active } = protocol;
  if (version === active || version === active + 1) return undefined;
  return (
    `repair.json names version ${version}: at height ${height} version ${active} is active, ` +
    `write ${active} or ${active + 1}`
  );
}

/** The version that the repair names: the active one, or the next one from the next block on. */
function protocolAfter(state: LedgerState, version: number): ProtocolState {
  const { protocol, height } = state;
  assert(
    refuseVersion(state, version) === undefined,
    `a repair of ${protocol.version} names ${version}`,
  );
  if (version === protocol.version) return { version, activation: undefined };
  return { version: protocol.version, activation: { version, height: height + 1 } };
}

/**
 * SPLIT: the state in which the chain goes on after a repair, in the next epoch with the same set.
 * A pending activation is off unless the repair names it, and every member speaks anew; the results
 * of the abandoned epoch above this height are void and no evidence, for ever.
 */
export function repairLedger(
  state: LedgerState,
  { epoch, version }: { readonly epoch: Epoch; readonly version: number },
  protocols: Protocols,
): LedgerState {
  assert(state.set.epoch === epoch, `a repair of epoch ${epoch} in epoch ${state.set.epoch}`);
  const set = validatorSet(epoch + 1, state.set.members);
  const after: LedgerState = {
    ...state,
    set,
    setHash: validatorSetHash(set),
    epochEnds: new Map(state.epochEnds).set(epoch, { atMs: state.clockMs, height: state.height }),
    voids: new Map(state.voids).set(String(epoch), state.height),
    protocol: protocolAfter(state, version),
    readiness: new Map(),
  };
  const { version: active } = state.protocol;
  const { layouts } = defined(findProtocol(protocols, active), `protocol ${active}`);
  const tree = updateTree(state.tree, ledgerChanges(state, after, new Map(), layouts));
  return { ...after, tree, stateRoot: treeRoot(tree) };
}
