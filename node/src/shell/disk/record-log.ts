import { crc32 } from "node:zlib";
import { assert } from "../../kernel/assert.ts";
import { asciiBytes, concatBytes, equalBytes } from "../../kernel/bytes.ts";
import { DecodeError } from "../../kernel/codec.ts";
import { FatalError } from "../fatal-error.ts";
import type { AppendFile, FileSystem } from "./file-system.ts";

/**
 * Layout (node/docs/node.md): a header of 8 bytes of text, a random salt of 16 and the CRC of both,
 * then frames. One frame is one group commit: magic, u32 length, u32 CRC-32 of (salt, offset,
 * payload), payload = u32 length and bytes of each record. A frame is synced before the next is
 * written, so that only the last one can be torn; a valid frame behind a broken one means that the
 * disk lost data. The salt keeps a client's bytes inside a payload from looking like a frame.
 */
const HEADER_TEXT = asciiBytes("quorate1");
const SALT_LENGTH = 16;
const HEADER_LENGTH = HEADER_TEXT.length + SALT_LENGTH + 4;
const FRAME_MAGIC = asciiBytes("QFRM");
const FRAME_HEADER_LENGTH = 12;

/** Bytes of one frame's payload; a longer group is split, with a sync between its frames. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;
const TAIL_BYTES_MAX = FRAME_BYTES_MAX + FRAME_HEADER_LENGTH;
/** Read at once when a log is opened; what is left in it at the next read is read again. */
const WINDOW_BYTES = 4 * TAIL_BYTES_MAX;

/** Where a record's bytes are in its file. */
export interface RecordPlace {
  readonly offset: number;
  readonly length: number;
}

export interface LogRecord {
  readonly bytes: Uint8Array;
  readonly place: RecordPlace;
}

function u32(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset);
}

function u32Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** The offset is hashed too: a frame that was copied elsewhere is no frame. */
function frameCrc(salt: Uint8Array, offset: number, payload: Uint8Array): number {
  const place = new Uint8Array(8);
  new DataView(place.buffer).setBigUint64(0, BigInt(offset));
  return crc32(payload, crc32(place, crc32(salt)));
}

function header(salt: Uint8Array): Uint8Array {
  assert(salt.length === SALT_LENGTH, `salt of ${salt.length} bytes`);
  return concatBytes([HEADER_TEXT, salt, u32Bytes(crc32(salt, crc32(HEADER_TEXT)))]);
}

/** In one piece of memory: the payload of a snapshot's frame is a megabyte, and there are many. */
function frame(salt: Uint8Array, offset: number, parts: readonly Uint8Array[]): Uint8Array {
  const bytes = concatBytes([new Uint8Array(FRAME_HEADER_LENGTH), ...parts]);
  const payload = bytes.subarray(FRAME_HEADER_LENGTH);
  const crc = u32Bytes(frameCrc(salt, offset, payload));
  bytes.set(concatBytes([FRAME_MAGIC, u32Bytes(payload.length), crc]));
  return bytes;
}

/** Payload of the valid frame at `index` of the bytes, which is `offset` in the file. */
function frameAt(
  bytes: Uint8Array,
  index: number,
  { salt, offset }: { readonly salt: Uint8Array; readonly offset: number },
): Uint8Array | undefined {
  const start = index + FRAME_HEADER_LENGTH;
  if (start > bytes.length) return undefined;
  if (!equalBytes(bytes.subarray(index, index + 4), FRAME_MAGIC)) return undefined;
  const length = u32(bytes, index + 4);
  if (length === 0 || length > FRAME_BYTES_MAX || start + length > bytes.length) return undefined;
  const payload = bytes.subarray(start, start + length);
  return frameCrc(salt, offset, payload) === u32(bytes, index + 8) ? payload : undefined;
}

function placesOf(payload: Uint8Array, payloadOffset: number): RecordPlace[] {
  const places: RecordPlace[] = [];
  for (let at = 0; at < payload.length; ) {
    const length = u32(payload, at);
    places.push({ offset: payloadOffset + at + 4, length });
    at += 4 + length;
  }
  return places;
}

function recordsOf(payload: Uint8Array, payloadOffset: number): LogRecord[] {
  return placesOf(payload, payloadOffset).map((place) => {
    const at = place.offset - payloadOffset;
    return { bytes: payload.slice(at, at + place.length), place };
  });
}

/** True if a whole frame stands somewhere behind the broken one at the start of these bytes. */
function hasFrameAfter(bytes: Uint8Array, salt: Uint8Array, offset: number): boolean {
  for (let at = 1; at + FRAME_HEADER_LENGTH < bytes.length; at += 1) {
    if (bytes[at] !== FRAME_MAGIC[0]) continue;
    if (frameAt(bytes, at, { salt, offset: offset + at }) !== undefined) return true;
  }
  return false;
}

