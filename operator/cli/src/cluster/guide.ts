import { readFileSync } from "node:fs";

/** What a reason means and what a person does about it. */
export interface Advice {
  readonly meaning: string;
  readonly todo: string;
}

const FILE = new URL("../../../../docs/conditions.md", import.meta.url);
const ROW = /^\| `(?<reason>\w+)` \| (?<meaning>.+?) \| (?<todo>.+?) \|$/gm;

/** docs/conditions.md as this program reads it: one text for people and for `why`. */
export function readGuide(text = readFileSync(FILE, "utf8")): ReadonlyMap<string, Advice> {
  return new Map(
    [...text.matchAll(ROW)].map(({ groups }) => {
      const { reason = "", meaning = "", todo = "" } = groups ?? {};
      return [reason, { meaning, todo }];
    }),
  );
}

/** What each rule asks, in one sentence; by the ids of decide/policy.ts. */
export const RULES: Readonly<Record<string, string>> = {
  S19: "the mode lets it act, and nobody paused it",
  S10: "it leads, and sees a quorum itself",
  "VERIFIED-READ": "what it decides on was verified from a trusted checkpoint",
  S9: "the signals are fresh, whole and in line with the chain",
  S11: "the chain commits",
  CAUSE: "what was found is a cause for a swap, of a member that still sits",
  S6: "misconduct is proven by two signatures, verified here",
  S7: "silence is in the chain's record and observers of f+1 have not heard the member",
  SWAP: "no other rotation is in flight, and this one would have an effect",
  S8: "no more than f are bad at once",
  S1: "unreachable, leaving and draining together hold at most f",
  RATE: "the chain's own cool-down is over",
  S15: "cool-down, daily budget and back-off of the operator allow it",
  APPROVE: "in mode Approve a person approved this very plan",
};
