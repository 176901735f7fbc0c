import { type ClientReadableStream, credentials, type ServiceError } from "@grpc/grpc-js";
import { PeersServiceClient } from "@quorate/proto/consensus/v1/consensus";
import { expect, test } from "vitest";
import { pinnedName } from "../network/grpc-call.ts";
import type { NetworkNode } from "../network/network.ts";
import { RunningChain } from "../network/running-chain.ts";
import { newSigningKey, type SigningKey } from "../network/signing-key.ts";
import { leaf, trustAnchor } from "../stranger/pins.ts";

const UNAVAILABLE = 14;

/** How a subscription at the node ends, or "message" if anything comes through. */
async function subscribe(
  node: NetworkNode,
  caller: SigningKey | undefined,
  chainId: string,
): Promise<ServiceError | "message"> {
  const anchor = await trustAnchor(node.identity.networkKey);
  const identity = caller === undefined ? undefined : await leaf(caller);
  const tls = credentials.createSsl(anchor, identity?.key ?? null, identity?.certificate ?? null);
  const client = new PeersServiceClient(
    node.place.peers,
    tls,
    pinnedName(node.identity.networkKey),
  );
  const stream: ClientReadableStream<unknown> = client.subscribe({
    genesisHash: Buffer.from(chainId, "hex"),
  });
  try {
    return await new Promise((resolve) => {
      stream.on("data", () => resolve("message"));
      stream.on("error", (error: ServiceError) => resolve(error));
    });
  } finally {
    stream.cancel();
    client.close();
  }
}

test("an unknown peer is refused, with a key of its own and without any", async () => {
  const chain = await RunningChain.start();
  try {
    const node = chain.network.validators[0]!;
    const { chainId } = chain.client;
    for (const caller of [newSigningKey(), undefined]) {
      expect(await subscribe(node, caller, chainId)).toMatchObject({ code: UNAVAILABLE });
    }
    chain.passed();
  } finally {
    await chain.stop();
  }
});

test("a key that is known for something else is an unknown peer too", async () => {
  const chain = await RunningChain.start();
  try {
    const node = chain.network.validators[0]!;
    const { owners, operator } = chain.network;
    for (const caller of [operator, owners[0]!.key, owners[0]!.sponsor]) {
      const refused = await subscribe(node, caller, chain.client.chainId);
      expect(refused).toMatchObject({ code: UNAVAILABLE });
    }
    chain.passed();
  } finally {
    await chain.stop();
  }
});