/** Reads a file front to back in ranges: a log may be larger than one read or one buffer can be. */
class FileWindow {
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  readonly length: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;

  constructor(fileSystem: FileSystem, path: string, length: number) {
    this.#fileSystem = fileSystem;
    this.#path = path;
    this.length = length;
  }

  /** At least `TAIL_BYTES_MAX` bytes from `offset` on, or all that the file has. */
  async from(offset: number): Promise<Uint8Array> {
    const end = this.#start + this.#bytes.length;
    if (end < this.length && offset + TAIL_BYTES_MAX > end) {
      this.#bytes = await this.#read(offset, Math.min(WINDOW_BYTES, this.length - offset));
      this.#start = offset;
    }
    return this.#bytes.subarray(offset - this.#start);
  }

  /** Fewer bytes than there are would look like a torn tail, and signatures would be cut off. */
  async #read(offset: number, length: number): Promise<Uint8Array> {
    try {
      const bytes = await this.#fileSystem.readRange(this.#path, offset, length);
      if (bytes.length === length) return bytes;
      throw new Error(`${bytes.length} of ${length} bytes came back`);
    } catch (cause) {
      throw unreadable(this.#path, offset, cause);
    }
  }
}

export interface LogContent {
  readonly salt: Uint8Array;
  /** End of the last whole frame; what follows is a torn tail. */
  readonly validLength: number;
}

/**
 * Reads a log back, each record to `visit` in order, which may return a promise to be waited for;
 * undefined where there is no file. Throws
 * FatalError LOG_CORRUPT where anything but the last, unsynced frame is broken: whatever stood
 * there may have been a signature that left.
 */
export async function readLog(
  fileSystem: FileSystem,
  path: string,
  visit: (record: LogRecord) => unknown,
): Promise<LogContent | undefined> {
  const length = await fileSystem.length(path);
  if (length === undefined) return undefined;
  const window = new FileWindow(fileSystem, path, length);
  const first = await window.from(0);
  const salt = first.slice(HEADER_TEXT.length, HEADER_TEXT.length + SALT_LENGTH);
  if (length < HEADER_LENGTH || !equalBytes(first.subarray(0, HEADER_LENGTH), header(salt))) {
    throw corrupt(path, 0);
  }
  let offset = HEADER_LENGTH;
  while (offset < length) {
    const bytes = await window.from(offset);
    const payload = frameAt(bytes, 0, { salt, offset });
    if (payload === undefined) {
      // A valid frame behind a broken one, or more than one frame can be: no torn tail.
      if (length - offset > TAIL_BYTES_MAX) throw corrupt(path, offset);
      if (hasFrameAfter(bytes, salt, offset)) throw corrupt(path, offset);
      break;
    }
    for (const record of recordsOf(payload, offset + FRAME_HEADER_LENGTH)) {
      const pause = visit(record);
      if (pause instanceof Promise) await pause;
    }
    offset += FRAME_HEADER_LENGTH + payload.length;
  }
  return { salt, validLength: offset };
}

/** Decodes a record whose CRC is right; one that says nothing is named by its file and byte. */
export function decodeRecord<T>(
  path: string,
  { bytes, place }: LogRecord,
  decode: (bytes: Uint8Array) => T,
): T {
  try {
    return decode(bytes);
  } catch (cause) {
    if (!(cause instanceof DecodeError || cause instanceof FatalError)) throw cause;
    throw undecodable(path, place.offset, cause);
  }
}

function undecodable(path: string, offset: number, cause: DecodeError | FatalError): FatalError {
  return new FatalError(
    cause instanceof FatalError ? cause.code : "LOG_UNREADABLE",
    `${path}: the record at byte ${offset} is whole and cannot be read: ${cause.message}`,
    "start the version that wrote this file; where it is this one, keep the disk for analysis",
    { cause },
  );
}

export function corrupt(path: string, offset: number): FatalError {
  return new FatalError(
    "LOG_CORRUPT",
    `${path} is corrupt at byte ${offset}, and it is not a torn tail`,
    "keep the disk for analysis; give this node a new key and register it as a spare",
  );
}

function unreadable(path: string, offset: number, cause: unknown): FatalError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new FatalError(
    "DISK_FAILED",
    `${path} could not be read from byte ${offset} on: ${text}`,
    "check the disk; the node starts again when it can be read",
    { cause },
  );
}

