import type { GenesisFile } from "../stranger/genesis.ts";
import type { ValidatorSet } from "../stranger/sets.ts";
import type { Bonds } from "./bonds.ts";
import { PPM } from "./model/arithmetic.ts";
import { amount, count } from "./parameters.ts";

export interface PayingBlock {
  readonly height: number;
  /** What the chain says that it paid of the reward pot in this block: who served is not judged. */
  readonly rewards?: readonly { readonly key: string; readonly amount: bigint }[];
}

/** What the reward pot pays to the seats at the end of each reward period. */
export class Rewards {
  readonly #genesis: GenesisFile;
  readonly #bonds: Bonds;
  #fromMs: number;

  constructor(genesis: GenesisFile, bonds: Bonds) {
    this.#genesis = genesis;
    this.#bonds = bonds;
    this.#fromMs = genesis.genesisTimeMs;
  }

  isPayday(clockMs: number): boolean {
    return this.#isOver(clockMs) && this.#budget() > 0n;
  }

  #isOver(clockMs: number): boolean {
    return clockMs - this.#fromMs >= count(this.#genesis, "rewardPeriodMs");
  }

  #budget(): bigint {
    return (this.#bonds.rewardPot * amount(this.#genesis, "rewardPpm")) / PPM;
  }

  /**
   * At most each seat's part of the budget, by power; whether it served the whole time is not
   * judged.
   */
  pay({ height, rewards = [] }: PayingBlock, set: ValidatorSet, clockMs: number): void {
    const isOver = this.#isOver(clockMs);
    if (!isOver && rewards.length > 0) throw new Error(`block ${height} pays out of turn`);
    if (!isOver) return;
    const budget = this.#budget();
    const whole = set.members.reduce((sum, { power }) => sum + power, 0n);
    const paid = new Set<string>();
    for (const { key, amount: money } of rewards) {
      const member = set.members.find((each) => each.key === key);
      const owner = this.#bonds.owner(member?.owner ?? "");
      const most = (budget * (member?.power ?? 0n)) / whole;
      if (owner === undefined || paid.has(key) || money < 1n || money > most) {
        throw new Error(`block ${height} pays ${money} for ${key}, at most ${most} is due`);
      }
      paid.add(key);
      owner.money += money;
      this.#bonds.rewardPot -= money;
    }
    this.#fromMs = clockMs;
  }
}
