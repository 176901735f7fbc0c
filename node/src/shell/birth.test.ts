import { generateKeyPairSync } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { genesisHash } from "../ledger/genesis.ts";
import { awaitGenesis, pinGenesis, readPin } from "./birth.ts";
import { makeFolder } from "./disk/file-system.ts";
import { FatalError } from "./fatal-error.ts";
import { loadKeys } from "./key-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-birth-"));
  prepared = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const key = (digit: number): string => `${digit}`.repeat(64);
const genesis = Buffer.from(
  JSON.stringify({
    name: "test",
    dev: true,
    genesisTimeMs: 1_000,
    owners: [{ key: key(1), sponsorKey: key(2), treasury: "0" }],
    custodians: [],
    seats: [3, 4, 5, 6].map((digit) => ({
      owner: key(1),
      key: key(digit),
      networkKey: key(digit).replace(/.$/, "a"),
      address: `127.0.0.1:700${digit}`,
      power: "10",
    })),
    candidates: "owners",
    rewardPot: "0",
    parameters: {},
    margin: { markets: [], accounts: [], insuranceFund: "0" },
  }),
);

async function failure(action: Promise<unknown>): Promise<string> {
  try {
    await action;
    return "none";
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    return error.code;
  }
}

function birth(signal: AbortSignal = new AbortController().signal, expected?: string) {
  const genesisFile = join(folder, "genesis.json");
  return awaitGenesis({ folder, genesisFile, genesisHash: expected, signal, beforePin });
}

let prepared: (string | undefined)[] = [];
async function beforePin(): Promise<void> {
  prepared.push(await readPin(folder));
}

/** As a kubelet writes a ConfigMap: links into a folder that is swapped in one rename. */
function mountGenesis(mount: string): void {
  mkdirSync(join(mount, "..2026_01"), { recursive: true });
  writeFileSync(join(mount, "..2026_01", "genesis.json"), genesis);
  symlinkSync("..2026_01", join(mount, "..data_tmp"));
  renameSync(join(mount, "..data_tmp"), join(mount, "..data"));
  symlinkSync(join("..data", "genesis.json"), join(mount, "genesis.json"));
}

describe("birth", () => {
  test("rule GENESIS: a node waits for its genesis and pins the hash", async () => {
    const waiting = birth();
    writeFileSync(join(folder, "genesis.json"), genesis);
    const born = await waiting;
    expect(born?.chainId).toBe(genesisHash(genesis));
    expect(await readPin(folder)).toBe(genesisHash(genesis));
    expect((await birth())?.chainId).toBe(genesisHash(genesis));
  });

  test("rule GENESIS: another genesis is refused for ever", async () => {
    await pinGenesis(folder, "ab".repeat(32));
    writeFileSync(join(folder, "genesis.json"), genesis);
    expect(await failure(birth())).toBe("GENESIS_PINNED");
    expect(await readPin(folder)).toBe("ab".repeat(32));
  });

  test("rule GENESIS: a later node checks the hash that it was given, before it pins", async () => {
    writeFileSync(join(folder, "genesis.json"), genesis);
    const { signal } = new AbortController();
    expect(await failure(birth(signal, "ab".repeat(32)))).toBe("GENESIS_FOREIGN");
    expect(await readPin(folder)).toBeUndefined();
    const born = await birth(signal, genesisHash(genesis));
    expect(born?.chainId).toBe(genesisHash(genesis));
  });

  test.each([
    ["empty", true],
    ["absent", false],
  ])("a genesis that is mounted as links later, into a folder %s at first", async (_, present) => {
    const mount = join(folder, "mount");
    if (present) mkdirSync(mount);
    const { signal } = new AbortController();
    const genesisFile = join(mount, "genesis.json");
    const waiting = awaitGenesis({
      folder,
      genesisFile,
      genesisHash: undefined,
      signal,
      beforePin,
    });
    mountGenesis(mount);
    expect((await waiting)?.chainId).toBe(genesisHash(genesis));
  });

  test("rule JOURNAL: the journal is made before the pin, and never again for a pinned folder", async () => {
    writeFileSync(join(folder, "genesis.json"), genesis);
    await birth();
    await birth();
    expect(prepared).toEqual([undefined]);
  });

  test("rule GENESIS: the wait ends on request", async () => {
    const controller = new AbortController();
    const waiting = birth(controller.signal);
    controller.abort();
    expect(await waiting).toBeUndefined();
  });

  test("args: a genesis that stays wrong is refused with the field and the fix", async () => {
    writeFileSync(join(folder, "genesis.json"), `{"name": 7}`);
    expect(await failure(birth())).toBe("GENESIS_INVALID");
  });

  test("args: a broken pin is refused by name", async () => {
    writeFileSync(join(folder, "genesis.hash"), "?");
    expect(await failure(readPin(folder))).toBe("GENESIS_PIN_MALFORMED");
  });
});

