import { randomBytes } from "node:crypto";
import { type ChannelCredentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { ed25519 } from "@quorate/node/crypto/ed25519";
import { toHex } from "@quorate/node/kernel/bytes";
import {
  ControlServiceClient,
  type GetIdentityResponse,
  type SignRegistrationResponse,
} from "@quorate/proto/control/v1/control";
import { identityBytes } from "../birth/identity-claim.ts";
import type { NodeControlPort, NodeIdentity, NodeRegistration } from "../ports.ts";
import { issueLeaf, type Leaf, pinned, tlsName, unpinned } from "./control-tls.ts";

/** A node that does not answer in this time is asked again in the next pass. */
const CALL_MS = 3_000;

/** A node's answer that proves nothing. */
export class ControlError extends Error {
  override readonly name = "ControlError";
}

type Ask = Parameters<NodeControlPort["identity"]>[1];
type Registering = Parameters<NodeControlPort["signRegistration"]>[2];

/** The control listeners of nodes, as the holder of the control key. */
export class GrpcNodeControl implements NodeControlPort {
  readonly #leaf: Promise<Leaf>;

  constructor(controlKeyPem: string) {
    this.#leaf = issueLeaf(controlKeyPem);
    // Reported by the first call that needs it.
    this.#leaf.catch(() => undefined);
  }

  /**
   * Asked twice with two tokens: first of whoever is at the address, then of the network key that
   * the first answer proved, so that nobody in between passes on another node's proofs.
   */
  async identity(address: string, ask: Ask): Promise<NodeIdentity> {
    const leaf = await this.#leaf;
    const claimed = await askIdentity(address, ask, { by: unpinned(leaf), name: "unknown" });
    const { networkKey } = claimed;
    const by = await pinned(leaf, networkKey);
    const proven = await askIdentity(address, ask, { by, name: tlsName(networkKey) });
    if (proven.networkKey !== networkKey || proven.consensusKey !== claimed.consensusKey) {
      throw new ControlError(`${address} changed its keys between two answers`);
    }
    return proven;
  }

  async signRegistration(
    address: string,
    networkKey: string,
    { owner, address: advertised, bond }: Registering,
  ): Promise<NodeRegistration> {
    const door = { by: await pinned(await this.#leaf, networkKey), name: tlsName(networkKey) };
    const request = { owner: Buffer.from(owner, "hex"), address: advertised, bond };
    const answer = await call<SignRegistrationResponse>(address, door, (client, done) =>
      client.signRegistration(request, new Metadata(), deadline(), done),
    );
    const { possession, networkSignature } = answer;
    const kind = possession?.statement?.kind;
    if (possession === undefined || kind?.$case !== "endorsement") {
      throw new ControlError(`${address} signed no endorsement of its registration`);
    }
    return {
      nonce: Number(kind.value.nonce),
      possession: toHex(possession.signature),
      networkSignature: toHex(networkSignature),
    };
  }
}

interface Door {
  readonly by: ChannelCredentials;
  readonly name: string;
}

function deadline(): { deadline: number } {
  return { deadline: Date.now() + CALL_MS };
}

async function askIdentity(address: string, ask: Ask, door: Door): Promise<NodeIdentity> {
  const token = randomBytes(24).toString("hex");
  const answer = await call<GetIdentityResponse>(address, door, (client, done) =>
    client.getIdentity({ ...ask, token }, new Metadata(), deadline(), done),
  );
  const consensusKey = toHex(answer.consensusKey);
  const networkKey = toHex(answer.networkKey);
  if (consensusKey.length !== 64 || networkKey.length !== 64) {
    throw new ControlError(`${address} gave keys that are no Ed25519 keys`);
  }
  const claim = identityBytes({ ...ask, token, consensusKey, networkKey });
  const proofs = [
    ["consensus", consensusKey, answer.consensusProof],
    ["network", networkKey, answer.networkProof],
  ] as const;
  for (const [name, key, proof] of proofs) {
    if (ed25519.verify(key, claim, proof)) continue;
    throw new ControlError(`${address} does not prove that it holds its ${name} key`);
  }
  const genesisHash = toHex(answer.genesisHash);
  return { consensusKey, networkKey, address: answer.address, genesisHash };
}

/** One call over a connection of its own: they are rare, and a dead node leaves nothing behind. */
async function call<T>(
  address: string,
  door: Door,
  invoke: (
    client: ControlServiceClient,
    done: (error: ServiceError | null, answer: T) => void,
  ) => unknown,
): Promise<T> {
  const client = new ControlServiceClient(address, door.by, {
    "grpc.ssl_target_name_override": door.name,
    // Shared, it would wait with an earlier call that connects to a pod which has gone.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
  });
  try {
    return await new Promise<T>((resolve, reject) => {
      invoke(client, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
    });
  } finally {
    client.close();
  }
}
