import { AccountKey } from "@quorate/client/account-key";
import type { CertifiedReceipt } from "@quorate/client/certified-receipt";
import { connect } from "@quorate/client/client";
import { ChainRefusalError, RefusedError } from "@quorate/client/errors";
import { clockNonces } from "@quorate/client/nonces";
import type { ResultCertificate } from "@quorate/node/kernel/certificates";
import type { PublicKey } from "@quorate/node/kernel/scalars";
import type { Genesis } from "@quorate/node/ledger/genesis-file";
import { encodeTransaction } from "@quorate/node/ledger/transaction";

/** What the test needs of a client; `connect` gives one that verifies each answer. */
export interface ChainAccess {
  readonly genesis: Pick<Genesis, "dev" | "name">;
  submit(transaction: Uint8Array): Promise<Pick<CertifiedReceipt, "height" | "certificate">>;
  head(): Promise<ResultCertificate>;
}

const QUERY_PORT = 7002;
/** Wait between two looks at a chain's head. */
const HEAD_EVERY_MS = 250;

/** Query listeners of the founders: their Services' addresses stand in the genesis. */
export function queryEndpoints({ seats }: Pick<Genesis, "seats">): readonly string[] {
  return seats.map(({ address }) => `${address.slice(0, address.lastIndexOf(":"))}:${QUERY_PORT}`);
}

/** A chain that answers is open until `close`. */
export async function openChain(genesis: Uint8Array, endpoints: readonly string[]) {
  return await connect({ genesis, endpoints });
}

/**
 * Sends one transaction and returns what its certificate proves. On a chain for development it is a
 * micro-USD of the faucet for an account that nobody has; elsewhere nobody may make money (rule
 * MINT), so the refusal is what is certified, or where nodes refuse at the door, a block after it.
 */
export async function testChain(
  chain: ChainAccess,
  account: PublicKey = AccountKey.generate().publicKey,
): Promise<string> {
  const nonce = clockNonces().next();
  const before = await chain.head();
  try {
    const bytes = encodeTransaction({ kind: "faucet", account, amount: 1n, nonce });
    const { height, certificate } = await chain.submit(bytes);
    return `${chain.genesis.name}: executed at height ${height}, ${signed(certificate)}`;
  } catch (error) {
    if (chain.genesis.dev) throw error;
    const isRefusal = error instanceof ChainRefusalError || error instanceof RefusedError;
    if (!isRefusal || error.code !== "FAUCET_CLOSED") throw error;
    const after = await headAbove(chain, before);
    return `${chain.genesis.name}: refused as it should be; ${signed(after)}`;
  }
}

async function headAbove(
  chain: ChainAccess,
  { result }: ResultCertificate,
): Promise<ResultCertificate> {
  for (;;) {
    const head = await chain.head();
    if (head.result.height > result.height) return head;
    await new Promise((resolve) => setTimeout(resolve, HEAD_EVERY_MS));
  }
}

function signed({ result, signatures }: ResultCertificate): string {
  return `height ${result.height} certified by ${signatures.length} members`;
}
