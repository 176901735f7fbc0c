import type { Answer } from "../../replica/types.ts";

/** A client's call that waits for its receipt. */
export interface Submission {
  readonly transaction: Uint8Array;
  readonly answer: (answer: Answer) => void;
}
