import { createHash } from "node:crypto";
import { createServer, type Server } from "node:net";

/** A cluster's share of 127.0.0.0/8, e.g. 127.93.0.0/16, held as long as its claim is open. */
export interface LoopbackBlock {
  /** Second number of the addresses. */
  readonly number: number;
  release(): Promise<void>;
}

const BLOCK_MIN = 32;
const BLOCK_MAX = 250;
/** Whoever listens here owns the block; the system ends a claim with its process. */
const CLAIM = { host: "255.254", port: 7_999 } as const;

/**
 * Claims a block that no other cluster of this machine has. A cluster that had one before gets the
 * same or none: its services' addresses stand in other places, on a chain for instance.
 *
 * @throws Error where `known`, or every block, is taken.
 */
export async function claimBlock(options: {
  readonly known?: number | undefined;
  /** Chooses where the search begins: the cluster's folder. */
  readonly seed: string;
}): Promise<LoopbackBlock> {
  const { known, seed } = options;
  if (known !== undefined) {
    const block = await tryClaim(known);
    if (block !== undefined) return block;
    throw new Error(
      `the addresses 127.${known}.0.0/16 of this cluster are in use: another cluster or process ` +
        `listens at 127.${known}.${CLAIM.host}:${CLAIM.port}; stop it first`,
    );
  }
  const span = BLOCK_MAX - BLOCK_MIN;
  const start = createHash("sha256").update(seed).digest().readUInt32BE() % span;
  for (let step = 0; step < span; step += 1) {
    const block = await tryClaim(BLOCK_MIN + ((start + step) % span));
    if (block !== undefined) return block;
  }
  throw new Error(`no free block among 127.${BLOCK_MIN}.0.0/16 to 127.${BLOCK_MAX}.0.0/16`);
}

function tryClaim(number: number): Promise<LoopbackBlock | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else {
        const cause = { cause: error };
        reject(new Error(`127.${number}.0.0/16 cannot be used: ${error.message}`, cause));
      }
    });
    server.listen({ host: `127.${number}.${CLAIM.host}`, port: CLAIM.port }, () => {
      resolve({ number, release: () => closed(server) });
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
