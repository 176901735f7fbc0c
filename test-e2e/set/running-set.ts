import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type QuorateClient } from "@quorate/client/client";
import type {
  Condition,
  ConditionType,
  MemberStatus,
  ValidatorRotation,
  ValidatorSet,
  ValidatorSetStatus,
} from "@quorate/operator/api/v1alpha1/types";
import type { KubeClient } from "@quorate/runtime/kube-client";
import type { ResourceType } from "@quorate/runtime/objects";
import { resourceOf } from "@quorate/runtime/resource-of";
import { configMaps, type Pod, pods } from "@quorate/runtime/resources";
import { eventually } from "../network/eventually.ts";
import type { ClusterProvider, PodName } from "../provider/provider.ts";
import { type SetPlan, setObjects } from "./set-objects.ts";

const BIRTH_MS = 180_000;

export const VALIDATOR_SETS: ResourceType<ValidatorSet> = {
  apiVersion: "quorate.dev/v1alpha1",
  kind: "ValidatorSet",
  plural: "validatorsets",
  namespaced: true,
};

export const VALIDATOR_ROTATIONS: ResourceType<ValidatorRotation> = {
  apiVersion: "quorate.dev/v1alpha1",
  kind: "ValidatorRotation",
  plural: "validatorrotations",
  namespaced: true,
};

export interface SetAccess {
  readonly provider: ClusterProvider;
  readonly kube: KubeClient;
  /** For the genesis file and what else a client keeps. */
  readonly folder: string;
}

/** A set as a person outside the cluster sees it: through the API server and a light client. */
export class RunningSet {
  readonly access: SetAccess;
  readonly plan: SetPlan;

  private constructor(access: SetAccess, plan: SetPlan) {
    this.access = access;
    this.plan = plan;
  }

  /** Applies every object, as `kubectl apply --server-side` does, and waits for nothing. */
  static async apply(access: SetAccess, plan: SetPlan): Promise<RunningSet> {
    for (const object of setObjects(plan)) await access.kube.apply(resourceOf(object), object);
    return new RunningSet(access, plan);
  }

  get name(): PodName {
    return { namespace: this.plan.namespace, name: this.plan.name };
  }

  get genesisFile(): string {
    return join(this.access.folder, `${this.plan.namespace}-${this.plan.name}-genesis.json`);
  }

  async get(): Promise<ValidatorSet | undefined> {
    return this.access.kube.get(VALIDATOR_SETS, this.name);
  }

  async status(): Promise<ValidatorSetStatus> {
    const { status } = (await this.get()) ?? {};
    if (status === undefined) throw new Error(`${this.plan.name} has no status yet`);
    return status;
  }

  async condition(type: ConditionType): Promise<Condition | undefined> {
    return (await this.get())?.status?.conditions?.find((one) => one.type === type);
  }

  /** Waits until the set's status shows it; the error tells the last conditions. */
  async until<T>(
    look: (status: ValidatorSetStatus) => T | undefined,
    what: string,
    timeoutMs: number,
  ): Promise<T> {
    let last: ValidatorSetStatus | undefined;
    try {
      return await eventually(
        async () => {
          last = (await this.get())?.status;
          return last === undefined ? undefined : look(last);
        },
        { what, timeoutMs, everyMs: 250 },
      );
    } catch (error) {
      const seen = (last?.conditions ?? [])
        .map((one) => `  ${one.type}=${one.status} ${one.reason}: ${one.message}`)
        .join("\n");
      throw new Error(`${String(error)}\nlast status:\n${seen}`, { cause: error });
    }
  }

  untilCondition(
    type: ConditionType,
    status: Condition["status"],
    timeoutMs: number,
    reason?: string,
  ): Promise<Condition> {
    const matches = (one: Condition) =>
      one.type === type && one.status === status && (reason === undefined || one.reason === reason);
    const what = `${type}=${status}${reason === undefined ? "" : ` ${reason}`}`;
    return this.until(({ conditions }) => conditions?.find(matches), what, timeoutMs);
  }

  /** Born, and every member in its place. */
  async ready(timeoutMs: number = BIRTH_MS): Promise<ValidatorSetStatus> {
    await this.untilCondition("Ready", "True", timeoutMs);
    const status = await this.status();
    await this.#writeGenesis();
    return status;
  }

  /** A light client outside, which trusts the genesis and nothing else. */
  async client(): Promise<QuorateClient> {
    const endpoints = await this.endpoints();
    return connect({
      genesis: { file: this.genesisFile },
      endpoints,
      timeouts: { attemptMs: 2_000, totalMs: 15_000 },
    });
  }

  async endpoints(): Promise<readonly string[]> {
    const { members } = await this.status();
    const { namespace } = this.plan;
    return Promise.all(
      members.map(({ name }) => this.access.provider.queryEndpoint({ namespace, name })),
    );
  }

  async members(): Promise<readonly MemberStatus[]> {
    return (await this.status()).members;
  }

  async memberOf(key: string): Promise<MemberStatus | undefined> {
    return (await this.members()).find(({ consensusKey }) => consensusKey === key);
  }

  async rotations(): Promise<readonly ValidatorRotation[]> {
    const { namespace, name } = this.plan;
    const all = await this.access.kube.list(VALIDATOR_ROTATIONS, { namespace });
    return all.filter(({ spec }) => spec.set === name);
  }

  async pod(member: string): Promise<Pod | undefined> {
    return this.access.kube.get(pods, { namespace: this.plan.namespace, name: member });
  }

  async patch(patch: unknown): Promise<void> {
    await this.access.kube.mergePatch(VALIDATOR_SETS, this.name, patch);
  }

  async #writeGenesis(): Promise<void> {
    const { namespace, name } = this.plan;
    const map = await this.access.kube.get(configMaps, { namespace, name: `${name}-genesis` });
    const genesis = map?.data?.["genesis.json"];
    if (genesis === undefined) throw new Error(`${name} has no genesis`);
    writeFileSync(this.genesisFile, genesis);
  }
}
