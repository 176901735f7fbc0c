import { findMember } from "@quorate/node/kernel/validator-set";
import { ownerRotationSigningBytes } from "@quorate/node/ledger/transaction";
import { ANNOTATIONS } from "../../src/api/v1alpha1/labels.ts";
import type { ValidatorRotation } from "../../src/api/v1alpha1/types.ts";
import type { Draft, Stored } from "./api-store.ts";
import { LEASE_NAME, NAMESPACE, SET, SYSTEM } from "./names.ts";
import { signAsOwner } from "./scene-objects.ts";
import type { World } from "./world.ts";

interface Approval {
  readonly uid: string;
  readonly seenAtMs: number;
}

/** What people do with kubectl. */
export class Person {
  readonly #world: World;
  readonly #plans = new Map<string, Approval>();
  readonly #set: Draft;
  #wantsSet = false;

  constructor(world: World, set: Draft) {
    this.#world = world;
    this.#set = set;
  }

  /** Approves what waits, as the plan of the run says. */
  step(): void {
    const { store, clock, plan, trace } = this.#world;
    if (this.#wantsSet) this.applySet();
    for (const object of store.list("validatorrotations")) {
      const { status } = object as unknown as ValidatorRotation;
      const { uid, annotations } = object.metadata;
      if (status?.phase !== "Planned" || annotations?.[ANNOTATIONS.approve] !== undefined) continue;
      const seen = this.#plans.get(uid) ?? { uid, seenAtMs: clock.monotonic() };
      this.#plans.set(uid, seen);
      const waitedMs = clock.monotonic() - seen.seenAtMs;
      const approver = clock.monotonic() < plan.calmAtMs ? plan.approver : "right";
      const leastMs = approver === "late" ? 600_250 : 3_000;
      if (approver === "absent" || waitedMs < leastMs) continue;
      const hash = approver === "wrong" ? "f".repeat(64) : status.planHash;
      trace.add(clock.monotonic(), "person", `approves ${object.metadata.name} with ${hash}`);
      this.#world.counts.add(`person: approval ${approver}`);
      store.update("validatorrotations", object, (draft) => {
        const annotated = { ...draft.metadata.annotations, [ANNOTATIONS.approve]: hash };
        draft.metadata.annotations = annotated;
      });
    }
  }

  /** Again until the old one is gone. */
  applySet(): void {
    const { store } = this.#world;
    this.#wantsSet = true;
    if (store.get("validatorsets", NAMESPACE, SET) !== undefined) return;
    store.create("validatorsets", structuredClone(this.#set));
  }

  deleteSet(): void {
    const { store } = this.#world;
    const set = store.get("validatorsets", NAMESPACE, SET);
    this.#wantsSet = false;
    if (set === undefined) return;
    this.#world.server.handle({
      method: "DELETE",
      path: `/apis/quorate.dev/v1alpha1/namespaces/${NAMESPACE}/validatorsets/${SET}`,
    });
  }

  edit(change: (spec: Record<string, unknown>) => void): void {
    const { store } = this.#world;
    change(this.#set["spec"]);
    const set = store.get("validatorsets", NAMESPACE, SET);
    if (set === undefined) return;
    store.update("validatorsets", set, (draft) => change(draft["spec"]));
  }

  evictFrom(machine: string): void {
    const { store, clock } = this.#world;
    const here = (pod: Stored) => (pod["spec"] as { nodeName?: string }).nodeName === machine;
    for (const pod of store.list("pods").filter(here)) {
      store.update("pods", pod, (draft) => {
        draft.metadata.deletionTimestamp ??= new Date(clock.now()).toISOString();
      });
    }
  }

  deleteLease(): void {
    const { store } = this.#world;
    const lease = store.get("leases", SYSTEM, LEASE_NAME);
    if (lease === undefined) return;
    store.remove("leases", lease);
    this.#world.leaseDeletedAtMs = this.#world.clock.monotonic();
  }

  /** A wish that could not be met would be told for ever. */
  withdrawWishes(): void {
    const { store } = this.#world;
    for (const object of store.list("validatorrotations")) {
      const { spec, status } = object as unknown as ValidatorRotation;
      const open = status === undefined || status.phase === "Planned";
      if (spec.cause === "Owner" && open) store.remove("validatorrotations", object);
    }
  }

  /** An owner's wish, signed; every third is signed by somebody else. */
  signRotation(member: string | undefined, salt: number): void {
    const { store, chain } = this.#world;
    if (member === undefined || chain === undefined) return;
    const name = `wish-${salt}`;
    if (store.get("validatorrotations", NAMESPACE, name) !== undefined) return;
    const { set, setHash } = chain;
    const owner = findMember(set, member)?.owner ?? "";
    const rotation = { kind: "owner-rotation", member, setHash, nonce: salt } as const;
    // Somebody else's signature: one for another chain.
    const id = salt % 3 === 0 ? "0".repeat(64) : chain.id;
    const signature = signAsOwner(owner, ownerRotationSigningBytes(id, rotation));
    store.create("validatorrotations", {
      apiVersion: "quorate.dev/v1alpha1",
      kind: "ValidatorRotation",
      metadata: { name, namespace: NAMESPACE },
      spec: {
        set: SET,
        cause: "Owner",
        member,
        setHash,
        ownerSignature: { nonce: salt, signature },
      },
    });
  }
}
