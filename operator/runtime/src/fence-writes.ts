import type { Transport } from "./transport.ts";

/** A write was held back: this process may not be the leader any more (rule S10). */
export class NotLeaderError extends Error {
  override readonly name = "NotLeaderError";
}

/**
 * A transport that reads always and writes only while `mayWrite` says so. It is asked before each
 * request leaves, so that a write which waited for a busy server, or is tried again, is asked anew.
 */
export function fenceWrites(transport: Transport, mayWrite: () => boolean): Transport {
  return {
    async request(request) {
      if (request.method !== "GET" && !mayWrite()) {
        throw new NotLeaderError(`${request.method}: the lease was not renewed in time`);
      }
      return await transport.request(request);
    },
    watch: (path, signal) => transport.watch(path, signal),
  };
}
