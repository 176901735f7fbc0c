import { expect, test } from "vitest";
import { keyOf, scheme, TestChain } from "../../test/ledger/test-chain.ts";
import { PROTOCOLS } from "../ledger/protocol.ts";
import { setDutyTimer } from "./duties.ts";
import { recoverReplica } from "./state.ts";

/** Milliseconds until the next heartbeat. */
function heartbeatMs(rotation: { readonly silenceMs: number; readonly fitMs: number }): number {
  const { chainId, genesis } = new TestChain({ rotation });
  const self = { key: keyOf("seat0"), networkKey: keyOf("network seat0") };
  const config = { chainId, genesis, self, scheme, protocols: PROTOCOLS };
  const state = recoverReplica(config, { journal: [], chain: [] });
  const work: Parameters<typeof setDutyTimer>[0] = { state, effects: [], now: 1_000 };
  setDutyTimer(work);
  const [timer] = work.effects;
  if (timer?.kind !== "set-timer") throw new Error("no timer is set");
  return timer.at - 1_000;
}

test("rules SILENCE, FIT: four heartbeats a window, and two while a spare counts as fit", () => {
  expect(heartbeatMs({ silenceMs: 10_000, fitMs: 5_000 })).toBe(2_500);
  expect(heartbeatMs({ silenceMs: 3_000, fitMs: 5_000 })).toBe(750);
  expect(heartbeatMs({ silenceMs: 60_000, fitMs: 5_000 })).toBe(2_500);
});
