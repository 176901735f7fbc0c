import { AccountKey } from "@quorate/client/account-key";
import type { QuorateClient } from "@quorate/client/client";
import { registerSpareTransaction } from "@quorate/client/spare-registration";
import { awaitReady, type Network, type NetworkNode, SEAT_POWER } from "./network.ts";

export interface RegisterSpare {
  readonly network: Network;
  readonly client: QuorateClient;
  readonly node: NetworkNode;
  /** Who registers it, with one key for owner and sponsor; the node's owner unless told. */
  readonly stranger?: AccountKey;
  /** How long it may take to follow the chain; a minute by default. */
  readonly readyMs?: number;
  /** Hears of the height of the registration before the spare follows. */
  readonly registered?: (height: number) => void;
}

/**
 * Puts a node on the chain as a spare (rule SPONSOR): its own two signatures come from its control
 * listener, the sponsor's and the owner's are given here, where both keys are held. Returns the
 * height of the registration, as soon as the spare follows the chain.
 */
export async function registerSpare(register: RegisterSpare): Promise<number> {
  const { network, client, node, stranger, readyMs, registered } = register;
  const { place } = node;
  const owner = stranger ?? AccountKey.fromPem(node.owner.key.pem);
  const sponsor = stranger ?? AccountKey.fromPem(node.owner.sponsor.pem);
  const control = await network.control(node);
  try {
    const signed = await control.signRegistration({
      owner: Buffer.from(owner.publicKey, "hex"),
      address: place.peers,
      bond: SEAT_POWER,
    });
    const { possession, networkSignature } = signed;
    const endorsed = possession?.statement?.kind;
    if (possession === undefined || endorsed?.$case !== "endorsement") {
      throw new Error(`${place.name} signed no endorsement of its registration`);
    }
    const nonce = Number(endorsed.value.nonce);
    const transaction = registerSpareTransaction({
      chainId: client.chainId,
      registration: {
        owner: owner.publicKey,
        key: node.identity.key,
        networkKey: node.identity.networkKey,
        address: place.peers,
        bond: BigInt(SEAT_POWER),
      },
      possession: { nonce, signature: possession.signature },
      networkSignature,
      sponsor,
      owner,
    });
    const { height } = await client.submit(transaction);
    registered?.(height);
    await awaitReady(node, readyMs);
    return height;
  } finally {
    control.close();
  }
}
