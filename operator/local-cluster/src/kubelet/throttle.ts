import type { Readable } from "node:stream";

/** What is taken from one stream in one window; more waits in the pipe, and its writer with it. */
export const WINDOW_BYTES = 256 * 1024;
export const WINDOW_MS = 100;

/**
 * Reads a stream no faster than WINDOW_BYTES in WINDOW_MS: a pod that prints without pause would
 * otherwise take the time of everything else in this process. Returns what ends the throttling.
 */
export function readThrottled(stream: Readable, onChunk: (chunk: Buffer) => void): () => void {
  let taken = 0;
  let timer: NodeJS.Timeout | undefined;
  let free = false;
  stream.on("data", (chunk: Buffer) => {
    onChunk(chunk);
    if (free) return;
    taken += chunk.length;
    timer ??= setTimeout(() => {
      timer = undefined;
      taken = 0;
      stream.resume();
    }, WINDOW_MS);
    if (taken >= WINDOW_BYTES) stream.pause();
  });
  const end = () => {
    free = true;
    clearTimeout(timer);
    stream.resume();
  };
  stream.once("close", end);
  return end;
}
