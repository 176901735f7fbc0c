import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { Scanner } from "../stranger/layout.ts";
import { KINDS, type Signed, type Statement, scanSigned } from "../stranger/statements.ts";

/** Up to this place the journal holds no statement of the kind any more, and none is signed. */
export interface Floor {
  readonly kind: Statement["kind"];
  readonly epoch: number;
  readonly index: number;
}

/** What a journal on disk holds, read by other code than the node's (node/docs/node.md, Files). */
export interface JournalContent {
  readonly chainId: string | undefined;
  readonly signatures: readonly Signed[];
  readonly floors: readonly Floor[];
  /** Why the key is burnt; undefined where it is not. */
  readonly burnt: string | undefined;
  /** Bytes behind the last whole frame: a torn tail. */
  readonly tornBytes: number;
}

const HEADER = "quorate1";
const SALT_BYTES = 16;
const HEADER_BYTES = HEADER.length + SALT_BYTES + 4;
const FRAME_HEADER_BYTES = 12;

/** Undefined where there is no such file. Throws where the header is none. */
export function readJournalFile(path: string): JournalContent | undefined {
  const bytes = readIfPresent(path);
  if (bytes === undefined) return undefined;
  const salt = bytes.subarray(HEADER.length, HEADER.length + SALT_BYTES);
  if (bytes.subarray(0, HEADER.length).toString("latin1") !== HEADER) {
    throw new Error(`${path} does not begin with ${HEADER}`);
  }
  const found = {
    chainId: undefined as string | undefined,
    burnt: undefined as string | undefined,
  };
  const signatures: Signed[] = [];
  const floors: Floor[] = [];
  let offset = HEADER_BYTES;
  for (;;) {
    const payload = frameAt(bytes, offset, salt);
    if (payload === undefined) break;
    for (const record of recordsOf(payload)) {
      const scanner = new Scanner(record, path);
      const kind = scanner.u8();
      if (kind === 0) found.chainId = scanner.key();
      if (kind === 1) signatures.push(scanSigned(scanner));
      if (kind === 2) found.burnt = scanner.text();
      if (kind === 3) floors.push(floorOf(scanner));
    }
    offset += FRAME_HEADER_BYTES + payload.length;
  }
  return { ...found, signatures, floors, tornBytes: bytes.length - offset };
}

function floorOf(scanner: Scanner): Floor {
  const kind = KINDS[scanner.u8()];
  if (kind === undefined) throw new Error("a floor of an unknown kind of statement");
  return { kind, epoch: scanner.u64(), index: scanner.u64() };
}

function readIfPresent(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Magic `QFRM`, u32 length, u32 CRC-32 of (salt, u64 offset, payload), payload. */
function frameAt(bytes: Buffer, offset: number, salt: Buffer): Buffer | undefined {
  const start = offset + FRAME_HEADER_BYTES;
  if (start > bytes.length || bytes.toString("latin1", offset, offset + 4) !== "QFRM") {
    return undefined;
  }
  const payload = bytes.subarray(start, start + bytes.readUInt32BE(offset + 4));
  const place = Buffer.alloc(8);
  place.writeBigUInt64BE(BigInt(offset));
  const sum = crc32(payload, crc32(place, crc32(salt)));
  return sum === bytes.readUInt32BE(offset + 8) && payload.length > 0 ? payload : undefined;
}

function recordsOf(payload: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < payload.length; ) {
    const length = payload.readUInt32BE(at);
    records.push(payload.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return records;
}
