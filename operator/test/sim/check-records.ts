export interface Act {
  readonly kind: "Silence" | "Misconduct" | "Owner";
  readonly member: string;
  readonly setHash: string;
}

export interface SpecMoment {
  readonly atMs: number;
  readonly mode: string;
  readonly paused: boolean;
}
