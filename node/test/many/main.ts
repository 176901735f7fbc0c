// A hundred validators' cores on one virtual clock: what the core itself costs as the set grows.
//   node node/test/many/main.ts [--members 100] [--ms 2000]
// Signatures are keyed hashes, so the figure is the core's and the harness's, not Ed25519's.
import { parseArgs } from "node:util";
import { runMany } from "./run-many.ts";

const { values } = parseArgs({
  options: {
    members: { type: "string", default: "100" },
    ms: { type: "string", default: "2000" },
  },
});
const start = performance.now();
const { blocks, messages, verifications } = runMany(Number(values.members), Number(values.ms));
const seconds = (performance.now() - start) / 1_000;
process.stdout.write(
  `${values.members} members, ${values.ms} virtual ms: ${blocks} blocks in ${seconds.toFixed(1)} s, ` +
    `${(blocks / seconds).toFixed(2)} blocks/s of wall time for all, ` +
    `${((1_000 * seconds) / (blocks * Number(values.members))).toFixed(1)} ms of a core's time a block; ` +
    `${messages} messages and ${verifications} verifications per member and block\n`,
);
