import { connect, type TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { eventually } from "../network/eventually.ts";
import type { NetworkNode } from "../network/network.ts";
import { RunningChain } from "../network/running-chain.ts";

const CONNECTIONS = 200;
const CLOSED_WITHIN_MS = 40_000;

function idle({ place }: NetworkNode): TLSSocket {
  const [host, port] = place.query.split(":");
  const socket = connect({
    ...{ host, port: Number(port), ALPNProtocols: ["h2"], servername: "node.quorate" },
    // A stranger does not care who answers.
    rejectUnauthorized: false,
  });
  socket.on("error", () => socket.destroy());
  // Whoever does not read never learns of the end.
  socket.resume();
  return socket;
}

test("strangers that connect to the query listener and ask nothing are let go, a watching client is not", async () => {
  const chain = await RunningChain.start();
  try {
    const node = chain.network.validators[0]!;
    const sockets = Array.from({ length: CONNECTIONS }, () => idle(node));
    await Promise.all(sockets.map((one) => new Promise((open) => one.once("secureConnect", open))));
    expect(sockets.filter(({ destroyed }) => destroyed)).toEqual([]);
    const isOver = () => (sockets.every(({ destroyed }) => destroyed) ? true : undefined);
    const what = `the end of ${CONNECTIONS} idle connections`;
    await eventually(isOver, { what, timeoutMs: CLOSED_WITHIN_MS });
    // The observer's streams, older than these, still carry the chain.
    await chain.height(chain.observer.height + 5);
    expect(node.process.starts).toBe(1);
    chain.passed();
  } finally {
    await chain.stop();
  }
});