/** The payload of each frame, in parts. */
function groups(records: readonly Uint8Array[]): Uint8Array[][] {
  const payloads: Uint8Array[][] = [];
  let parts: Uint8Array[] = [];
  let length = 0;
  for (const record of records) {
    const needed = record.length + 4;
    assert(record.length > 0 && needed <= FRAME_BYTES_MAX, `record of ${record.length} bytes`);
    if (length + needed > FRAME_BYTES_MAX) {
      payloads.push(parts);
      parts = [];
      length = 0;
    }
    parts.push(u32Bytes(record.length), record);
    length += needed;
  }
  if (parts.length > 0) payloads.push(parts);
  return payloads;
}

/** An open log. Appends are done one after the other, in the order of the calls. */
export class RecordLog {
  readonly path: string;
  readonly #file: AppendFile;
  readonly #salt: Uint8Array;
  #length: number;
  #failed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, file: AppendFile, salt: Uint8Array, length: number) {
    this.path = path;
    this.#file = file;
    this.#salt = salt;
    this.#length = length;
  }

  /**
   * Appends the records as one group; durable when this returns. Throws FatalError DISK_FAILED or
   * DISK_FULL, after which nothing may be appended: what is on the disk is unknown until the next
   * start reads it.
   */
  append(records: readonly Uint8Array[]): Promise<RecordPlace[]> {
    const appended = this.#last.then(() => this.#append(records));
    this.#last = appended;
    return appended;
  }

  async #append(records: readonly Uint8Array[]): Promise<RecordPlace[]> {
    if (this.#failed) throw diskFailed(this.path, "it has failed before");
    const places: RecordPlace[] = [];
    try {
      for (const parts of groups(records)) {
        const bytes = frame(this.#salt, this.#length, parts);
        await this.#file.append(bytes);
        await this.#file.sync();
        const start = this.#length + FRAME_HEADER_LENGTH;
        const payload = bytes.subarray(FRAME_HEADER_LENGTH);
        for (const place of placesOf(payload, start)) places.push(place);
        this.#length += bytes.length;
      }
    } catch (cause) {
      this.#failed = true;
      throw diskFailed(this.path, cause);
    }
    return places;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

const FULL_CODES: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

export function diskFailed(path: string, cause: unknown): FatalError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const isFull = cause instanceof Error && "code" in cause && FULL_CODES.has(cause.code);
  if (isFull) {
    return new FatalError(
      "DISK_FULL",
      `${path} could not be made durable: ${text}`,
      "free some space; the node starts again from what is durable, and nothing is lost",
      { cause },
    );
  }
  return new FatalError(
    "DISK_FAILED",
    `${path} could not be made durable: ${text}`,
    "check the disk; the node starts again from what is durable",
    { cause },
  );
}

export interface LogLocation {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  readonly name: string;
  /** 16 random bytes for a new file. */
  readonly salt: Uint8Array;
}

/** A log that nobody sees under its name yet. */
export interface NewLog {
  readonly log: RecordLog;
  /** File and folder are synced and the name is its own when this returns. */
  readonly publish: () => Promise<void>;
}

/** Begins a file that takes its name only when it is published: a crash before leaves none. */
export async function startNewLog(location: LogLocation): Promise<NewLog> {
  const { fileSystem, folder, name, salt } = location;
  const path = `${folder}/${name}`;
  const file = await fileSystem.create(`${path}.new`);
  await file.append(header(salt));
  await file.sync();
  return {
    log: new RecordLog(path, file, salt, HEADER_LENGTH),
    publish: async () => {
      await fileSystem.syncFolder(folder);
      await fileSystem.rename(`${path}.new`, path);
      await fileSystem.syncFolder(folder);
    },
  };
}

/**
 * Writes the records to a new file that takes the name only when file and folder are synced (rule
 * JOURNAL): a crash at any point leaves the old file or the new one, whole. `seal` follows in a
 * frame of its own, so that no frame of the records can be taken for a torn tail.
 */
export async function writeNewLog(
  location: LogLocation,
  records: readonly Uint8Array[],
  seal?: Uint8Array,
): Promise<{ readonly log: RecordLog; readonly places: readonly RecordPlace[] }> {
  try {
    const { log, publish } = await startNewLog(location);
    const places = await log.append(records);
    if (seal !== undefined) await log.append([seal]);
    await publish();
    return { log, places };
  } catch (cause) {
    if (cause instanceof FatalError) throw cause;
    throw diskFailed(`${location.folder}/${location.name}`, cause);
  }
}

/** Opens a log where it stands, its torn tail cut off; a missing file is made. */
export async function openLog(
  location: LogLocation,
  visit: (record: LogRecord) => unknown,
): Promise<RecordLog> {
  const { fileSystem, folder, name } = location;
  const path = `${folder}/${name}`;
  const content = await readLog(fileSystem, path, visit);
  if (content === undefined) return (await writeNewLog(location, [])).log;
  const file = await fileSystem.openAppend(path, content.validLength);
  return new RecordLog(path, file, content.salt, content.validLength);
}
