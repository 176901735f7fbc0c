import { describe, expect, test } from "vitest";
import { type Fault, FaultyDisk } from "../../../test/shell/faulty-disk.ts";
import { SimulatedDisk } from "../../../test/shell/simulated-disk.ts";
import { freshSafetyData } from "../../consensus/safety-data.ts";
import type { ChainRecord } from "../../consensus/types.ts";
import { sha256 } from "../../crypto/sha256.ts";
import { concatBytes } from "../../kernel/bytes.ts";
import type { SignedStatement, Statement } from "../../kernel/statements.ts";
import { BurnGuard } from "../burn-guard.ts";
import { FatalError } from "../fatal-error.ts";
import { ChainStore } from "./chain-store.ts";
import type { FileSystem } from "./file-system.ts";
import { Journal } from "./journal.ts";
import { demandJournal } from "./missing-journal.ts";
import { Signer } from "./signer.ts";

const chainId = "ab".repeat(32);
const author = "11".repeat(32);
const folder = "/data";
const JOURNAL = "/data/journal.log";
const CHAIN = "/data/chain.log";
const safety = freshSafetyData(1);
const ROUNDS = 4;
const EVERYTHING = 1_000_000;

function vote(round: number, block = "cd"): Statement {
  return { kind: "vote", epoch: 1, round, blockId: block.repeat(32), qcRound: round - 1 };
}

/** What a vote of the round rests on. */
function ground(round: number): ChainRecord {
  const qc = { epoch: 1, round, blockId: "cd".repeat(32), qcRound: round - 1, signatures: [] };
  return { kind: "qc", qc };
}

function sign(message: Uint8Array): Uint8Array {
  const half = sha256(message);
  return concatBytes([half, half]);
}

let salts = 0;
/** The order of a node's start: journal, then chain log. */
async function open(fileSystem: FileSystem) {
  salts += 1;
  await demandJournal(fileSystem, folder);
  const salt = () => new Uint8Array(16).fill(salts);
  const { journal } = await Journal.open({ fileSystem, folder, chainId, author, salt });
  const { store, records } = await ChainStore.open({ fileSystem, folder, salt });
  return { journal, store, records, signer: new Signer({ journal, chainId, author, sign }) };
}

interface Life {
  readonly left: SignedStatement[];
  end: "running" | "done" | string;
}

/** A node's days on a disk: in each round the ground is synced, then the vote is signed. */
function live(fileSystem: FileSystem, fromRound = 1): { life: Life; over: Promise<void> } {
  const life: Life = { left: [], end: "running" };
  const run = async (): Promise<void> => {
    const { store, signer } = await open(fileSystem);
    for (let round = fromRound; round < fromRound + ROUNDS; round += 1) {
      store.add(ground(round));
      await store.sync();
      const { signed } = await signer.sign([{ statement: vote(round), safety }]);
      life.left.push(...signed);
    }
    life.end = "done";
  };
  const over = run().catch((error: unknown) => {
    if (!(error instanceof FatalError)) throw error;
    life.end = error.code;
  });
  return { life, over };
}

/** Until the process has either ended or waits for an effect that never comes. */
async function settled(over: Promise<void>): Promise<void> {
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 120; turn += 1) await new Promise((go) => setImmediate(go));
  };
  await Promise.race([over, turns()]);
}

/** Everything that left is in the journal, with its ground, and no index can be signed anew. */
async function checkKept(fileSystem: FileSystem, left: readonly SignedStatement[], where: string) {
  const { journal, records, signer } = await open(fileSystem);
  const rounds = new Set(records.map((record) => record.kind === "qc" && record.qc.round));
  for (const { statement } of left) {
    expect(journal.find(statement)?.same, where).toBe(true);
    if (statement.kind !== "vote") continue;
    expect(rounds.has(statement.round), `${where}: ground of round ${statement.round}`).toBe(true);
    const other = await signer.sign([{ statement: vote(statement.round, "ee"), safety }]);
    expect(other.signed, where).toEqual([]);
  }
}

async function effectsOfALife(): Promise<number> {
  const disk = new FaultyDisk(new SimulatedDisk().fileSystem);
  await live(disk.fileSystem).over;
  return disk.effects;
}

/** Sectors that are lost of a tail: a later part of the write without an earlier one. */
function withHole(tail: Uint8Array): Uint8Array {
  const torn = tail.slice();
  torn.fill(0, 0, Math.ceil(tail.length / 2));
  return torn;
}

const CUTS: readonly (readonly [string, (disk: SimulatedDisk) => void])[] = [
  ["nothing of it stays", (disk) => disk.cutPower()],
  ["a few bytes of it stay", (disk) => disk.cutPower(7)],
  ["a prefix of it stays", (disk) => disk.cutPower(100)],
  ["all of it stays", (disk) => disk.cutPower(EVERYTHING)],
  ["a later part stays without the earlier", (disk) => disk.cutPower(EVERYTHING, withHole)],
];

