import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { failingFileSystem } from "../../../test/shell/failing-file-system.ts";
import { SimulatedDisk } from "../../../test/shell/simulated-disk.ts";
import { ownPastOf } from "../../consensus/own-past.ts";
import { freshSafetyData } from "../../consensus/safety-data.ts";
import { sha256 } from "../../crypto/sha256.ts";
import { concatBytes, equalBytes } from "../../kernel/bytes.ts";
import { type SignedStatement, type Statement, statementIndex } from "../../kernel/statements.ts";
import { FatalError } from "../fatal-error.ts";
import type { FileSystem } from "./file-system.ts";
import { Journal } from "./journal.ts";
import { encodeJournalEntry } from "./journal-codec.ts";
import { openLog, readLog, writeNewLog } from "./record-log.ts";
import { Signer } from "./signer.ts";

const chainId = "ab".repeat(32);
const author = "11".repeat(32);
const PATH = "/data/journal.log";
const safety = freshSafetyData(1);

function vote(round: number, block = "cd"): Statement {
  return { kind: "vote", epoch: 1, round, blockId: block.repeat(32), qcRound: round - 1 };
}

function attestation(height: number): Statement {
  const zeros = "0".repeat(64);
  const roots = { stateRoot: zeros, receiptsRoot: zeros, nextSetHash: zeros };
  return {
    kind: "attestation",
    result: { epoch: 1, height, blockId: zeros, timestampMs: height, ...roots },
  };
}

function sign(message: Uint8Array): Uint8Array {
  const half = sha256(message);
  return concatBytes([half, half]);
}

let salts = 0;
async function openJournal(
  disk: Pick<SimulatedDisk, "fileSystem">,
  changes: { chainId?: string; author?: string; keep?: number; compactionRecords?: number } = {},
) {
  salts += 1;
  const salt = () => new Uint8Array(16).fill(salts);
  const options = { fileSystem: disk.fileSystem, folder: "/data", chainId, author, salt };
  const { journal, records } = await Journal.open({ ...options, ...changes });
  return { journal, records, signer: new Signer({ journal, chainId, author, sign }) };
}

async function failure(action: Promise<unknown>): Promise<string> {
  try {
    await action;
    return "none";
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    return error.code;
  }
}

