import { generateKeyPairSync } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { ControlService } from "../../../node/src/shell/grpc/control-service.ts";
import { issueIdentity } from "../../../node/src/shell/grpc/pinned-tls.ts";
import { type KeyPair, keyPair } from "../../../node/src/shell/key-file.ts";
import { controlPublicKey, newControlKey } from "./control-tls.ts";
import { ControlError, GrpcNodeControl } from "./node-control.ts";

const newKey = (): KeyPair => keyPair(generateKeyPairSync("ed25519").privateKey);
const ASK = { setUid: "set-uid", podUid: "pod-uid" };

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A node's own control listener; `claimed` are the keys that it says are its own. */
async function startNode(pem: string, claimed?: { consensus?: KeyPair; network?: KeyPair }) {
  const network = newKey();
  const keys = { consensus: newKey(), network, isNew: true, ...claimed };
  const { service, port } = await ControlService.start({
    identity: await issueIdentity(network),
    listen: "127.0.0.1:0",
    clientKey: controlPublicKey(pem),
    keys,
    advertise: "10.0.0.1:7001",
  });
  cleanups.push(() => service.stop());
  return { keys, address: `127.0.0.1:${port}` };
}

describe("a node's identity (GENESIS)", () => {
  test("is what both keys prove, with the address that the node advertises", async () => {
    const pem = newControlKey();
    const { keys, address } = await startNode(pem);
    expect(await new GrpcNodeControl(pem).identity(address, ASK)).toEqual({
      consensusKey: keys.consensus.publicKey,
      networkKey: keys.network.publicKey,
      address: "10.0.0.1:7001",
      genesisHash: "",
    });
  });

  test("with a key that the node cannot sign with is refused by the key's name", async () => {
    const pem = newControlKey();
    const foreign = newKey();
    const liar: KeyPair = { ...foreign, sign: (bytes) => newKey().sign(bytes) };
    const consensus = await startNode(pem, { consensus: liar });
    const control = new GrpcNodeControl(pem);
    const refused = control.identity(consensus.address, ASK);
    await expect(refused).rejects.toThrow(ControlError);
    await expect(refused).rejects.toThrow("consensus key");
    const network = await startNode(pem, { network: liar });
    await expect(control.identity(network.address, ASK)).rejects.toThrow("network key");
  });

  test("proven by keys whose TLS the answerer cannot end is refused: nobody stands in between", async () => {
    const pem = newControlKey();
    const { address } = await startNode(pem, { network: newKey() });
    await expect(new GrpcNodeControl(pem).identity(address, ASK)).rejects.toThrow("UNAVAILABLE");
  });

  test("is shown to the pinned control key only", async () => {
    const { address } = await startNode(newControlKey());
    await expect(new GrpcNodeControl(newControlKey()).identity(address, ASK)).rejects.toThrow();
  });
});
