import { readFile } from "node:fs/promises";
import type { TrustPeriod } from "@quorate/light-client/light-client";
import type { TrustedHeader } from "@quorate/light-client/trusted-header";
import type { Digest } from "@quorate/node/kernel/scalars";
import type { SignatureScheme } from "@quorate/node/kernel/statements";
import type { ValidatorSet } from "@quorate/node/kernel/validator-set";
import { genesisHash, genesisSet, parseGenesis } from "@quorate/node/ledger/genesis";
import type { Genesis } from "@quorate/node/ledger/genesis-file";
import type { Clock } from "./clock.ts";
import { InputError, type NodeError } from "./errors.ts";
import type { Timeouts } from "./fail-over.ts";
import type { QueryNode } from "./query-node.ts";

export interface ConnectOptions {
  /** The genesis file's exact bytes, or where it is: its hash is the chain's identity. */
  readonly genesis: Uint8Array | { readonly file: string };
  /** host:port of query listeners. Which of the chain's nodes is where, the client finds out. */
  readonly endpoints: readonly string[];
  readonly timeouts?: Partial<Timeouts>;
  /**
   * A later set that the caller verified before and trusts, from `QuorateClient.trustedSet`. Needed
   * where none of the genesis members is left.
   */
  readonly checkpoint?: ValidatorSet;
  /** The same as a whole header, whose age is known; wins over `checkpoint`. */
  readonly trusted?: TrustedHeader;
  /** How long a verified header is built upon; not given: the caller bounds the age itself. */
  readonly trustPeriod?: TrustPeriod;
  /** Hears of every failed attempt, also where another node answered. Must not throw. */
  readonly onNodeError?: (error: NodeError) => void;
  /** Ports for tests. */
  readonly clock?: Clock;
  readonly scheme?: SignatureScheme;
  readonly openNode?: (endpoint: string) => QueryNode;
}

/** Options that hold together. */
export interface CheckedStart {
  readonly genesis: Genesis;
  readonly trusted: TrustedHeader;
}

/** Reads the genesis. Throws InputError. */
export async function checkedStart(options: ConnectOptions): Promise<CheckedStart> {
  const bytes = await genesisBytes(options.genesis);
  const parsed = parseGenesis(bytes);
  if (!parsed.ok) throw new InputError(parsed.error);
  if (options.endpoints.length === 0) {
    const fix = "name at least one host:port of a query listener";
    throw new InputError({ code: "ENDPOINTS_MISSING", field: "endpoints", fix });
  }
  for (const [index, endpoint] of options.endpoints.entries()) checkEndpoint(endpoint, index);
  const chainId = genesisHash(bytes);
  const genesis = parsed.value;
  const trusted = options.trusted ?? startOf(genesis, chainId, options.checkpoint);
  if (trusted.chainId !== chainId) {
    const fix = `it is of chain ${trusted.chainId}, the genesis is ${chainId}`;
    throw new InputError({ code: "FOREIGN_TRUSTED_HEADER", field: "trusted", fix });
  }
  return { genesis, trusted };
}

function startOf(genesis: Genesis, chainId: Digest, set = genesisSet(genesis)): TrustedHeader {
  return { chainId, set, height: 0, timestampMs: genesis.genesisTimeMs };
}

async function genesisBytes(genesis: ConnectOptions["genesis"]): Promise<Uint8Array> {
  if (genesis instanceof Uint8Array) return genesis;
  try {
    return await readFile(genesis.file);
  } catch (cause) {
    const fix = `${genesis.file} cannot be read; name the network's genesis file`;
    throw new InputError({ code: "GENESIS_UNREADABLE", field: "genesis", fix }, { cause });
  }
}

function checkEndpoint(endpoint: string, index: number): void {
  const port = Number(/^(?:[^\s:[\]]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})$/.exec(endpoint)?.[1]);
  if (port >= 1 && port <= 65_535) return;
  const fix = `"${endpoint}" is not host:port, such as 127.0.0.1:7002`;
  throw new InputError({ code: "ENDPOINT_MALFORMED", field: `endpoints[${index}]`, fix });
}
