import { generateKeyPairSync } from "node:crypto";
import { type ServiceError, status } from "@grpc/grpc-js";
import {
  ControlServiceClient,
  type GetIdentityRequest,
  type GetIdentityResponse,
} from "@quorate/proto/control/v1/control";
import { afterEach, describe, expect, test } from "vitest";
import { ed25519 } from "../../crypto/ed25519.ts";
import { ok, refuse } from "../../kernel/result.ts";
import { type KeyPair, keyPair } from "../key-file.ts";
import { ControlService, identityBytes } from "./control-service.ts";
import { issueIdentity, pinnedClientCredentials, tlsName } from "./pinned-tls.ts";

function newKey(): KeyPair {
  return keyPair(generateKeyPairSync("ed25519").privateKey);
}
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function startControl(clientKey: KeyPair) {
  const keys = { consensus: newKey(), network: newKey(), isNew: true };
  const { service, port } = await ControlService.start({
    identity: await issueIdentity(keys.network),
    listen: "127.0.0.1:0",
    clientKey: clientKey.publicKey,
    keys,
    advertise: "127.0.0.1:7001",
  });
  cleanups.push(() => service.stop());
  return { keys, port, service };
}

async function connect(port: number, server: KeyPair, own: KeyPair) {
  const channel = await pinnedClientCredentials(await issueIdentity(own), server.publicKey);
  const client = new ControlServiceClient(`127.0.0.1:${port}`, channel, {
    "grpc.ssl_target_name_override": tlsName(server.publicKey),
  });
  cleanups.push(() => client.close());
  return client;
}

function identity(
  client: ControlServiceClient,
  request: GetIdentityRequest,
): Promise<{ readonly error: ServiceError | null; readonly response: GetIdentityResponse }> {
  return new Promise((resolve) => {
    client.getIdentity(request, (error, response) => resolve({ error, response }));
  });
}

const request = { setUid: "set", podUid: "pod", token: "0123456789abcdef" };

describe("the control listener", () => {
  test("rule GENESIS: before a genesis it proves the possession of both keys", async () => {
    const operator = newKey();
    const { keys, port } = await startControl(operator);
    const { response } = await identity(await connect(port, keys.network, operator), request);
    const [consensusKey, networkKey] = [keys.consensus.publicKey, keys.network.publicKey];
    expect(response.consensusKey.toString("hex")).toBe(consensusKey);
    const claim = identityBytes({ ...request, consensusKey, networkKey });
    expect(ed25519.verify(consensusKey, claim, response.consensusProof)).toBe(true);
    expect(ed25519.verify(networkKey, claim, response.networkProof)).toBe(true);
    expect(response.genesisHash).toHaveLength(0);
  });

  test("rule LISTENERS: another key than the pinned control client is refused", async () => {
    const { keys, port } = await startControl(newKey());
    const { error } = await identity(await connect(port, keys.network, newKey()), request);
    expect(error?.code).toBe(status.UNAVAILABLE);
  });

  test("args: a short token is refused by name", async () => {
    const operator = newKey();
    const { keys, port } = await startControl(operator);
    const client = await connect(port, keys.network, operator);
    const { error } = await identity(client, { ...request, token: "short" });
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(error?.metadata.get("quorate-field")).toEqual(["token"]);
  });

  test("args: a registration before the genesis is refused by name", async () => {
    const operator = newKey();
    const { keys, port } = await startControl(operator);
    const client = await connect(port, keys.network, operator);
    const error = await new Promise<ServiceError | null>((resolve) => {
      const registration = { owner: Buffer.alloc(32), address: "a:1", bond: "1" };
      client.signRegistration(registration, (failed) => resolve(failed));
    });
    expect(error?.metadata.get("quorate-code")).toEqual(["NOT_STARTED"]);
  });

  test("rule LISTENERS: a rebuild names its chain, and the node decides", async () => {
    const operator = newKey();
    const { keys, port, service } = await startControl(operator);
    const client = await connect(port, keys.network, operator);
    const ask = (genesisHash: Buffer) =>
      new Promise<{ code: unknown; height: bigint | undefined }>((resolve) => {
        client.rebuild({ genesisHash }, (error, response) => {
          resolve({ code: error?.metadata.get("quorate-code")[0], height: response?.height });
        });
      });
    expect((await ask(Buffer.alloc(32))).code).toBe("NOT_STARTED");
    const seen: string[] = [];
    service.attach({
      chainId: "ab".repeat(32),
      status: () => {
        throw new Error("not asked for");
      },
      endorse: () => Promise.reject(new Error("not asked for")),
      rebuild: async (genesisHash) => {
        seen.push(genesisHash);
        return genesisHash === "ab".repeat(32) ? ok(7) : refuse("MEMBER", "node", "wait");
      },
    });
    expect((await ask(Buffer.alloc(3))).code).toBe("MALFORMED");
    expect((await ask(Buffer.alloc(32))).code).toBe("MEMBER");
    expect((await ask(Buffer.alloc(32, 0xab))).height).toBe(7n);
    expect(seen).toEqual(["00".repeat(32), "ab".repeat(32)]);
  });
});
