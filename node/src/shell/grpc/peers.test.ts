import { generateKeyPairSync } from "node:crypto";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type ClientReadableStream, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { PeersServiceClient, type SubscribeResponse } from "@quorate/proto/consensus/v1/consensus";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { PeerMessage } from "../../consensus/types.ts";
import type { PublicKey } from "../../kernel/scalars.ts";
import { type KeyPair, keyPair } from "../key-file.ts";
import { PeerClient } from "./peer-client.ts";
import { genesisBytes, PeerServer, type PeerServerEvent } from "./peer-server.ts";
import {
  type Identity,
  issueIdentity,
  pinnedClientCredentials,
  tlsName,
  trustAnchor,
} from "./pinned-tls.ts";
import type { SnapshotSource } from "./snapshot-service.ts";

const chainId = "ab".repeat(32);
const heartbeat: PeerMessage = {
  status: { epoch: 1, round: 2, qcRound: 1, committedHeight: 0 },
  body: { kind: "chain-request", fromHeight: 7 },
};

function newKey(): KeyPair {
  return keyPair(generateKeyPairSync("ed25519").privateKey);
}

const NO_SNAPSHOTS: SnapshotSource = {
  epochProofs: () => [],
  heights: () => [],
  lowest: () => 1,
  head: () => undefined,
  chunk: async () => undefined,
};

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function startServer(pins: readonly PublicKey[]) {
  const key = newKey();
  const events: PeerServerEvent[] = [];
  const { server, port } = await PeerServer.start(
    {
      identity: await issueIdentity(key),
      listen: "127.0.0.1:0",
      chainId,
      echo: () => [],
      observe: (event) => events.push(event),
      snapshots: NO_SNAPSHOTS,
      now: Date.now,
    },
    pins,
  );
  cleanups.push(() => server.stop());
  return { server, key, address: `127.0.0.1:${port}`, events };
}
type Started = Awaited<ReturnType<typeof startServer>>;

async function rawClient(server: Pick<Started, "key" | "address">, identity: Identity) {
  const serverKey = server.key.publicKey;
  const channel = await pinnedClientCredentials(identity, serverKey);
  const options = { "grpc.ssl_target_name_override": tlsName(serverKey) };
  const client = new PeersServiceClient(server.address, channel, options);
  cleanups.push(() => client.close());
  return client;
}

interface Outcome {
  readonly code: number;
  readonly first: SubscribeResponse | undefined;
}

/** What a subscription came to: `onFirst` is called at its first message. */
function outcome(
  stream: ClientReadableStream<SubscribeResponse>,
  onFirst: () => void = () => stream.cancel(),
): Promise<Outcome> {
  return new Promise((resolve) => {
    let first: SubscribeResponse | undefined;
    stream.on("data", (response: SubscribeResponse) => {
      if (first !== undefined) return;
      first = response;
      onFirst();
    });
    stream.on("error", (error: ServiceError) => resolve({ code: error.code, first }));
    stream.on("end", () => resolve({ code: status.OK, first }));
  });
}

const genesisHash = genesisBytes(chainId);

describe("rule TLS", () => {
  test("rule TLS: a pinned peer subscribes; an unknown peer is refused", async () => {
    const [known, stranger] = [newKey(), newKey()];
    const server = await startServer([known.publicKey]);
    const good = await rawClient(server, await issueIdentity(known));
    const welcome = await outcome(good.subscribe({ genesisHash }));
    expect(welcome.first?.echoComplete).toBe(true);
    const bad = await rawClient(server, await issueIdentity(stranger));
    const refused = await outcome(bad.subscribe({ genesisHash }));
    expect(refused).toEqual({ code: status.UNAVAILABLE, first: undefined });
  });

  test("rule TLS: a peer without a certificate is refused", async () => {
    const server = await startServer([newKey().publicKey]);
    const channel = credentials.createSsl(await trustAnchor(server.key.publicKey));
    const options = { "grpc.ssl_target_name_override": tlsName(server.key.publicKey) };
    const client = new PeersServiceClient(server.address, channel, options);
    cleanups.push(() => client.close());
    const refused = await outcome(client.subscribe({ genesisHash }));
    expect(refused).toEqual({ code: status.UNAVAILABLE, first: undefined });
  });

  test("rule TLS: a certificate that names a pinned key but is signed by another is refused", async () => {
    const [known, thief] = [newKey(), newKey()];
    const server = await startServer([known.publicKey]);
    const forged = await issueIdentity({ ...thief, publicKey: known.publicKey });
    const client = await rawClient(server, forged);
    const refused = await outcome(client.subscribe({ genesisHash }));
    expect(refused).toEqual({ code: status.UNAVAILABLE, first: undefined });
  });

  test("rule TLS: a server with another key than the pinned one is refused", async () => {
    const known = newKey();
    const server = await startServer([known.publicKey]);
    const other = { key: newKey(), address: server.address };
    const client = await rawClient(other, await issueIdentity(known));
    const refused = await outcome(client.subscribe({ genesisHash }));
    expect(refused).toEqual({ code: status.UNAVAILABLE, first: undefined });
  });

  test("rule TLS: a swap of pins holds at once, for the newcomer and for the leaver", async () => {
    const [leaver, newcomer] = [newKey(), newKey()];
    const server = await startServer([leaver.publicKey]);
    await server.server.repin([newcomer.publicKey]);
    const after = await rawClient(server, await issueIdentity(newcomer));
    expect((await outcome(after.subscribe({ genesisHash }))).first?.echoComplete).toBe(true);
    const before = await rawClient(server, await issueIdentity(leaver));
    expect((await outcome(before.subscribe({ genesisHash }))).code).toBe(status.UNAVAILABLE);
  });

  test("rule LISTENERS: a removed peer's open streams end, and its open connection gets no new one", async () => {
    const [leaver, other] = [newKey(), newKey()];
    const server = await startServer([leaver.publicKey, other.publicKey]);
    const client = await rawClient(server, await issueIdentity(leaver));
    const stays = await rawClient(server, await issueIdentity(other));
    const kept: SubscribeResponse[] = [];
    const keptStream = stays.subscribe({ genesisHash });
    const keptMessage = new Promise<void>((resolve) => {
      keptStream.on("data", (response: SubscribeResponse) => {
        kept.push(response);
        if (response.message !== undefined) resolve();
      });
      keptStream.on("error", () => resolve());
    });
    const repin = (): void => {
      server.server.repin([other.publicKey]).then(
        () => server.server.broadcast(heartbeat),
        (error: Error) => keptStream.destroy(error),
      );
    };
    const ended = await outcome(client.subscribe({ genesisHash }), repin);
    expect(ended.code).toBe(status.PERMISSION_DENIED);
    await keptMessage;
    expect(kept.at(-1)?.message?.body?.$case).toBe("chainRequest");
    const again = await outcome(client.subscribe({ genesisHash }));
    expect(again).toEqual({ code: status.PERMISSION_DENIED, first: undefined });
    expect(server.events).toContainEqual({
      kind: "refused",
      networkKey: leaver.publicKey,
      code: "UNKNOWN_PEER",
    });
  });

  test("rule GENESIS: a peer of another chain is refused", async () => {
    const known = newKey();
    const server = await startServer([known.publicKey]);
    const client = await rawClient(server, await issueIdentity(known));
    const foreign = await outcome(client.subscribe({ genesisHash: genesisBytes("ff".repeat(32)) }));
    expect(foreign.code).toBe(status.FAILED_PRECONDITION);
  });
});