const action = fc.oneof(
  fc.record({
    kind: fc.constant("sign" as const),
    rounds: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
    block: fc.constantFrom("aa", "bb", "cc"),
  }),
  fc.record({ kind: fc.constant("cut" as const), keep: fc.nat({ max: 400 }) }),
  fc.record({ kind: fc.constant("cut-in-flight" as const), keep: fc.nat({ max: 400 }) }),
  fc.record({ kind: fc.constant("fail" as const) }),
  fc.record({ kind: fc.constant("restart" as const) }),
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

/** One key's life on one disk, and every signature of it that the world has seen. */
class History {
  readonly #disk = new SimulatedDisk();
  readonly #left = new Map<number, SignedStatement>();
  #power: ReturnType<typeof failingFileSystem> | undefined;
  #node: Awaited<ReturnType<typeof openJournal>> | undefined;

  readonly #changes: { readonly keep?: number; readonly compactionRecords?: number };

  private constructor(changes: { readonly keep?: number; readonly compactionRecords?: number }) {
    this.#changes = changes;
  }

  static async begin(
    changes: { readonly keep?: number; readonly compactionRecords?: number } = {},
  ): Promise<History> {
    const history = new History(changes);
    await history.#restart();
    return history;
  }

  /** The former life is over: what it had begun does not go on. */
  async #restart(): Promise<void> {
    this.#power?.kill();
    this.#power = failingFileSystem(this.#disk.fileSystem, Number.POSITIVE_INFINITY);
    this.#node = await openJournal({ fileSystem: this.#power }, this.#changes);
  }

  async take(step: Action): Promise<void> {
    switch (step.kind) {
      case "sign":
        await this.#sign(step.rounds.map((round) => vote(round, step.block)));
        return;
      case "cut-in-flight":
        // The power goes while a group is on its way: nobody ever sees its signatures.
        void this.#node?.signer.sign([{ statement: vote(7, "dd"), safety }]).catch(() => "gone");
        this.#disk.cutPower(step.keep);
        break;
      case "fail":
        this.#disk.failSyncs(1);
        await this.#sign([vote(8, "ee")]);
        this.#disk.failSyncs(0);
        break;
      case "cut":
        this.#disk.cutPower(step.keep);
        break;
      case "restart":
    }
    await this.#restart();
  }

  async #sign(statements: readonly Statement[]): Promise<void> {
    const requests = statements.map((statement) => ({ statement, safety }));
    const result = await this.#node?.signer.sign(requests).catch(() => undefined);
    if (result === undefined) await this.#restart();
    for (const one of result?.signed ?? []) {
      const index = statementIndex(one.statement);
      const before = this.#left.get(index) ?? one;
      expect(before.statement).toEqual(one.statement);
      expect(equalBytes(before.signature, one.signature)).toBe(true);
      this.#left.set(index, one);
    }
  }

  /** Whatever left is in the journal, or under its floor. */
  check(): void {
    for (const { statement } of this.#left.values()) {
      const same = this.#node?.journal.find(statement)?.same;
      expect(same ?? this.#node?.journal.isBelowFloor(statement)).toBe(true);
    }
  }

  /** Other statements at the places of those that left: none is ever signed. */
  async tempt(): Promise<void> {
    for (const round of this.#left.keys()) await this.#sign([vote(round, "ff")]);
  }
}

describe("rule JOURNAL", () => {
  test("rule JOURNAL: no signature leaves before its record is durable", async () => {
    const disk = new SimulatedDisk();
    const { signer } = await openJournal(disk);
    const { signed } = await signer.sign([{ statement: vote(1), safety }]);
    disk.cutPower();
    const { journal } = await openJournal(disk);
    expect(signed).toHaveLength(1);
    expect(journal.find(vote(1))?.same).toBe(true);
  });

  test("rule JOURNAL: an index is never signed twice, and the same statement gets the stored bytes", async () => {
    const disk = new SimulatedDisk();
    const { signer } = await openJournal(disk);
    const first = await signer.sign([
      { statement: vote(1), safety },
      { statement: vote(1, "ef"), safety },
    ]);
    expect(first.refused).toEqual([vote(1, "ef")]);
    const again = await signer.sign([{ statement: vote(1), safety }]);
    expect(again.signed).toEqual(first.signed);
    disk.cutPower();
    const restarted = await openJournal(disk);
    const after = await restarted.signer.sign([
      { statement: vote(1, "ef"), safety },
      { statement: vote(1), safety },
    ]);
    expect(after.refused).toEqual([vote(1, "ef")]);
    expect(after.signed).toEqual(first.signed);
  });

  test("rule JOURNAL: a stored signature waits for the group it belongs to", async () => {
    const disk = new SimulatedDisk();
    const { signer } = await openJournal(disk);
    let firstDone = false;
    const first = signer.sign([{ statement: vote(1), safety }]).then(() => {
      firstDone = true;
    });
    await signer.sign([{ statement: vote(1), safety }]);
    expect(firstDone).toBe(true);
    await first;
  });

  test("rule JOURNAL: a group of requests costs one sync", async () => {
    const disk = new SimulatedDisk();
    const { signer } = await openJournal(disk);
    const before = disk.operations.filter((name) => name.startsWith("sync /")).length;
    await signer.sign([1, 2, 3, 4, 5].map((round) => ({ statement: vote(round), safety })));
    const after = disk.operations.filter((name) => name.startsWith("sync /")).length;
    expect(after - before).toBe(1);
  });

  test("rule JOURNAL: the start copies the journal, durable before the first signature", async () => {
    const disk = new SimulatedDisk();
    const { signer } = await openJournal(disk);
    disk.failSyncs(1);
    expect(await failure(signer.sign([{ statement: vote(1), safety }]))).toBe("DISK_FAILED");
    // Only the process dies: the next one reads bytes that the disk does not have.
    const second = await openJournal(disk);
    expect(second.journal.find(vote(1))?.same).toBe(true);
    await second.signer.sign([{ statement: vote(2), safety }]);
    disk.cutPower();
    const third = await openJournal(disk);
    expect(third.journal.find(vote(1))?.same).toBe(true);
    expect(third.journal.find(vote(2))?.same).toBe(true);
  });

  test("rule JOURNAL: the copy takes the name after its bytes are synced, and the folder after", async () => {
    const disk = new SimulatedDisk();
    await openJournal(disk);
    expect(disk.operations).toEqual([
      `append ${PATH}.new`,
      `sync ${PATH}.new`,
      `append ${PATH}.new`,
      `sync ${PATH}.new`,
      // The seal, in a frame of its own.
      `append ${PATH}.new`,
      `sync ${PATH}.new`,
      "sync folder",
      `rename ${PATH}`,
      "sync folder",
    ]);
  });

  test("rule JOURNAL: a failed fsync is final", async () => {
    const disk = new SimulatedDisk();
    const { signer } = await openJournal(disk);
    disk.failSyncs(1);
    expect(await failure(signer.sign([{ statement: vote(1), safety }]))).toBe("DISK_FAILED");
    expect(await failure(signer.sign([{ statement: vote(2), safety }]))).toBe("DISK_FAILED");
  });

  test("rule JOURNAL: torn at every byte, it opens with every signature that left", async () => {
    const whole = new SimulatedDisk();
    const { signer } = await openJournal(whole);
    const lengths: number[] = [];
    for (const round of [1, 2, 3]) {
      await signer.sign([{ statement: vote(round), safety }]);
      lengths.push(whole.content(PATH).length);
    }
    const bytes = whole.content(PATH);
    const [first = 0, second = 0] = lengths;
    for (let length = second; length < bytes.length; length += 1) {
      const disk = new SimulatedDisk();
      disk.overwrite(PATH, bytes.slice(0, length));
      const { journal } = await openJournal(disk);
      expect(journal.size, `cut at ${length}`).toBe(2);
    }
    // The same tail, but with bytes that do not belong there.
    const disk = new SimulatedDisk();
    const torn = bytes.slice();
    torn.fill(0, second + 5, second + 9);
    disk.overwrite(PATH, torn);
    expect((await openJournal(disk)).journal.size).toBe(2);
    expect(first).toBeLessThan(second);
  });

  test("rule JOURNAL: a corrupt record in the middle refuses to start, by name", async () => {
    const whole = new SimulatedDisk();
    const { signer } = await openJournal(whole);
    await signer.sign([{ statement: vote(1), safety }]);
    const end = whole.content(PATH).length;
    await signer.sign([{ statement: vote(2), safety }]);
    const bytes = whole.content(PATH);
    for (let at = 0; at < end; at += 1) {
      const disk = new SimulatedDisk();
      const broken = bytes.slice();
      broken[at] = (broken[at] ?? 0) ^ 0x40;
      disk.overwrite(PATH, broken);
      expect(await failure(openJournal(disk)), `byte ${at}`).toBe("LOG_CORRUPT");
    }
  });

  test("rule JOURNAL: a copy that rotted is no torn tail, though nothing was signed after it", async () => {
    const whole = new SimulatedDisk();
    const { signer } = await openJournal(whole);
    for (const round of [1, 2, 3]) await signer.sign([{ statement: vote(round), safety }]);
    expect((await openJournal(whole)).journal.size).toBe(3);
    const bytes = whole.content(PATH);
    for (let at = 0; at < bytes.length; at += 1) {
      const disk = new SimulatedDisk();
      const broken = bytes.slice();
      broken[at] = (broken[at] ?? 0) ^ 0x40;
      disk.overwrite(PATH, broken);
      expect(await failure(openJournal(disk)), `byte ${at}`).toBe("LOG_CORRUPT");
      disk.overwrite(PATH, bytes.slice(0, at));
      expect(await failure(openJournal(disk)), `cut at ${at}`).toBe("LOG_CORRUPT");
    }
  });

  test("rule JOURNAL: a record that cannot be read is named by file and byte", async () => {
    const disk = new SimulatedDisk();
    const location = { ...disk, folder: "/data", name: "journal.log" };
    const salt = new Uint8Array(16);
    const good = encodeJournalEntry({ kind: "genesis", chainId });
    const at = 28 + 12 + 4;
    for (const [code, bad] of [
      ["JOURNAL_UNKNOWN_RECORD", Uint8Array.of(77)],
      ["LOG_UNREADABLE", good.slice(0, 9)],
    ] as const) {
      await writeNewLog({ ...location, salt }, [good, bad], good);
      const error = await openJournal(disk).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code });
      const offset = at + good.length + 4;
      expect(String(error)).toContain(`${PATH}: the record at byte ${offset} is whole`);
    }
  });

  test("rule JOURNAL: where the shorter file cannot be made, nothing is signed any more", async () => {
    // Each effect of the shortening fails once; the disk is well before and after.
    for (let at = 1; at <= 8; at += 1) {
      const inner = new SimulatedDisk();
      let failing = 0;
      const act = <T>(action: () => Promise<T>): Promise<T> => {
        failing -= 1;
        return failing === 0 ? Promise.reject(new Error("EIO")) : action();
      };
      const { fileSystem: real } = inner;
      const fileSystem: FileSystem = {
        ...real,
        create: (path) =>
          act(async () => {
            const file = await real.create(path);
            return {
              ...file,
              append: (bytes) => act(() => file.append(bytes)),
              sync: () => act(() => file.sync()),
            };
          }),
        rename: (from, to) => act(() => real.rename(from, to)),
        syncFolder: (path) => act(() => real.syncFolder(path)),
      };
      const sizes = { keep: 2, compactionRecords: 4 };
      const { journal, signer } = await openJournal({ fileSystem }, sizes);
      const left: Statement[] = [];
      const signRound = async (round: number): Promise<string> => {
        return failure(
          signer.sign([{ statement: vote(round), safety }]).then(({ signed }) => {
            left.push(...signed.map(({ statement }) => statement));
          }),
        );
      };
      for (let round = 1; round <= 3; round += 1) await signRound(round);
      // Write and sync of the fourth come first; with it the shortening begins.
      failing = at + 2;
      await signRound(4);
      await journal.close().catch(() => undefined);
      const after = await signRound(5);
      inner.cutPower(1_000);
      const { journal: next } = await openJournal(inner, sizes);
      for (const statement of left) {
        const kept = next.find(statement)?.same ?? next.isBelowFloor(statement);
        expect(kept, `effect ${at}: ${statementIndex(statement)}`).toBe(true);
      }
      expect(after, `effect ${at}`).toBe("DISK_FAILED");
    }
  });

  test("rule JOURNAL: crashes, torn writes and failed syncs never lead to two digests for one index", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
        const world = await History.begin();
        for (const step of actions) {
          await world.take(step);
          world.check();
        }
      }),
      { numRuns: 150 },
    );
  });

  test("rule JOURNAL: what was left behind under the floor is never signed again, through crashes at any write", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
        const world = await History.begin({ keep: 2, compactionRecords: 3 });
        for (const step of actions) {
          await world.take(step);
          world.check();
        }
        await world.tempt();
        world.check();
      }),
      { numRuns: 200 },
    );
  });

  test("rule JOURNAL: safety data and the newest of each kind outlive the shortening", async () => {
    const disk = new SimulatedDisk();
    const { signer } = await openJournal(disk, { keep: 3 });
    for (let round = 1; round <= 9; round += 1) {
      const locked = { ...safety, lastVotedRound: round, oneChainRound: round - 1 };
      await signer.sign([{ statement: vote(round), safety: locked }]);
      const consent = { kind: "endorsement", nonce: round, subject: "cd".repeat(32) } as const;
      await signer.sign([{ statement: consent, safety: freshSafetyData(0) }]);
    }
    const { journal, records, signer: next } = await openJournal(disk, { keep: 3 });
    const past = ownPastOf(records, 1);
    expect(past.safety).toMatchObject({ lastVotedRound: 9, oneChainRound: 8 });
    expect(past.vote?.statement).toEqual(vote(9));
    expect(journal.size).toBe(3 + 9);
    expect(journal.isBelowFloor(vote(6))).toBe(true);
    expect(journal.isBelowFloor(vote(7))).toBe(false);
    expect((await next.sign([{ statement: vote(6), safety }])).refused).toEqual([vote(6)]);
    expect((await next.sign([{ statement: vote(7), safety }])).signed).toHaveLength(1);
  });

  test("rule JOURNAL: the lock of every epoch outlives the shortening, not of the newest alone", async () => {
    const disk = new SimulatedDisk();
    const { signer } = await openJournal(disk, { keep: 1 });
    for (const epoch of [1, 2, 3, 4]) {
      const lock = { epoch, lastVotedRound: 7, oneChainRound: 6, highestTimeoutRound: 5 };
      const statement: Statement = { kind: "vote", epoch, round: 7, blockId: author, qcRound: 6 };
      await signer.sign([{ statement, safety: lock }]);
    }
    const { records } = await openJournal(disk, { keep: 1 });
    for (const epoch of [1, 2, 3, 4]) {
      expect(ownPastOf(records, epoch).safety).toMatchObject({ oneChainRound: 6 });
    }
  });

  test("rule EVIDENCE: a rebuilt node attests only heights above those it attested before", async () => {
    const disk = new SimulatedDisk();
    const { journal, signer } = await openJournal(disk);
    await signer.sign([{ statement: attestation(8), safety }]);
    await journal.raiseAttestationFloor();
    for (const { signer: each } of [{ signer }, await openJournal(disk)]) {
      const asked = [attestation(7), attestation(8), attestation(9)];
      const { signed, refused } = await each.sign(
        asked.map((statement) => ({ statement, safety })),
      );
      expect(refused).toEqual([attestation(7)]);
      expect(signed.map(({ statement }) => statement)).toEqual(asked.slice(1));
    }
  });
});

