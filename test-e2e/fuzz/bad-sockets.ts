import { connect as connectPlain, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import type { Leaf } from "../stranger/pins.ts";
import type { Chance } from "./chance.ts";
import { joined } from "./mutate.ts";

/** Open at a time, all listeners together: a stranger has so many and more. */
const OPEN_MAX = 160;
const LORIS_MS = 900;
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const ALPN = ["h2"];

/** Bytes on bare connections: below every message, and below HTTP/2 where they like. */
export class BadSockets {
  readonly #chance: Chance;
  readonly #open = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #sent = 0;
  #server: Server | undefined;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** Connections made so far. */
  get sent(): number {
    return this.#sent;
  }

  /** One connection to a listener with TLS, as a stranger or as the holder of the leaf. */
  strikeTls(address: string, leaf: Leaf | undefined): void {
    if (this.#open.size >= OPEN_MAX) return;
    const [host = "", port = ""] = address.split(":");
    if (this.#chance.below(4) === 0) {
      this.#use(connectPlain(Number(port), host), this.#chance.bytes(this.#chance.below(300)));
      return;
    }
    const identity = leaf === undefined ? {} : { cert: leaf.certificate, key: leaf.key };
    const socket = connectTls({
      ...{ host, port: Number(port), ALPNProtocols: ALPN, servername: "node.quorate" },
      // Who answers does not matter here.
      rejectUnauthorized: false,
      ...identity,
    });
    this.#use(socket, this.#frames());
  }

  /** One connection to a plain HTTP listener. */
  strikeHttp(address: string): void {
    if (this.#open.size >= OPEN_MAX) return;
    const [host = "", port = ""] = address.split(":");
    this.#use(connectPlain(Number(port), host), this.#httpRequest());
  }

  /** Takes calls of the peers at an address and answers with broken frames. */
  async listen(address: string, leaf: Leaf): Promise<void> {
    const [host = "", port = ""] = address.split(":");
    const secureContext = createSecureContext({ cert: leaf.certificate, key: leaf.key });
    const server = createServer((plain) => {
      const options = { isServer: true, secureContext, ALPNProtocols: ALPN };
      this.#use(new TLSSocket(plain, options), joined([SETTINGS, this.#frames()]));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(Number(port), host, () => resolve());
    });
    this.#server = server;
  }

  async silence(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#open) socket.destroy();
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.silence();
  }

  /** At once, in pieces, or one byte at a time for as long as the other side bears it. */
  #use(socket: Socket, bytes: Uint8Array): void {
    this.#sent += 1;
    this.#open.add(socket);
    const chance = this.#chance;
    const isLoris = chance.below(3) === 0;
    let at = 0;
    const drip = setInterval(() => {
      at += 1;
      if (at < bytes.length) socket.write(bytes.subarray(at - 1, at));
    }, LORIS_MS);
    this.#timers.add(drip);
    if (!isLoris) {
      socket.write(bytes);
      clearInterval(drip);
    }
    const lifeMs = isLoris ? 20_000 : 200 + chance.below(2_000);
    const end = setTimeout(() => socket.destroy(), lifeMs);
    socket.on("data", () => undefined);
    // A refusal is an answer too.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      clearInterval(drip);
      clearTimeout(end);
      this.#timers.delete(drip);
      this.#open.delete(socket);
    });
  }

  /** HTTP/2: the preface, mostly, and frames of every type with lengths that need not be true. */
  #frames(): Uint8Array {
    const chance = this.#chance;
    const parts: Uint8Array[] = chance.below(5) === 0 ? [] : [PREFACE, SETTINGS];
    for (let count = chance.below(40); count > 0; count -= 1) {
      const payload = chance.bytes(chance.pick([0, 4, 5, 8, 9, 100, 1_000]));
      const length = chance.below(4) === 0 ? chance.below(2 ** 24) : payload.length;
      const head = Buffer.alloc(9);
      head.writeUIntBE(length, 0, 3);
      head[3] = chance.below(12);
      head[4] = chance.below(256);
      head.writeUInt32BE(chance.pick([0, 1, 1, 3, 2, 2 ** 31 - 1]), 5);
      parts.push(head, payload);
    }
    return joined(parts);
  }

  #httpRequest(): Uint8Array {
    const chance = this.#chance;
    const target = chance.pick(["/metrics", "/healthz", "/readyz", "/", `/${"a".repeat(20_000)}`]);
    const verb = chance.pick(["GET", "HEAD", "POST", "PUT", "\u0000", "GET GET"]);
    const header = chance.pick([
      "",
      "content-length: 99999999\r\n",
      "content-length: -1\r\n",
      "transfer-encoding: chunked\r\n",
      `x: ${"y".repeat(30_000)}\r\n`,
      "expect: 100-continue\r\n",
      "upgrade: h2c\r\nconnection: upgrade\r\n",
    ]);
    const head = Buffer.from(`${verb} ${target} HTTP/1.1\r\nhost: x\r\n${header}\r\n`, "latin1");
    return joined([head, chance.bytes(chance.below(200))]);
  }
}
