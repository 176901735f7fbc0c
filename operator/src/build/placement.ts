import { compareText } from "@quorate/node/kernel/bytes";
import type { NodeView } from "../observe/observation.ts";

/** A member as placement sees it: where it is bound, and whether it votes (or will from birth). */
export interface Placed {
  readonly zone: string;
  readonly votes: boolean;
  /** Its machine may be gone though Kubernetes has not noticed yet: that takes it 40 s or more. */
  readonly doubtful: boolean;
}

/** A zone with a machine that takes pods now. */
function isOpen({ ready, unschedulable, zone }: NodeView): boolean {
  return ready && !unschedulable && zone !== "";
}

/**
 * The failure domain of a new member (rule S8: no domain holds more than f): the open one with no
 * doubtful machine, the fewest voters, then the fewest members, then by name. Empty where no
 * machine names a domain.
 */
export function chooseZone(nodes: readonly NodeView[], placed: readonly Placed[]): string {
  const zones = [...new Set(nodes.filter(isOpen).map(({ zone }) => zone))];
  const load = (zone: string) => {
    const here = placed.filter((each) => each.zone === zone);
    return {
      zone,
      doubt: Number(here.some(({ doubtful }) => doubtful)),
      voters: here.filter(({ votes }) => votes).length,
      members: here.length,
    };
  };
  const [best] = zones
    .map(load)
    .sort(
      (left, right) =>
        left.doubt - right.doubt ||
        left.voters - right.voters ||
        left.members - right.members ||
        compareText(left.zone, right.zone),
    );
  return best?.zone ?? "";
}