describe("identity of the journal", () => {
  test("rule GENESIS: the first record names the chain, and another chain is refused", async () => {
    const disk = new SimulatedDisk();
    await openJournal(disk);
    expect(await failure(openJournal(disk, { chainId: "ff".repeat(32) }))).toBe("GENESIS_PINNED");
    expect(await failure(openJournal(disk))).toBe("none");
  });

  test("rule JOURNAL: another key's journal is refused", async () => {
    const disk = new SimulatedDisk();
    const { signer } = await openJournal(disk);
    await signer.sign([{ statement: vote(1), safety }]);
    const opened = openJournal(disk, { author: "22".repeat(32) });
    expect(await failure(opened)).toBe("JOURNAL_FOREIGN_KEY");
  });

  test("rule BURN: a burnt key signs nothing, also after a restart", async () => {
    const disk = new SimulatedDisk();
    const { journal, signer } = await openJournal(disk);
    await signer.sign([{ statement: vote(1), safety }]);
    await journal.burn("a peer has seen more");
    expect((await signer.sign([{ statement: vote(2), safety }])).refused).toHaveLength(1);
    disk.cutPower();
    const restarted = await openJournal(disk);
    expect(restarted.journal.burnt).toBe("a peer has seen more");
    const after = await restarted.signer.sign([{ statement: vote(1), safety }]);
    expect(after.signed).toEqual([]);
  });
});

