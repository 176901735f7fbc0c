// A validator that serves corrupt chunks, for tests of state sync:
//   node node/test/sync/corrupt-peer.ts --config FILE
// In all else it is the product: one bit of every chunk that it gives to peers is another one.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

const HONEST = "    chunk: (height, index) => snapshots.chunk(height, index),";
const CORRUPT = `    chunk: async (height, index) => {
      const chunk = (await snapshots.chunk(height, index))?.slice();
      if (chunk !== undefined) chunk[chunk.length - 1] = (chunk[chunk.length - 1] ?? 0) ^ 1;
      return chunk;
    },`;
const SOURCE = new URL("../../src/shell/sync/node-snapshots.ts", import.meta.url);

registerHooks({
  load: (specifier, context, next) => {
    const loaded = next(specifier, context);
    if (specifier !== SOURCE.href) return loaded;
    const source = readFileSync(SOURCE, "utf8");
    if (!source.includes(HONEST)) throw new Error(`${SOURCE.href} serves chunks in another way`);
    return { ...loaded, source: source.replace(HONEST, CORRUPT) };
  },
});
// Only now, so that the lie is in it.
const { main } = await import("../../src/shell/process.ts");
process.exit(await main(process.argv.slice(2)));
