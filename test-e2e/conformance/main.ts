import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { runConformance } from "./conformance.ts";
import { Transcript } from "./transcript.ts";

const { values } = parseArgs({
  options: {
    kubeconfig: { type: "string" },
    node: { type: "string" },
    out: { type: "string" },
  },
});
const { kubeconfig, node, out } = values;
if (kubeconfig === undefined || node === undefined || out === undefined) {
  process.stderr.write(
    "usage: node test-e2e/conformance/main.ts --kubeconfig FILE --node NAME --out FILE\n",
  );
  process.exitCode = 2;
} else {
  const kubectl = process.env["KUBECTL"];
  const transcript: Transcript = new Transcript({
    kubeconfigFile: kubeconfig,
    node,
    onCall: (line, ms) => {
      process.stderr.write(`${Math.round(ms)} ms ${line}\n`);
      writeFileSync(out, transcript.text);
    },
    ...(kubectl === undefined ? {} : { kubectl }),
  });
  try {
    await runConformance(transcript);
  } finally {
    writeFileSync(out, transcript.text);
  }
}