describe("faults at every effect", () => {
  test.each(CUTS)(
    "rule JOURNAL: power cut before each effect, of the unsynced %s",
    async (name, cut) => {
      const effects = await effectsOfALife();
      expect(effects).toBeGreaterThan(20);
      for (let at = 1; at <= effects + 1; at += 1) {
        const disk = new SimulatedDisk();
        const { life, over } = live(new FaultyDisk(disk.fileSystem, at, "end").fileSystem);
        await settled(over);
        cut(disk);
        await checkKept(disk.fileSystem, life.left, `cut before effect ${at}, ${name}`);
      }
    },
  );

  test("rule JOURNAL: a second power cut, at each effect of the start after the first", async () => {
    const effects = await effectsOfALife();
    for (let at = 8; at <= effects; at += 5) {
      for (let second = 1; second <= 12; second += 1) {
        const disk = new SimulatedDisk();
        const first = live(new FaultyDisk(disk.fileSystem, at, "end").fileSystem);
        await settled(first.over);
        disk.cutPower(100);
        const again = live(new FaultyDisk(disk.fileSystem, second, "end").fileSystem, 9);
        await settled(again.over);
        disk.cutPower(7);
        const left = [...first.life.left, ...again.life.left];
        await checkKept(disk.fileSystem, left, `cuts before effects ${at} and ${second}`);
      }
    }
  });

  test.each<[Fault, string]>([
    ["EIO", "DISK_FAILED"],
    ["ENOSPC", "DISK_FULL"],
  ])(
    "rule JOURNAL: each effect that fails with %s ends the node with %s, and loses nothing",
    async (fault, code) => {
      const effects = await effectsOfALife();
      const ends = new Set<string>();
      for (let at = 1; at <= effects; at += 1) {
        for (const isPowerCut of [false, true]) {
          const disk = new SimulatedDisk();
          const { life, over } = live(new FaultyDisk(disk.fileSystem, at, fault).fileSystem);
          await settled(over);
          ends.add(life.end);
          if (isPowerCut) disk.cutPower(7);
          await checkKept(disk.fileSystem, life.left, `${fault} at effect ${at}`);
        }
      }
      // A full disk that has nothing more to write is none.
      expect([...ends].toSorted()).toEqual(fault === "EIO" ? [code] : [code, "done"].toSorted());
    },
  );
});

describe("a full disk", () => {
  test("rule JOURNAL: the node ends before it signs, stays away while there is no space, and goes on", async () => {
    const disk = new SimulatedDisk();
    const effects = await effectsOfALife();
    const { life, over } = live(new FaultyDisk(disk.fileSystem, effects - 3, "ENOSPC").fileSystem);
    await over;
    expect(life.end).toBe("DISK_FULL");
    expect(life.left).toHaveLength(ROUNDS - 1);
    const before = disk.content(JOURNAL);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const full = live(new FaultyDisk(disk.fileSystem, 1, "ENOSPC").fileSystem, ROUNDS);
      await full.over;
      expect(full.life).toEqual({ end: "DISK_FULL", left: [] });
    }
    expect(disk.content(JOURNAL)).toEqual(before);
    const free = live(disk.fileSystem, ROUNDS);
    await free.over;
    expect(free.life.end).toBe("done");
    await checkKept(disk.fileSystem, [...life.left, ...free.life.left], "with space again");
  });
});

async function refusal(fileSystem: FileSystem): Promise<FatalError> {
  const error = await open(fileSystem).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof FatalError) return error;
  throw new Error(`not refused: ${String(error)}`);
}

async function lived(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await live(disk.fileSystem).over;
  return disk;
}

describe("a disk that does not give back what it took", () => {
  test.each([JOURNAL, CHAIN])(
    "rule JOURNAL: %s cannot be read: refused by name, file and byte, never cut",
    async (path) => {
      const disk = await lived();
      const before = disk.content(path);
      const broken = (readRange: FileSystem["readRange"]): FileSystem => ({
        ...disk.fileSystem,
        readRange: (file, offset, length) =>
          file === path
            ? readRange(file, offset, length)
            : disk.fileSystem.readRange(file, offset, length),
      });
      const failing = await refusal(
        broken(async () => {
          throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
        }),
      );
      expect(failing.code).toBe("DISK_FAILED");
      expect(failing.message).toContain(`${path} could not be read from byte 0 on: EIO`);
      const short = await refusal(
        broken((file, offset, length) => disk.fileSystem.readRange(file, offset, length - 1)),
      );
      expect(short.code).toBe("DISK_FAILED");
      expect(disk.content(path)).toEqual(before);
      expect((await open(disk.fileSystem)).journal.size).toBe(ROUNDS);
    },
  );

  test("rule JOURNAL: a corrupt byte of the chain log is refused by name, file and byte, or was the last group's", async () => {
    const disk = await lived();
    const bytes = disk.content(CHAIN);
    const last = Buffer.from(bytes).lastIndexOf("QFRM");
    for (let at = 0; at < bytes.length; at += 1) {
      const broken = bytes.slice();
      broken[at] = (broken[at] ?? 0) ^ 0x10;
      disk.overwrite(CHAIN, broken);
      if (at >= last) {
        expect((await open(disk.fileSystem)).records, `byte ${at}`).toHaveLength(ROUNDS - 1);
        continue;
      }
      const { code, message } = await refusal(disk.fileSystem);
      expect(code, `byte ${at}`).toBe("LOG_CORRUPT");
      expect(message).toMatch(/^\/data\/chain\.log is corrupt at byte \d+/);
    }
  });

  test("rule JOURNAL: a sync that lies, with a later group on the disk, is corruption and no torn tail", async () => {
    const disk = await lived();
    const bytes = disk.content(JOURNAL);
    const frames = Buffer.from(bytes);
    const last = frames.lastIndexOf("QFRM");
    const beforeLast = frames.lastIndexOf("QFRM", last - 1);
    const hole = bytes.slice();
    hole.fill(0, beforeLast, last);
    disk.overwrite(JOURNAL, hole);
    const { code, message } = await refusal(disk.fileSystem);
    expect(code).toBe("LOG_CORRUPT");
    expect(message).toContain(`${JOURNAL} is corrupt at byte ${beforeLast}`);
  });
});

