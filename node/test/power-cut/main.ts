// A node on a disk that loses what was not synced, for tests that cut the power:
//   node node/test/power-cut/main.ts --config FILE --seed N [--mutant NAME]
// The start-up is the product's own; SIGKILL is the power cut. With a mutant one rule is broken.
import { readFileSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { mutants } from "../mutants/mutants.ts";
import { createRandom } from "../sim/random.ts";
import { DroppingDisk } from "./dropping-disk.ts";

const REPOSITORY = new URL("../../../", import.meta.url);

/** Loads the one source file of the mutant with its rule broken. */
function applyMutant(name: string): void {
  const mutant = mutants.find((each) => each.name === name);
  if (mutant === undefined) throw new Error(`--mutant: no mutant is called "${name}"`);
  const url = pathToFileURL(join(fileURLToPath(REPOSITORY), mutant.file)).href;
  registerHooks({
    load: (specifier, context, next) => {
      const loaded = next(specifier, context);
      if (specifier !== url) return loaded;
      const source = readFileSync(fileURLToPath(url), "utf8");
      if (!source.includes(mutant.find)) throw new Error(`mutant ${name} does not fit ${url}`);
      return { ...loaded, source: source.replace(mutant.find, () => mutant.replace) };
    },
  });
}

/** Each start of a node has chances of its own, the same in each run of a seed. */
function countStart(file: string): number {
  let starts = 0;
  try {
    starts = Number(readFileSync(file, "utf8"));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  writeFileSync(file, String(starts + 1));
  return starts;
}

const { values } = parseArgs({
  options: {
    config: { type: "string" },
    seed: { type: "string", default: "1" },
    mutant: { type: "string" },
  },
});
if (values.config === undefined) throw new Error("--config: name the node's configuration file");
if (values.mutant !== undefined) applyMutant(values.mutant);
const folder = dirname(values.config);
const { dataDir }: { dataDir: string } = JSON.parse(readFileSync(values.config, "utf8"));
DroppingDisk.powerOn(dataDir);
const random = createRandom(Number(values.seed)).fork(countStart(join(folder, "starts")));
// Only now, so that a mutant is in it.
const { main } = await import("../../src/shell/process.ts");
const fileSystem = new DroppingDisk(random);
process.exit(await main(["--config", values.config], { fileSystem }));