describe("key files", () => {
  const path = (name: string): string => join(folder, `${name}.key.pem`);

  test("keys are made once, for their owner only, and found again", async () => {
    const made = await loadKeys(folder);
    expect(made.isNew).toBe(true);
    expect(statSync(path("consensus")).mode & 0o777).toBe(0o600);
    const found = await loadKeys(folder);
    expect(found.isNew).toBe(false);
    expect(found.consensus.publicKey).toBe(made.consensus.publicKey);
    expect(found.network.publicKey).not.toBe(made.consensus.publicKey);
  });

  test("args: a key that others can read, or that is none, is refused by name", async () => {
    await loadKeys(folder);
    const pem = readFileSync(path("network"));
    chmodSync(path("network"), 0o640);
    expect(await failure(loadKeys(folder))).toBe("KEY_MODE");
    chmodSync(path("network"), 0o600);
    writeFileSync(path("network"), "no key");
    expect(await failure(loadKeys(folder))).toBe("KEY_MALFORMED");
    const { privateKey } = generateKeyPairSync("x25519");
    writeFileSync(path("network"), privateKey.export({ format: "pem", type: "pkcs8" }));
    expect(await failure(loadKeys(folder))).toBe("KEY_WRONG_TYPE");
    writeFileSync(path("network"), pem);
    expect(await failure(loadKeys(folder))).toBe("none");
  });
});

describe("data folder", () => {
  const modeOf = (path: string): number => statSync(path).mode & 0o7777;

  test("an own folder is closed to others", async () => {
    const data = join(folder, "data");
    mkdirSync(data);
    chmodSync(data, 0o755);
    await makeFolder(data);
    expect(modeOf(data)).toBe(0o700);
  });

  test("a mounted folder stays as it is, and the keys in it are their owner's alone", async () => {
    const data = join(folder, "data");
    mkdirSync(join(data, "lost+found"), { recursive: true });
    chmodSync(data, 0o2770);
    await makeFolder(data);
    expect(modeOf(data)).toBe(0o2770);
    chmodSync(data, 0o777);
    await makeFolder(data, statSync(data).uid + 1);
    expect(modeOf(data)).toBe(0o777);
    await loadKeys(data);
    expect(modeOf(join(data, "consensus.key.pem"))).toBe(0o600);
  });

  test("the group's rights that a mount with fsGroup adds to a key are taken back", async () => {
    const path = join(folder, "network.key.pem");
    chmodSync(folder, 0o2770);
    await loadKeys(folder);
    chmodSync(path, 0o660);
    await loadKeys(folder);
    expect(modeOf(path)).toBe(0o600);
    chmodSync(path, 0o664);
    expect(await failure(loadKeys(folder))).toBe("KEY_MODE");
  });

  test("args: a folder that cannot be made is refused by name", async () => {
    writeFileSync(join(folder, "file"), "");
    expect(await failure(makeFolder(join(folder, "file", "data")))).toBe("DATA_DIR_DENIED");
  });
});
