import { describe, expect, test } from "vitest";
import type { Pod, Toleration } from "./api-types.ts";
import { evictionDelayMs } from "./node-lifecycle.ts";

const LOST = { key: "node.kubernetes.io/unreachable", effect: "NoExecute" };
const pod = (...tolerations: Toleration[]): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p" },
  spec: { containers: [], tolerations },
});
const tolerates = (seconds?: number): Toleration => ({
  key: LOST.key,
  operator: "Exists",
  effect: "NoExecute",
  ...(seconds === undefined ? {} : { tolerationSeconds: seconds }),
});

describe("eviction from a tainted node", () => {
  test("no NoExecute taint, no eviction", () => {
    expect(evictionDelayMs(pod(), [])).toBeUndefined();
  });

  test("after tolerationSeconds; never where they are not limited", () => {
    expect(evictionDelayMs(pod(tolerates(7)), [LOST])).toBe(7_000);
    expect(evictionDelayMs(pod(tolerates()), [LOST])).toBeUndefined();
  });

  test("the shortest of several taints decides; one that is not tolerated evicts at once", () => {
    const drain = { key: "drain", effect: "NoExecute" };
    expect(evictionDelayMs(pod(tolerates(7)), [LOST, drain])).toBe(0);
    const both = pod(tolerates(7), { key: "drain", operator: "Exists", tolerationSeconds: 3 });
    expect(evictionDelayMs(both, [LOST, drain])).toBe(3_000);
  });

  test("a pod without the default tolerations stays five minutes on a lost node", () => {
    expect(evictionDelayMs(pod(), [LOST])).toBe(300_000);
  });
});
