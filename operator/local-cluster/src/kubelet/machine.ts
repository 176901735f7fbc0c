import type { PidFile } from "../supervisor/pid-file.ts";

export type Power = "on" | "paused" | "off";

/**
 * The virtual machine below a kubelet. Whatever the kubelet does in answer to time or to the world
 * goes through `awake`: a paused machine does it once it is resumed, one that lost power never.
 */
export class Machine {
  readonly name: string;
  readonly pidFile: PidFile;
  readonly #pending: (() => void)[] = [];
  readonly #onError: (error: unknown) => void;
  #boot = 0;
  #power: Power = "on";

  /** `onError` is told of what an answer to an event throws: other pods go on. */
  constructor(name: string, pidFile: PidFile, onError: (error: unknown) => void) {
    this.name = name;
    this.pidFile = pidFile;
    this.#onError = onError;
  }

  get power(): Power {
    return this.#power;
  }

  pause(): void {
    if (this.#power === "on") this.#power = "paused";
  }

  resume(): void {
    if (this.#power !== "paused") return;
    this.#power = "on";
    for (const act of this.#pending.splice(0)) act();
  }

  turnOff(): void {
    this.#power = "off";
    this.#boot += 1;
    this.#pending.length = 0;
  }

  turnOn(): void {
    this.#power = "on";
  }

  /** Wraps what answers to an event: it never outlives the boot in which it was asked for. */
  awake<Args extends readonly unknown[]>(act: (...args: Args) => void): (...args: Args) => void {
    const boot = this.#boot;
    const run = (args: Args) => {
      if (boot !== this.#boot) return;
      if (this.#power === "paused") this.#pending.push(() => run(args));
      else this.#try(() => act(...args));
    };
    return (...args) => run(args);
  }

  #try(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#onError(error);
    }
  }

  /** A timer of this boot; returns what cancels it. */
  after(ms: number, act: () => void): () => void {
    let cancelled = false;
    const timer = setTimeout(
      this.awake(() => {
        if (!cancelled) act();
      }),
      ms,
    );
    return () => {
      cancelled = true;
      clearTimeout(timer);
    };
  }
}
