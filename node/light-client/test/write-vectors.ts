// Writes node/light-client/vectors anew: node node/light-client/test/write-vectors.ts
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { makeVectors } from "./vectors.ts";

const folder = new URL("../vectors/", import.meta.url);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
const vectors = makeVectors();
for (const vector of vectors) {
  const text = `${JSON.stringify(vector, undefined, 2)}\n`;
  writeFileSync(new URL(`${vector.name}.json`, folder), text);
}
process.stdout.write(`${vectors.length} vectors\n`);
