import { StringDecoder } from "node:string_decoder";
import { TransportError } from "./transport.ts";

/** Longer than any object that etcd takes (1.5 MiB), escapes included. */
const LINE_MAX = 16 * 1024 * 1024;
const SHOWN_MAX = 80;

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    const shown = JSON.stringify(line.slice(0, SHOWN_MAX));
    throw new TransportError(`a line of the watch is no JSON: ${shown}`, { cause });
  }
}

/**
 * The values of a stream of JSON lines, however its chunks are cut. A line that is no JSON throws
 * TransportError: an event was lost.
 */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncIterable<unknown> {
  const decoder = new StringDecoder("utf8");
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const parts = decoder.write(Buffer.from(chunk)).split("\n");
    for (const [index, part] of parts.entries()) {
      pieces.push(part);
      length += part.length;
      if (length > LINE_MAX) throw new TransportError(`a line of the watch exceeds ${LINE_MAX}`);
      if (index === parts.length - 1) continue;
      const line = pieces.join("");
      pieces = [];
      length = 0;
      if (line.trim() !== "") yield parseLine(line);
    }
  }
  const last = pieces.join("") + decoder.end();
  if (last.trim() !== "") yield parseLine(last);
}
