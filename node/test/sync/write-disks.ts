// Volumes of validators that have a large state of real accounts, for tests of state sync.
import { linkSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { defined } from "../../src/kernel/assert.ts";
import { genesisHash, parseGenesis } from "../../src/ledger/genesis.ts";
import { foldChunks, type SnapshotManifest } from "../../src/ledger/snapshot-manifest.ts";
import { ChainStore } from "../../src/shell/disk/chain-store.ts";
import { diskFileSystem as fileSystem } from "../../src/shell/disk/file-system.ts";
import { Journal } from "../../src/shell/disk/journal.ts";
import { SnapshotStore } from "../../src/shell/disk/snapshot-store.ts";
import { loadKeys } from "../../src/shell/key-file.ts";
import { newSalt } from "../../src/shell/node-disk.ts";
import { parsePriceSeries } from "../../src/shell/price-source.ts";
import { fillChunks, type LargeChunks } from "../ledger/large-chunks.ts";
import { SignedChain } from "./signed-chain.ts";

const HELP = `Volumes of validators that go on from a certified state of many real accounts.

  node node/test/sync/write-disks.ts --genesis FILE --prices CSV --height H --mib N [--seed S] DIR..

Each DIR holds the keys of one member of the genesis, and no journal yet. All get the snapshot of
height H, certified with all keys, the certificate to go on from, and a journal of what its keys
have signed so far. The index stands at the first price of the CSV. Prints one line of JSON: height,
bytes, accounts, leaves, chunks.
`;

/** As a chunk of production is in the middle. */
const CHUNK_BYTES = 131_072;
const BITS_MAX = 14;

const options = {
  genesis: { type: "string" },
  prices: { type: "string" },
  height: { type: "string" },
  mib: { type: "string" },
  seed: { type: "string", default: "1" },
  help: { type: "boolean" },
} as const;

function bitsFor(bytes: number): number {
  let bits = 1;
  while (bits < BITS_MAX && bytes / 2 ** bits > CHUNK_BYTES) bits += 1;
  return bits;
}

async function writeSnapshot(folder: string, chain: SignedChain, large: LargeChunks) {
  const encoded: Uint8Array[] = [];
  const chunks = large.encode((_, chunk) => void encoded.push(chunk));
  const stateRoot = foldChunks(chunks);
  const result = { ...defined(chain.result, "a result"), stateRoot };
  const { height } = result;
  const manifest: SnapshotManifest = { height, stateRoot, bits: large.bits, chunks };
  const snapshots = await SnapshotStore.open({ fileSystem, folder, salt: newSalt });
  const block = defined(chain.block, "a block");
  const writer = await snapshots.create({ certificate: chain.certify(result), block, manifest });
  for (const [index, chunk] of encoded.entries()) {
    if (chunks[index]?.kind !== "empty") await writer.add(index, chunk);
  }
  await writer.finish();
  return join(folder, `snapshot-${height}.snap`);
}

async function writeRest(folder: string, chain: SignedChain, chainId: string): Promise<void> {
  const place = { fileSystem, folder, salt: newSalt };
  const { consensus } = await loadKeys(folder);
  const { journal } = await Journal.open({ ...place, chainId, author: consensus.publicKey });
  const records = chain.signedBy(consensus.publicKey);
  for (const record of records) journal.stage(record);
  await journal.append(records);
  await journal.close();
  const { store } = await ChainStore.open(place, { base: chain.state.height });
  store.add({ kind: "qc", qc: chain.qc });
  await store.sync();
  await store.close();
}

const { values, positionals: folders } = parseArgs({ options, allowPositionals: true });
if (values.help === true) process.stdout.write(HELP);
else {
  const file = readFileSync(defined(values.genesis, "--genesis"));
  const genesis = parseGenesis(file);
  if (!genesis.ok) throw new Error(`${values.genesis}: ${JSON.stringify(genesis.error)}`);
  const series = parsePriceSeries(readFileSync(defined(values.prices, "--prices"), "utf8"));
  if (!series.ok) throw new Error(`${values.prices}: ${JSON.stringify(series.error)}`);
  const price = defined(series.value[0], "a price");
  const chainId = genesisHash(file);
  const keys = await Promise.all(folders.map(loadKeys));
  const chain = new SignedChain(
    genesis.value,
    chainId,
    keys.map(({ consensus }) => consensus),
  );
  const prices = genesis.value.margin.markets.map(() => price);
  while (chain.state.height < Number(values.height)) chain.extend(prices);
  const bytes = Number(values.mib) * 2 ** 20;
  const plan = { bits: bitsFor(bytes), bytes, seed: Number(values.seed) };
  const { chunks, totals } = fillChunks(chain.state, plan);
  const [first, ...others] = folders;
  const path = await writeSnapshot(defined(first, "a folder"), chain, chunks);
  // A published snapshot is never written again: one file serves all.
  for (const folder of others) linkSync(path, join(folder, basename(path)));
  for (const folder of folders) await writeRest(folder, chain, chainId);
  const { accounts, leaves } = totals;
  const { height } = chain.state;
  const report = { height, bytes: chunks.bytes, accounts, leaves, chunks: 2 ** chunks.bits };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
