import { livenessView } from "../../src/ledger/views.ts";
import { quietPlan } from "./quiet-plan.ts";
import { startAll } from "./scenario.ts";
import { World } from "./world.ts";

const SLOW = 3;
const EXTRA_MS = 150;

/**
 * Everything that one member sends or hears takes 150 ms longer, and its proposals come to nothing:
 * it has only late votes and heartbeats to show, because certificates hold the fastest quorum.
 */
export function slowMemberWorld(): World {
  const plan = quietPlan({ healMs: 0 });
  const baseMs = plan.links.baseMs.map((row, from) =>
    row.map((base, to) => (from === SLOW || to === SLOW ? base + EXTRA_MS : base)),
  );
  const world = new World({ ...plan, links: { ...plan.links, baseMs } });
  world.isLost = (from, _, { body }) => from.index === SLOW && body.kind === "proposal";
  startAll(world);
  return world;
}

/** Members that any node's chain ever called silent, from now on. */
export function watchSilence(world: World): ReadonlySet<string> {
  const silent = new Set<string>();
  world.onEffect = (node, effect) => {
    if (effect.kind !== "executed" || node.process === undefined) return;
    for (const member of livenessView(node.process.state.ledger)) {
      if (member.silent) silent.add(world.nodeName(member.key));
    }
  };
  return silent;
}
