import { generateKeyPairSync } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { keyOf, scheme, testGenesis } from "../../../test/ledger/test-chain.ts";
import { validatorSetHash } from "../../kernel/validator-set.ts";
import { encodeGenesis, genesisHash, genesisSet } from "../../ledger/genesis.ts";
import { PROTOCOLS } from "../../ledger/protocol.ts";
import { issueIdentity } from "../grpc/pinned-tls.ts";
import { keyPair } from "../key-file.ts";
import type { Log } from "../log.ts";
import { createMetrics } from "../metrics.ts";
import { SyncDriver, trustPeriodMs } from "./sync-driver.ts";
import { TrustedEpochs } from "./trusted-epochs.ts";

/** A node that knows nobody: a chain of one, whose only member it is. */
async function alone(checkpointEpoch: number | undefined, given: { isBare: boolean; now: number }) {
  const genesis = testGenesis({ owners: ["a"] });
  const set = genesisSet(genesis);
  const chainId = genesisHash(encodeGenesis(genesis));
  const checkpoint =
    checkpointEpoch === undefined
      ? undefined
      : { epoch: checkpointEpoch, setHash: validatorSetHash(set) };
  const epochs = new TrustedEpochs({ chainId, scheme, genesisSet: set, checkpoint }, []);
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  const log: Log = { error: note, warn: note, info: note, debug: note };
  const never = async (): Promise<never> => {
    throw new Error("nothing is fetched");
  };
  const driver = new SyncDriver({
    disk: {
      trust: { genesis, chainId, scheme, epochs, protocols: PROTOCOLS },
      snapshots: { resume: never } as never,
      epochs: { append: never } as never,
      ...{ isBare: given.isBare, isLost: false },
    },
    identity: await issueIdentity(keyPair(generateKeyPairSync("ed25519").privateKey)),
    ownNetworkKey: keyOf("network seat0"),
    bootstrap: [],
    pinned: () => [],
    height: () => 5,
    claimed: () => 5,
    now: () => genesis.genesisTimeMs + given.now,
    log,
    metrics: createMetrics(),
    restart: never,
    fail: (error) => {
      throw error;
    },
  });
  driver.start();
  for (let count = 0; count < 5; count += 1) await turn();
  driver.stop();
  return { holds: driver.holds, lines, trustMs: trustPeriodMs(genesis.parameters.rotation) };
}

test("weak subjectivity: a node reads no message before its checkpoint is proven, whatever its disk has", async () => {
  expect(await alone(9, { isBare: false, now: 0 })).toMatchObject({
    holds: true,
    lines: [expect.stringContaining("no peer proves the way to the checkpoint's set")],
  });
  // Its own epochs reach as far as the checkpoint: a restart waits for nobody.
  expect(await alone(1, { isBare: false, now: 0 })).toMatchObject({ holds: false, lines: [] });
  expect(await alone(undefined, { isBare: false, now: 0 })).toMatchObject({ holds: false });
});

test("weak subjectivity: a newcomer of an old chain without a checkpoint is told so, and goes on", async () => {
  const { lines, trustMs } = await alone(undefined, { isBare: true, now: 0 });
  expect(lines).toEqual([]);
  const old = await alone(undefined, { isBare: true, now: trustMs });
  expect(old.lines).toEqual([expect.stringContaining("weak subjectivity")]);
  // Whoever lived through it has seen the chain by itself.
  expect((await alone(undefined, { isBare: false, now: trustMs })).lines).toEqual([]);
  expect((await alone(1, { isBare: true, now: trustMs })).lines).toEqual([]);
});
