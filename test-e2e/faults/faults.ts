import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Supervisor } from "@quorate/local-cluster/supervisor/supervisor";
import type { AdversaryMode } from "../network/adversary.ts";
import { PORTS } from "../network/loopback.ts";
import type { PodName } from "../provider/provider.ts";
import type { RunningSet } from "../set/running-set.ts";

const ADVERSARY = fileURLToPath(new URL("../adversary/main.ts", import.meta.url));
const ALLOW_FAULTS = "quorate.dev/allow-faults";

/**
 * Breaks nodes of a set from outside, and only of a set that its owner annotated for it. It is in
 * no image and no plugin (rules.md, the operator's restraint).
 */
export class Faults {
  readonly #set: RunningSet;
  #adversaries: Supervisor | undefined;

  constructor(set: RunningSet) {
    this.#set = set;
  }

  /** The process dies; its kubelet starts it again. */
  async crash(member: string): Promise<void> {
    await this.#permitted();
    await this.#set.access.provider.podKill(this.#pod(member));
  }

  /** The process stops in its tracks until `resume`. */
  async pause(member: string): Promise<void> {
    await this.#permitted();
    await this.#set.access.provider.podPause(this.#pod(member));
  }

  async resume(member: string): Promise<void> {
    await this.#permitted();
    await this.#set.access.provider.podResume(this.#pod(member));
  }

  /** The machine under the member is gone, with everything else on it. Returns its name. */
  async machineGone(member: string): Promise<string> {
    await this.#permitted();
    const { node } = await this.#running(member);
    await this.#set.access.provider.machineOff(node);
    return node;
  }

  /**
   * An adversary has taken the machine: it answers at the member's address, with its volume and its
   * key; for Kubernetes the machine is gone.
   */
  async takeOver(member: string, mode: AdversaryMode | "wrong-root"): Promise<void> {
    await this.#permitted();
    const { provider, folder } = this.#set.access;
    if (provider.volumeFolder === undefined) {
      throw new Error(`an adversary needs the volume of ${member}: not on ${provider.name}`);
    }
    const { node, address } = await this.#running(member);
    const volume = await provider.volumeFolder(this.#pod(member));
    await provider.machineOff(node);
    this.#adversaries ??= new Supervisor({ folder: join(folder, "adversaries") });
    this.#adversaries.start({
      name: `adversary-as-${member}`,
      script: ADVERSARY,
      args: [
        ...["--data-dir", volume],
        ...["--listen", `${address}:${PORTS.peers}`],
        ...["--genesis", this.#set.genesisFile],
        ...["--mode", mode],
      ],
    });
  }

  async stop(): Promise<void> {
    await this.#adversaries?.stopAll(0);
  }

  #pod(member: string): PodName {
    return { namespace: this.#set.plan.namespace, name: member };
  }

  async #running(member: string): Promise<{ readonly node: string; readonly address: string }> {
    const pod = await this.#set.pod(member);
    const node = pod?.spec?.nodeName;
    const address = pod?.status?.podIP;
    if (node === undefined || address === undefined) throw new Error(`${member} does not run`);
    return { node, address };
  }

  async #permitted(): Promise<void> {
    const set = await this.#set.get();
    if (set?.metadata.annotations?.[ALLOW_FAULTS] === "true") return;
    throw new Error(`${this.#set.plan.name} is not annotated ${ALLOW_FAULTS}=true: no faults`);
  }
}
