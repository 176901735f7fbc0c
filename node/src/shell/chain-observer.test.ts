import { expect, test } from "vitest";
import { SoloReplica } from "../../test/shell/solo-replica.ts";
import type { ConsensusEvent } from "../consensus/effects.ts";
import { replicaStatus } from "../replica/queries.ts";
import { ChainObserver } from "./chain-observer.ts";
import { createMetrics } from "./metrics.ts";

const quiet = () => undefined;
const log = { error: quiet, warn: quiet, info: quiet, debug: quiet };

function world() {
  let now = 1_000;
  const metrics = createMetrics();
  const observer = new ChainObserver({ metrics, log, now: () => now });
  const { state } = new SoloReplica();
  const lines = async (name: string): Promise<string[]> => {
    observer.refresh(state);
    const text = await metrics.registry.getSingleMetricAsString(name);
    return text.split("\n").filter((line) => !line.startsWith("#") && line !== "");
  };
  const see = (event: ConsensusEvent): void => observer.observe({ kind: "observe", event });
  const pass = (ms: number): void => {
    now += ms;
  };
  return { lines, see, pass, observer, members: replicaStatus(state).set.members };
}

test("every member has its series from the start on", async () => {
  const { lines, pass, members } = world();
  pass(2_000);
  expect(members.length).toBeGreaterThan(0);
  for (const name of [
    "quorate_member_equivocations_total",
    "quorate_member_wrong_roots_total",
    "quorate_member_invalid_proposals_total",
    "quorate_oracle_outliers_total",
  ]) {
    expect(await lines(name)).toEqual(members.map(({ key }) => `${name}{member="${key}"} 0`));
  }
  expect(await lines("quorate_member_last_seen_seconds")).toEqual(
    members.map(({ key }) => `quorate_member_last_seen_seconds{member="${key}"} 2`),
  );
});

test("a block that comes again is counted once, another one by itself", async () => {
  const { lines, see } = world();
  const author = "ab".repeat(32);
  const invalid = (blockId: string) => {
    see({ kind: "invalid-proposal", author, blockId: blockId.repeat(64), code: "HEIGHT_GAP" });
  };
  invalid("1");
  invalid("1");
  invalid("2");
  const name = "quorate_member_invalid_proposals_total";
  expect(await lines(name)).toContain(`${name}{member="${author}"} 2`);
});

test("a wrong root is counted for its member", async () => {
  const { lines, see } = world();
  const author = "ab".repeat(32);
  see({ kind: "wrong-root", author, height: 7 });
  see({ kind: "wrong-root", author, height: 8 });
  const name = "quorate_member_wrong_roots_total";
  expect(await lines(name)).toContain(`${name}{member="${author}"} 2`);
});

test("a change of the round timer is a metric with its cause", async () => {
  const { lines, see } = world();
  see({ kind: "timer-changed", previousMs: 450, nextMs: 675, cause: "failed-rounds" });
  see({ kind: "timer-changed", previousMs: 675, nextMs: 450, cause: "commit" });
  expect(await lines("quorate_round_timeout_seconds")).toEqual([
    "quorate_round_timeout_seconds 0.45",
  ]);
  const name = "quorate_round_timeout_changes_total";
  expect(await lines(name)).toContain(`${name}{cause="failed-rounds"} 1`);
});