describe("rule BURN", () => {
  const lost: readonly (readonly [string, (disk: SimulatedDisk, older: Uint8Array) => void])[] = [
    ["an old volume put back", (disk, older) => disk.overwrite(JOURNAL, older)],
    [
      "a last group lost by a sync that lied",
      (disk) => {
        const bytes = disk.content(JOURNAL);
        disk.overwrite(JOURNAL, bytes.slice(0, Buffer.from(bytes).lastIndexOf("QFRM")));
      },
    ],
    [
      "a last group that rotted",
      (disk) => {
        const bytes = disk.content(JOURNAL);
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        disk.overwrite(JOURNAL, bytes);
      },
    ],
  ];

  test("rule BURN: a journal that is gone is refused by name, where a chain log says that there was one", async () => {
    const disk = await lived();
    const bare = new SimulatedDisk();
    bare.overwrite(CHAIN, disk.content(CHAIN));
    const { code, message } = await refusal(bare.fileSystem);
    expect(code).toBe("JOURNAL_MISSING");
    expect(message).toContain("/data holds chain.log and no journal.log");
    // A first start that was cut has neither, or the journal alone.
    const cut = new SimulatedDisk();
    cut.overwrite(JOURNAL, disk.content(JOURNAL));
    expect((await open(cut.fileSystem)).journal.size).toBe(ROUNDS);
  });

  test("rule BURN: whatever else is left without its journal, the node refuses by name", async () => {
    const disk = await lived();
    const others = [
      ...["chain.log", "chain-40.log", "epochs.log", "snapshot-40.snap", "snapshot-40.part"],
      ...["divergence.log", "divergence-7.log", "rebuild.log", "genesis.hash"],
    ];
    for (let chosen = 0; chosen < 2 ** others.length; chosen += 1) {
      const kept = others.filter((_, at) => (chosen & (2 ** at)) !== 0);
      const bare = new SimulatedDisk();
      bare.overwrite("/data/keys.json", Uint8Array.of(1));
      for (const name of kept) bare.overwrite(`/data/${name}`, disk.content(CHAIN));
      const refused = await demandJournal(bare.fileSystem, folder).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (kept.length === 0) expect(refused).toBeUndefined();
      else expect(refused, kept.join()).toMatchObject({ code: "JOURNAL_MISSING" });
      bare.overwrite(JOURNAL, disk.content(JOURNAL));
      await demandJournal(bare.fileSystem, folder);
    }
    // Emptied is as good as gone.
    disk.overwrite(JOURNAL, disk.content(JOURNAL).slice(0, 28));
    expect((await refusal(disk.fileSystem)).code).toBe("LOG_CORRUPT");
  });

  test.each(lost)(
    "rule BURN: %s: what a peer saw last burns the key before it signs",
    async (_name, lose) => {
      const disk = new SimulatedDisk();
      const first = await open(disk.fileSystem);
      await first.signer.sign([{ statement: vote(1), safety }]);
      const older = disk.content(JOURNAL);
      const { signed } = await first.signer.sign([{ statement: vote(2), safety }]);
      const [seen] = signed;
      if (seen === undefined) throw new Error("a vote was signed");
      lose(disk, older);
      const { journal } = await open(disk.fileSystem);
      expect(journal.find(seen.statement)).toBeUndefined();
      const scheme = { verify: () => true, verifyBatch: () => true };
      const guard = new BurnGuard({ journal, chainId, self: author, scheme });
      expect(guard.state.kind).toBe("listening");
      expect(guard.inspect({ kind: "statement", signed: seen }).kind).toBe("burnt");
      expect(guard.state.kind).toBe("burnt");
    },
  );
});
