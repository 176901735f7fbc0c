import { isApproved } from "./approval.ts";
import {
  chainIsCool,
  dayHasBudget,
  hasCause,
  hasEffect,
  isNotCorrelated,
  isNotInMaintenance,
  isSeated,
  memberBackedOff,
  misconductIsProven,
  modeActs,
  nothingInFlight,
  operatorIsCool,
  ownerSigned,
  silenceIsConfirmed,
  staysInBudget,
} from "./guards.ts";
import {
  chainCommits,
  chainIsVerified,
  leaseIsFresh,
  paused,
  seesQuorum,
  signalsAreTrusted,
} from "./holds.ts";
import type { Guard, Hold } from "./policy-input.ts";

/** Forbid everything; asked in every pass. */
export const holds: readonly Hold[] = [
  paused,
  leaseIsFresh,
  chainIsVerified,
  signalsAreTrusted,
  seesQuorum,
  chainCommits,
];

/** Whether there is anything to act on; the first that refuses ends the questions. */
export const evidence: readonly Guard[] = [
  hasCause,
  misconductIsProven,
  silenceIsConfirmed,
  isSeated,
  ownerSigned,
];

/** Whether it may be done now; all are asked, so that a person sees every reason. */
export const restraint: readonly Guard[] = [
  isNotInMaintenance,
  nothingInFlight,
  hasEffect,
  isNotCorrelated,
  staysInBudget,
  chainIsCool,
  operatorIsCool,
  dayHasBudget,
  memberBackedOff,
];

/** Whether the person who runs it lets the operator do it. */
export const consent: readonly Guard[] = [modeActs, isApproved];
