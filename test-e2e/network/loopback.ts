import { createServer } from "node:net";

/** Ports of every node, each on a loopback address of its own. */
export const PORTS = { peers: 7001, query: 7002, control: 7003, metrics: 7004 } as const;

export function loopbackAddress(block: number, node: number): string {
  return `127.0.${block}.${node + 1}`;
}

const BLOCK_MIN = 20;
const BLOCK_MAX = 250;

/**
 * Finds 127.0.B.* on which the ports of `nodes` nodes are free, so that networks run side by side.
 */
export async function freeLoopbackBlock(nodes: number): Promise<number> {
  const span = BLOCK_MAX - BLOCK_MIN;
  for (let attempt = 0; attempt < span; attempt += 1) {
    const block = BLOCK_MIN + ((process.pid + attempt) % span);
    const hosts = Array.from({ length: nodes }, (_, node) => loopbackAddress(block, node));
    const places = hosts.flatMap((host) => Object.values(PORTS).map((port) => ({ host, port })));
    const free = await Promise.all(places.map(isFree));
    if (free.every(Boolean)) return block;
  }
  throw new Error(`no free loopback block 127.0.${BLOCK_MIN}.* to 127.0.${BLOCK_MAX}.*`);
}

function isFree(place: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(place, () => server.close(() => resolve(true)));
  });
}
