import { readFileSync } from "node:fs";
import { nodes } from "@quorate/runtime/resources";
import { expect, test } from "vitest";
import { runConformance } from "../conformance/conformance.ts";
import { Transcript } from "../conformance/transcript.ts";
import { startProvider } from "../provider/start-provider.ts";
import { openKube } from "../set/open-kube.ts";

const EXPECTED = new URL("../conformance/expected.txt", import.meta.url);
const CONTROL_PLANE = "node-role.kubernetes.io/control-plane";
const SCRIPT_MS = 600_000;

test(
  "the same kubectl calls get the bytes that Kubernetes 1.34 gave",
  async () => {
    const { provider } = await startProvider({ machines: 2 });
    try {
      const { kubeconfigFile } = provider;
      const machine = (await openKube(kubeconfigFile).list(nodes)).find(
        ({ metadata }) => metadata.labels?.[CONTROL_PLANE] === undefined,
      );
      if (machine === undefined) throw new Error("the cluster has no machine for pods");
      const transcript = new Transcript({ kubeconfigFile, node: machine.metadata.name });
      await runConformance(transcript);
      expect(transcript.text).toBe(readFileSync(EXPECTED, "utf8"));
    } finally {
      await provider.stop();
    }
  },
  SCRIPT_MS,
);
