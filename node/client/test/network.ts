import { connect, type QuorateClient } from "../src/client.ts";
import type { ConnectOptions } from "../src/connect-options.ts";
import type { NodeError } from "../src/errors.ts";
import { FakeChain } from "./fake-chain.ts";
import { FakeNode } from "./fake-node.ts";

/** Fake nodes of one chain with a client of them; closed together. */
export interface TestNetwork {
  readonly chain: FakeChain;
  readonly nodes: readonly [FakeNode, FakeNode, FakeNode];
  readonly endpoints: readonly string[];
  readonly client: QuorateClient;
  /** Every failed attempt that the client told of. */
  readonly failures: NodeError[];
  /** Another client of the same nodes. */
  join(options?: Partial<ConnectOptions>): Promise<QuorateClient>;
  close(): void;
}

export async function startNetwork(options: Partial<ConnectOptions> = {}): Promise<TestNetwork> {
  const chain = new FakeChain();
  const nodes = [new FakeNode(chain), new FakeNode(chain), new FakeNode(chain)] as const;
  const endpoints = await Promise.all(nodes.map((node, at) => node.listen(String(at))));
  const failures: NodeError[] = [];
  const clients: QuorateClient[] = [];
  const join = async (more: Partial<ConnectOptions> = {}): Promise<QuorateClient> => {
    const client = await connect({
      genesis: chain.genesisBytes,
      endpoints,
      onNodeError: (error) => failures.push(error),
      ...more,
    });
    clients.push(client);
    return client;
  };
  const close = (): void => {
    for (const client of clients) client.close();
    for (const node of nodes) node.close();
  };
  return { chain, nodes, endpoints, client: await join(options), failures, join, close };
}
