import type { IdentityAnswer } from "../birth/identities.ts";
import type { MemberView, PodView } from "./observation.ts";

/** A node that did not prove its key is asked again after this; a hung one costs a time limit. */
const AGAIN_MS = 30_000;

interface Check {
  /** Of the recorded key: it was proven by this pod. */
  readonly proven: string;
  readonly againAt: number;
  /** The key that the node has instead. */
  readonly other: string;
}

const UNASKED: Check = { proven: "", againAt: Number.NEGATIVE_INFINITY, other: "" };

/** A member and the pod that runs it. */
export interface Placed {
  readonly member: MemberView;
  readonly pod: PodView;
}

/**
 * Whether the node of each pod still holds the key that its Service has on record: asked once for
 * each pod, since a pod of the same name may run another volume, another image or another program.
 */
export class KeyCheck {
  readonly #bySet = new Map<string, Map<string, Check>>();

  isDue(set: string, { member, pod }: Placed, nowMs: number): boolean {
    const check = this.#of(set, pod);
    return check.proven !== member.consensusKey && nowMs >= check.againAt;
  }

  /** The key that this pod's node proved instead of the recorded one. */
  otherKey(set: string, pod: PodView): string | undefined {
    return this.#of(set, pod).other || undefined;
  }

  /** The answer as it may be used: keys that differ from the record are a problem by name. */
  judge(set: string, { member, pod }: Placed, answer: IdentityAnswer, nowMs: number) {
    const { consensusKey = "", name } = member;
    const said = answer.identity?.consensusKey;
    const before = this.#of(set, pod);
    const againAt = nowMs + AGAIN_MS;
    if (said === undefined) {
      this.#keep(set, pod, { ...before, againAt });
      return answer;
    }
    if (said === consensusKey) {
      this.#keep(set, pod, { proven: said, againAt, other: "" });
      return answer;
    }
    this.#keep(set, pod, { proven: "", againAt, other: said });
    const has = `its node has key ${said.slice(0, 8)}`;
    const problem = `${has}, its Service has ${consensusKey.slice(0, 8)} on record`;
    return { member: name, problem };
  }

  /** Pods that are gone are forgotten. */
  prune(set: string, pods: readonly PodView[]): void {
    const there = new Set(pods.map(({ uid }) => uid));
    const checks = [...(this.#bySet.get(set) ?? [])].filter(([uid]) => there.has(uid));
    if (checks.length === 0) this.#bySet.delete(set);
    else this.#bySet.set(set, new Map(checks));
  }

  #of(set: string, { uid }: PodView): Check {
    return this.#bySet.get(set)?.get(uid) ?? UNASKED;
  }

  #keep(set: string, { uid }: PodView, check: Check): void {
    const checks = this.#bySet.get(set) ?? new Map<string, Check>();
    checks.set(uid, check);
    this.#bySet.set(set, checks);
  }
}