describe("subscriptions", () => {
  async function follower(server: Started, key: KeyPair) {
    const received: PeerMessage[] = [];
    let onMessage: (message: PeerMessage) => void = () => undefined;
    let onEcho: () => void = () => undefined;
    const client = new PeerClient({
      identity: await issueIdentity(key),
      chainId,
      now: Date.now,
      receive: (_, message) => {
        received.push(message);
        onMessage(message);
        return true;
      },
      echoed: () => onEcho(),
      observe: () => undefined,
    });
    cleanups.push(() => client.stop());
    const echoed = new Promise<void>((resolve) => {
      onEcho = resolve;
    });
    const peer = { networkKey: server.key.publicKey, address: server.address };
    await client.follow([peer]);
    const next = (): Promise<PeerMessage> =>
      new Promise((resolve) => {
        onMessage = resolve;
      });
    return { client, echoed, next, received };
  }

  test("what is broadcast or sent arrives, and a message to a stranger is dropped", async () => {
    const key = newKey();
    const server = await startServer([key.publicKey]);
    const { echoed, next, client } = await follower(server, key);
    await echoed;
    const first = next();
    server.server.broadcast(heartbeat);
    expect(await first).toEqual(heartbeat);
    const second = next();
    server.server.send("99".repeat(32), heartbeat);
    server.server.send(key.publicKey, {
      ...heartbeat,
      body: { kind: "chain-request", fromHeight: 9 },
    });
    expect((await second).body).toEqual({ kind: "chain-request", fromHeight: 9 });
    expect(client.isConnected(server.key.publicKey)).toBe(true);
  });

  test("a peer whose first connection never answers is dialled again, on a new one", async () => {
    const key = newKey();
    const server = await startServer([key.publicKey]);
    const target = Number(server.address.split(":")[1]);
    const mute: Socket[] = [];
    let bothHang = (): void => undefined;
    const hanging = new Promise<void>((resolve) => {
      bothHang = resolve;
    });
    // As a Service does: what was dialled while the old pod was gone stays with it.
    const service = createServer((socket) => {
      if (mute.length < 2) {
        mute.push(socket);
        if (mute.length === 2) bothHang();
        return;
      }
      const onward = connect(target, "127.0.0.1");
      socket.pipe(onward).pipe(socket);
      for (const each of [socket, onward]) each.on("error", () => onward.destroy());
    });
    await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
    cleanups.push(() => {
      service.close();
      for (const socket of mute) socket.destroy();
    });
    const { port } = service.address() as AddressInfo;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    cleanups.push(() => vi.useRealTimers());
    const { client } = await follower({ ...server, address: `127.0.0.1:${port}` }, key);
    await hanging;
    expect(client.isConnected(server.key.publicKey)).toBe(false);
    vi.advanceTimersByTime(1_000);
    const isConnected = () => client.isConnected(server.key.publicKey);
    await expect.poll(isConnected, { timeout: 10_000 }).toBe(true);
  });

  test("a peer that restarts under its address is followed again", async () => {
    const key = newKey();
    const server = await startServer([key.publicKey]);
    const { echoed, client } = await follower(server, key);
    await echoed;
    server.server.stop();
    const again = await PeerServer.start(
      {
        identity: await issueIdentity(server.key),
        listen: server.address,
        chainId,
        echo: () => [],
        observe: () => undefined,
        snapshots: NO_SNAPSHOTS,
        now: Date.now,
      },
      [key.publicKey],
    );
    cleanups.push(() => again.server.stop());
    await expect.poll(() => again.server.subscribers()).toEqual([key.publicKey]);
    await expect.poll(() => client.isConnected(server.key.publicKey)).toBe(true);
  });
});
