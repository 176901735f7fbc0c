import { crc32 } from "node:zlib";
import { assert } from "../../kernel/assert.ts";
import { asciiBytes, concatBytes, equalBytes } from "../../kernel/bytes.ts";
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
  return concatBytes(HEADER_TEXT, salt, u32Bytes(crc32(salt, crc32(HEADER_TEXT))));
}

function frame(salt: Uint8Array, offset: number, payload: Uint8Array): Uint8Array {
  const crc = u32Bytes(frameCrc(salt, offset, payload));
  return concatBytes(FRAME_MAGIC, u32Bytes(payload.length), crc, payload);
}

/** Payload of the valid frame at `offset`, or undefined. */
function frameAt(bytes: Uint8Array, salt: Uint8Array, offset: number): Uint8Array | undefined {
  const start = offset + FRAME_HEADER_LENGTH;
  if (start > bytes.length) return undefined;
  if (!equalBytes(bytes.subarray(offset, offset + 4), FRAME_MAGIC)) return undefined;
  const length = u32(bytes, offset + 4);
  if (length === 0 || length > FRAME_BYTES_MAX || start + length > bytes.length) return undefined;
  const payload = bytes.subarray(start, start + length);
  return frameCrc(salt, offset, payload) === u32(bytes, offset + 8) ? payload : undefined;
}

function recordsOf(payload: Uint8Array, payloadOffset: number): LogRecord[] {
  const records: LogRecord[] = [];
  for (let at = 0; at < payload.length; ) {
    const length = u32(payload, at);
    const place = { offset: payloadOffset + at + 4, length };
    records.push({ bytes: payload.slice(at + 4, at + 4 + length), place });
    at += 4 + length;
  }
  return records;
}

/** True if a whole frame stands somewhere behind a broken one: then the break is no torn tail. */
function hasFrameAfter(bytes: Uint8Array, salt: Uint8Array, offset: number): boolean {
  if (bytes.length - offset > TAIL_BYTES_MAX) return true;
  for (let at = offset + 1; at + FRAME_HEADER_LENGTH < bytes.length; at += 1) {
    if (bytes[at] === FRAME_MAGIC[0] && frameAt(bytes, salt, at) !== undefined) return true;
  }
  return false;
}

export interface LogContent {
  readonly salt: Uint8Array;
  readonly records: readonly LogRecord[];
  /** End of the last whole frame; what follows is a torn tail. */
  readonly validLength: number;
}

/**
 * Reads a log back. Throws FatalError LOG_CORRUPT where anything but the last, unsynced frame is
 * broken: whatever stood there may have been a signature that left.
 */
export function readLog(path: string, bytes: Uint8Array): LogContent {
  const salt = bytes.slice(HEADER_TEXT.length, HEADER_TEXT.length + SALT_LENGTH);
  if (bytes.length < HEADER_LENGTH || !equalBytes(bytes.subarray(0, HEADER_LENGTH), header(salt))) {
    throw corrupt(path, 0);
  }
  const records: LogRecord[] = [];
  let offset = HEADER_LENGTH;
  while (offset < bytes.length) {
    const payload = frameAt(bytes, salt, offset);
    if (payload === undefined) break;
    for (const record of recordsOf(payload, offset + FRAME_HEADER_LENGTH)) records.push(record);
    offset += FRAME_HEADER_LENGTH + payload.length;
  }
  if (offset < bytes.length && hasFrameAfter(bytes, salt, offset)) throw corrupt(path, offset);
  return { salt, records, validLength: offset };
}

function corrupt(path: string, offset: number): FatalError {
  return new FatalError(
    "LOG_CORRUPT",
    `${path} is corrupt at byte ${offset}, and it is not a torn tail`,
    "keep the disk for analysis; give this node a new key and register it as a spare",
  );
}

function groups(records: readonly Uint8Array[]): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let length = 0;
  for (const record of records) {
    const needed = record.length + 4;
    assert(record.length > 0 && needed <= FRAME_BYTES_MAX, `record of ${record.length} bytes`);
    if (length + needed > FRAME_BYTES_MAX) {
      payloads.push(concatBytes(...parts));
      parts = [];
      length = 0;
    }
    parts.push(u32Bytes(record.length), record);
    length += needed;
  }
  if (parts.length > 0) payloads.push(concatBytes(...parts));
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
   * Appends the records as one group; durable when this returns. Throws FatalError DISK_FAILED,
   * after which nothing may be appended: what is on the disk is unknown until the next start reads
   * it.
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
      for (const payload of groups(records)) {
        await this.#file.append(frame(this.#salt, this.#length, payload));
        await this.#file.sync();
        const start = this.#length + FRAME_HEADER_LENGTH;
        for (const { place } of recordsOf(payload, start)) places.push(place);
        this.#length = start + payload.length;
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

function diskFailed(path: string, cause: unknown): FatalError {
  const text = cause instanceof Error ? cause.message : String(cause);
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

/**
 * Writes the records to a new file that takes the name only when file and folder are synced (rule
 * JOURNAL): a crash at any point leaves the old file or the new one, whole.
 */
export async function writeNewLog(
  location: LogLocation,
  records: readonly Uint8Array[],
): Promise<RecordLog> {
  const { fileSystem, folder, name, salt } = location;
  const path = `${folder}/${name}`;
  try {
    const file = await fileSystem.create(`${path}.new`);
    await file.append(header(salt));
    await file.sync();
    const log = new RecordLog(path, file, salt, HEADER_LENGTH);
    await log.append(records);
    await fileSystem.syncFolder(folder);
    await fileSystem.rename(`${path}.new`, path);
    await fileSystem.syncFolder(folder);
    return log;
  } catch (cause) {
    if (cause instanceof FatalError) throw cause;
    throw diskFailed(path, cause);
  }
}

/** Opens a log where it stands, its torn tail cut off; a missing file is made. */
export async function openLog(
  location: LogLocation,
): Promise<{ readonly log: RecordLog; readonly records: readonly LogRecord[] }> {
  const { fileSystem, folder, name } = location;
  const path = `${folder}/${name}`;
  const bytes = await fileSystem.read(path);
  if (bytes === undefined) return { log: await writeNewLog(location, []), records: [] };
  const content = readLog(path, bytes);
  const file = await fileSystem.openAppend(path, content.validLength);
  const log = new RecordLog(path, file, content.salt, content.validLength);
  return { log, records: content.records };
}
