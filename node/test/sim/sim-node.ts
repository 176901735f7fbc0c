import type { PublicKey } from "../../src/kernel/scalars.ts";
import { PROTOCOLS, type Protocols } from "../../src/ledger/protocol.ts";
import type { NodeKeys } from "./birth.ts";
import { createDisk, type Disk } from "./disk.ts";
import type { Plan } from "./plan.ts";
import type { Process } from "./process.ts";

/** One machine of the run; the two twins of an equivocator are two machines with one key. */
export interface SimNode extends NodeKeys {
  readonly index: number;
  /** Place on the network: both twins have the same. */
  readonly place: number;
  /** Its signatures are asserted, and it counts in every checker. */
  readonly honest: boolean;
  /** Twins alone talk to a part of the others, by index. */
  talksTo: (peer: number) => boolean;
  readonly disk: Disk;
  /** Its binary, from the next start on. */
  protocols: Protocols;
  process: Process | undefined;
  /** Gone for good. */
  gone: boolean;
  /** Network keys that it lets in. */
  pins: ReadonlySet<PublicKey>;
  /** Effects left until it dies, and how; undefined: it lives on. */
  doom: { left: number; readonly die: () => void } | undefined;
  /** Virtual time when it last was down or cut off. */
  lastFaultMs: number;
}

type Fixed = Pick<SimNode, "index" | "place" | "honest" | "talksTo">;

function createNode(keys: NodeKeys, fixed: Fixed): SimNode {
  return {
    ...keys,
    ...fixed,
    disk: createDisk(),
    protocols: PROTOCOLS,
    process: undefined,
    gone: false,
    pins: new Set(),
    doom: undefined,
    lastFaultMs: Number.NEGATIVE_INFINITY,
  };
}

/** Members, then spares, then the second of the twins. */
export function createNodes(plan: Plan, keys: readonly NodeKeys[]): readonly SimNode[] {
  const { liar } = plan;
  const everyone = () => true;
  const twins = liar?.kind === "twins" ? liar.node : undefined;
  const nodes = keys.map((each, index) => {
    const talksTo = index === twins ? (peer: number) => peer % 3 !== 0 : everyone;
    return createNode(each, { index, place: index, honest: index !== liar?.node, talksTo });
  });
  const first = twins === undefined ? undefined : keys[twins];
  if (first === undefined || twins === undefined) return nodes;
  const talksTo = (peer: number) => peer % 3 !== 1;
  const second = { ...first, name: `${first.name}'` };
  return [
    ...nodes,
    createNode(second, { index: nodes.length, place: twins, honest: false, talksTo }),
  ];
}