describe("large logs", () => {
  test("rule JOURNAL: a log is read in ranges, so that one beyond 2 GiB opens", async () => {
    const disk = new SimulatedDisk();
    const salt = new Uint8Array(16).fill(9);
    const location = { fileSystem: disk.fileSystem, folder: "/data", name: "large.log", salt };
    const MiB = 1024 * 1024;
    const written = [...Array(7).keys()].map((fill) => new Uint8Array(6 * MiB).fill(fill + 1));
    await writeNewLog(location, written);
    const ranges: number[] = [];
    const fileSystem: FileSystem = {
      ...disk.fileSystem,
      read: async () => {
        throw new RangeError("ERR_FS_FILE_TOO_LARGE");
      },
      readRange: (path, offset, length) => {
        ranges.push(length);
        return disk.fileSystem.readRange(path, offset, length);
      },
    };
    const found: (number | undefined)[] = [];
    const path = "/data/large.log";
    await readLog(fileSystem, path, ({ bytes }) => found.push(bytes.length, bytes.at(-1)));
    expect(found).toEqual(written.flatMap((bytes) => [bytes.length, bytes[0]]));
    expect(ranges.length).toBeGreaterThan(1);
    expect(Math.max(...ranges)).toBeLessThan(64 * MiB);
    const log = await openLog({ ...location, fileSystem }, () => undefined);
    await log.append([Uint8Array.of(1, 2, 3)]);
    found.length = 0;
    await readLog(fileSystem, path, ({ bytes }) => found.push(bytes.length));
    expect(found.at(-1)).toBe(3);
  });

  test("a group of more records than a call has arguments is written", async () => {
    const { fileSystem } = new SimulatedDisk();
    const salt = new Uint8Array(16);
    const location = { fileSystem, folder: "/data", name: "small.log", salt };
    const count = 300_000;
    const { places } = await writeNewLog(location, new Array(count).fill(Uint8Array.of(7)));
    expect(places).toHaveLength(count);
    let found = 0;
    await readLog(fileSystem, "/data/small.log", () => {
      found += 1;
    });
    expect(found).toBe(count);
  });
});
