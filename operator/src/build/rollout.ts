import type { MemberRole } from "../api/v1alpha1/types.ts";
import { maintenanceOf } from "../decide/maintenance.ts";
import type { MemberView, Observation, PodView } from "../observe/observation.ts";

/** What the chain and the cluster allow in this pass. */
export interface RolloutGates {
  /** Seats that may be without a ready pod at once (rule S1). */
  readonly disruptable: number;
  /** A rotation is under way or due, or the margin engine is liquidating (rule S18). */
  readonly isBusy: boolean;
}

/** How far the roll-out of `spec.image` has come. */
export interface Rollout {
  /** The image of each member's next pod, by name; on record as an annotation of its Service. */
  readonly images: ReadonlyMap<string, string>;
  /** The image of a new member. */
  readonly fresh: string;
  /** Member whose pod makes room for the new image; at most one at a time. */
  readonly turn: string | undefined;
  /** Undefined where every node runs `spec.image`. */
  readonly state:
    | { readonly reason: "Upgrading" | "UpgradeHalted"; readonly message: string }
    | undefined;
}

interface Placed {
  readonly member: MemberView;
  readonly role: MemberRole;
}

/** A node that will not come up by waiting. */
const BROKEN: ReadonlySet<string> = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "CreateContainerError",
  "CreateContainerConfigError",
  "CrashLoopBackOff",
]);

function isSeat(role: MemberRole): boolean {
  return role === "Voter" || role === "Leaving";
}

class Progress {
  readonly #observation: Observation;
  readonly #wanted: string;

  constructor(observation: Observation) {
    this.#observation = observation;
    this.#wanted = observation.set.spec.image;
  }

  podOf({ name }: MemberView): PodView | undefined {
    return this.#observation.pods.find((pod) => pod.name === name && pod.member === name);
  }

  /** What its next pod would run if nothing is changed; before there was a record, what it runs. */
  imageOf(member: MemberView): string {
    return member.image || this.podOf(member)?.image || this.#wanted;
  }

  isReady(member: MemberView): boolean {
    const pod = this.podOf(member);
    return pod?.ready === true && !pod.terminating;
  }

  /** Its pod holds a process, as far as the operator can tell. */
  isRunning(member: MemberView): boolean {
    const pod = this.podOf(member);
    return pod !== undefined && !BROKEN.has(pod.waiting);
  }

  /** Its image will not come up by waiting. */
  isBroken({ member }: Placed): boolean {
    return BROKEN.has(this.podOf(member)?.waiting ?? "");
  }

  /** It runs the new image, is ready, and the chain counts on it again. */
  isBack({ member, role }: Placed): boolean {
    if (this.podOf(member)?.image !== this.#wanted || !this.isReady(member)) return false;
    const { chain } = this.#observation;
    const key = member.consensusKey;
    if (chain.kind !== "verified" || key === undefined) return role === "Founder";
    if (role === "Spare") return chain.chain.spares.some((one) => one.key === key && one.fit);
    if (!isSeat(role)) return true;
    const alive = chain.chain.liveness.get(key);
    const { fitMs } = chain.chain.parameters.rotation;
    return alive?.isSilent !== true && (alive?.msSilent ?? 0) <= fitMs;
  }
}

/**
 * One node at a time (rules S1, S17): first a node that its image keeps down, which is how one that
 * a bad image took comes back, then spares, then voters. The next turn comes when all that had
 * theirs are back, and of a node that runs only while a seat can be missed. A node that is lost
 * meanwhile comes back with the image that it had: a new one never spreads by drains or crashes.
 */
export function rollout(
  observation: Observation,
  roster: readonly Placed[],
  { disruptable, isBusy }: RolloutGates,
): Rollout {
  const { image: wanted } = observation.set.spec;
  const progress = new Progress(observation);
  const images = new Map(roster.map(({ member }) => [member.name, progress.imageOf(member)]));
  const running = roster.filter(({ member, role }) => role !== "Left" && !member.retired);
  const announced = new Set(maintenanceOf(observation).away.map(({ member }) => member));
  const away = running.filter(
    ({ member, role }) => isSeat(role) && (announced.has(member.name) || !progress.isReady(member)),
  );
  const mayGo = (placed: Placed): boolean => {
    // Whoever runs may sign, Ready or not; and a spare is needed as soon as a seat is missing.
    if (!progress.isRunning(placed.member)) return true;
    const others = away.filter((one) => one !== placed).length;
    return !isBusy && disruptable > others;
  };
  const had = running.filter(({ member }) => images.get(member.name) === wanted);
  const open = had.filter((placed) => !progress.isBack(placed));
  /** Its turn has begun, and its old pod is still there. */
  const begun = open.find(({ member }) => {
    const pod = progress.podOf(member);
    return pod !== undefined && !pod.terminating && pod.image !== wanted;
  });
  const waiting = running
    .filter(({ member }) => images.get(member.name) !== wanted)
    .toSorted((left, right) => rank(progress, left) - rank(progress, right));
  const [first] = waiting;
  const isProven = had.some((placed) => progress.isBack(placed));
  const mayBegin =
    open.length === 0 || (isProven && first !== undefined && progress.isBroken(first));
  const next = mayBegin ? first : undefined;
  const turn = [begun, next].find((placed) => placed !== undefined && mayGo(placed));
  const fresh = isProven || waiting.length === 0 ? wanted : mostCommon(waiting, images);
  if (turn !== undefined) images.set(turn.member.name, wanted);
  const state = stateOf(progress, { wanted, waiting, open });
  return { images, fresh, turn: turn?.member.name, state };
}

/**
 * What a new member runs before a node has come up with the new image: healing does not wait for
 * a roll-out, and least of all for one that is halted.
 */
function mostCommon(waiting: readonly Placed[], images: ReadonlyMap<string, string>): string {
  const counts = new Map<string, number>();
  for (const { member } of waiting) {
    const image = images.get(member.name) ?? "";
    counts.set(image, (counts.get(image) ?? 0) + 1);
  }
  const [[first] = [""]] = [...counts].toSorted(([, left], [, right]) => right - left);
  return first;
}

function rank(progress: Progress, placed: Placed): number {
  const { member, role } = placed;
  if (progress.isBroken(placed)) return member.ordinal;
  return (isSeat(role) ? 2_000_000 : 1_000_000) + member.ordinal;
}

function stateOf(
  progress: Progress,
  rolled: {
    readonly wanted: string;
    readonly waiting: readonly Placed[];
    readonly open: readonly Placed[];
  },
): Rollout["state"] {
  const { wanted, waiting, open } = rolled;
  const broken = open.find((placed) => progress.isBroken(placed));
  if (broken !== undefined) {
    const why = progress.podOf(broken.member)?.waiting ?? "";
    const fix = "put spec.image back, or mend the image";
    const message = `${broken.member.name} does not come up with ${wanted} (${why}): ${fix}`;
    return { reason: "UpgradeHalted", message };
  }
  if (waiting.length === 0) return undefined;
  const names = open.map(({ member }) => member.name).join(", ");
  const message = `${waiting.length} nodes still run another image than ${wanted}`;
  return {
    reason: "Upgrading",
    message: names === "" ? message : `${message}; waiting for ${names}`,
  };
}
