import type { RepairPlan } from "../../src/consensus/repair-plan.ts";
import type { PublicKey } from "../../src/kernel/scalars.ts";
import { PROTOCOLS, type Protocols } from "../../src/ledger/protocol.ts";
import type { Adversary } from "./adversaries/adversary.ts";
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
  /** What its owner wrote into its folder. */
  repair: RepairPlan | undefined;
  process: Process | undefined;
  /** What stands between a liar's replica and the network. */
  adversary: Adversary | undefined;
  /** Gone for good. */
  gone: boolean;
  /** Its process stands still; what waits for it. */
  backlog: (() => void)[] | undefined;
  /** Local clock minus true time. */
  skewMs: number;
  /** Network keys that it lets in. */
  pins: ReadonlySet<PublicKey>;
  /** Effects left until it dies, and how; undefined: it lives on. */
  doom: { left: number; readonly die: () => void } | undefined;
  /** Virtual time when it last was down or cut off. */
  lastFaultMs: number;
}

type Fixed = Pick<SimNode, "index" | "place" | "honest" | "talksTo" | "skewMs">;

function createNode(keys: NodeKeys, fixed: Fixed): SimNode {
  return {
    ...keys,
    ...fixed,
    disk: createDisk(),
    protocols: PROTOCOLS,
    repair: undefined,
    process: undefined,
    adversary: undefined,
    gone: false,
    backlog: undefined,
    pins: new Set(),
    doom: undefined,
    lastFaultMs: Number.NEGATIVE_INFINITY,
  };
}

/** Members, spares, the thief's spares, then the second of each pair of twins. */
export function createNodes(plan: Plan, keys: readonly NodeKeys[]): readonly SimNode[] {
  const liars = new Set(plan.liars.map(({ node }) => node));
  const twins = plan.liars.filter(({ kind }) => kind === "twins").map(({ node }) => node);
  const honestCount = plan.members + plan.spares;
  const everyone = () => true;
  const nodes = keys.map((each, index) => {
    const talksTo = twins.includes(index) ? (peer: number) => peer % 3 !== 0 : everyone;
    const honest = !liars.has(index) && index < honestCount;
    const skewMs = plan.skewMs[index] ?? 0;
    return createNode(each, { index, place: index, honest, talksTo, skewMs });
  });
  for (const place of twins) {
    const first = keys[place];
    if (first === undefined) continue;
    const talksTo = (peer: number) => peer % 3 !== 1;
    const second = { ...first, name: `${first.name}'` };
    const index = nodes.length;
    nodes.push(
      createNode(second, { index, place, honest: false, talksTo, skewMs: plan.skewMs[place] ?? 0 }),
    );
  }
  return nodes;
}
