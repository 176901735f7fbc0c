import { Server, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import {
  type ControlServiceServer,
  ControlServiceService,
  type GetIdentityRequest,
  type GetIdentityResponse,
  type RebuildRequest,
  type RebuildResponse,
  type SignRegistrationRequest,
  type SignRegistrationResponse,
} from "@quorate/proto/control/v1/control";
import type { Status } from "@quorate/proto/query/v1/query";
import { Writer } from "../../kernel/codec.ts";
import { err, ok, type Refusal, type Result, refuse } from "../../kernel/result.ts";
import type { Digest, Height, PublicKey } from "../../kernel/scalars.ts";
import type { SignedStatement } from "../../kernel/statements.ts";
import { registrationDigest, registrationSigningBytes } from "../../ledger/transaction.ts";
import type { SpareRegistration } from "../../ledger/types.ts";
import { isAscii, isIpPort } from "../address.ts";
import type { NodeKeys } from "../key-file.ts";
import { decimal, decoded, hex32 } from "../wire/fields.ts";
import { bufferOf, bytesOf } from "../wire/ledger-wire.ts";
import { signedToWire } from "../wire/statement-wire.ts";
import { bind } from "./peer-server.ts";
import { type Identity, PinnedServerCredentials, peerNetworkKey } from "./pinned-tls.ts";
import { serviceError } from "./refusal.ts";

export interface ControlOptions {
  readonly identity: Identity;
  readonly listen: string;
  /** The one key that may call (rule LISTENERS). */
  readonly clientKey: PublicKey;
  readonly keys: NodeKeys;
  readonly advertise: string;
}

/** What exists only with a genesis. */
export interface ChainAccess {
  readonly chainId: Digest;
  readonly status: () => Status;
  /** Endorses the digest by the consensus key, through the journal. */
  readonly endorse: (subject: Digest) => Promise<Result<SignedStatement, Refusal>>;
  /** Has the state of a node without a seat fetched anew; the height that is dropped. */
  readonly rebuild: (genesisHash: Digest) => Promise<Result<Height, Refusal>>;
}

/** Who the node claims to be, bound to the asker's words: what both keys sign. */
export interface IdentityClaim {
  readonly setUid: string;
  readonly podUid: string;
  readonly token: string;
  readonly consensusKey: PublicKey;
  readonly networkKey: PublicKey;
}

/** Layout in node/docs/node.md. The domain keeps these bytes apart from every statement. */
export function identityBytes(claim: IdentityClaim): Uint8Array {
  const writer = new Writer().text("quorate/v1/identity");
  writer.text(claim.setUid).text(claim.podUid).text(claim.token);
  return writer.hex32(claim.consensusKey).hex32(claim.networkKey).finish();
}

function notStarted(): Result<never, Refusal> {
  return refuse("NOT_STARTED", "node", "give the node its genesis file first");
}

function textRefusal(value: string, field: string, lengthMin: number): Refusal | undefined {
  if (isAscii(value) && value.length >= lengthMin && value.length <= 128) return undefined;
  const fix = `write ${lengthMin} to 128 characters of printable ASCII`;
  return { code: "MALFORMED", field, fix };
}

type Handler<Q, R> = (request: Q) => Promise<Result<R, Refusal>>;
type Call<Q, R> = ServerUnaryCall<Q, R>;

/**
 * The control listener: identity, status, a spare's own signatures, and a new state for a node
 * without a seat; nothing that can harm.
 */
export class ControlService {
  readonly #options: ControlOptions;
  readonly #server: Server;
  #chain: ChainAccess | undefined;

  private constructor(options: ControlOptions) {
    this.#options = options;
    this.#server = new Server({ "grpc.max_receive_message_length": 64 * 1024 });
    const service: ControlServiceServer = {
      getIdentity: this.#unary(async (request) => this.#identity(request)),
      getStatus: this.#unary(async () => ok({ status: this.#status() })),
      signRegistration: this.#unary((request) => this.#signRegistration(request)),
      rebuild: this.#unary((request) => this.#rebuild(request)),
    };
    this.#server.addService(ControlServiceService, service);
  }

  static async start(
    options: ControlOptions,
  ): Promise<{ readonly service: ControlService; readonly port: number }> {
    const service = new ControlService(options);
    const credentials = await PinnedServerCredentials.create(options.identity, [options.clientKey]);
    const port = await bind(service.#server, options.listen, credentials);
    return { service, port };
  }

  /** From here on the node has a chain. */
  attach(chain: ChainAccess): void {
    this.#chain = chain;
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  /**
   * TLS has let in the pinned key alone; it is compared again, so that a mistake there is no hole.
   */
  #unary<Q, R>(handler: Handler<Q, R>): (call: Call<Q, R>, reply: sendUnaryData<R>) => void {
    return (call, reply) => {
      const caller = peerNetworkKey(call.getAuthContext()?.sslPeerCertificate);
      if (caller !== this.#options.clientKey) {
        const fix = "use the control client key of the node's configuration";
        reply(serviceError({ code: "UNKNOWN_CLIENT", field: "certificate", fix }), null);
        return;
      }
      handler(call.request).then(
        (result) => {
          if (result.ok) reply(null, result.value);
          else reply(serviceError(result.error), null);
        },
        (error: unknown) => {
          const fix = error instanceof Error ? error.message : String(error);
          reply(serviceError({ code: "INTERNAL", field: "node", fix }), null);
        },
      );
    };
  }

  #identity(request: GetIdentityRequest): Result<GetIdentityResponse, Refusal> {
    const refusal =
      textRefusal(request.setUid, "set_uid", 0) ??
      textRefusal(request.podUid, "pod_uid", 0) ??
      textRefusal(request.token, "token", 16);
    if (refusal !== undefined) return err(refusal);
    const { keys, advertise } = this.#options;
    const { setUid, podUid, token } = request;
    const consensusKey = keys.consensus.publicKey;
    const networkKey = keys.network.publicKey;
    const claim = identityBytes({ setUid, podUid, token, consensusKey, networkKey });
    return ok({
      consensusKey: bytesOf(consensusKey),
      networkKey: bytesOf(networkKey),
      consensusProof: bufferOf(keys.consensus.sign(claim)),
      networkProof: bufferOf(keys.network.sign(claim)),
      address: advertise,
      genesisHash: bytesOf(this.#chain?.chainId ?? ""),
    });
  }

  #status(): Status | undefined {
    return this.#chain?.status();
  }

  async #rebuild({ genesisHash }: RebuildRequest): Promise<Result<RebuildResponse, Refusal>> {
    if (this.#chain === undefined) return notStarted();
    const chainId = decoded(() => hex32(genesisHash, "genesis_hash"));
    if (!chainId.ok) return chainId;
    const dropped = await this.#chain.rebuild(chainId.value);
    return dropped.ok ? ok({ height: BigInt(dropped.value) }) : dropped;
  }

  async #signRegistration(
    request: SignRegistrationRequest,
  ): Promise<Result<SignRegistrationResponse, Refusal>> {
    const chain = this.#chain;
    if (chain === undefined) return notStarted();
    const { keys } = this.#options;
    if (!isIpPort(request.address) || request.address.length > 255) {
      return refuse("MALFORMED", "address", "write host:port of the peer listener");
    }
    const parts = decoded(() => ({
      owner: hex32(request.owner, "owner"),
      bond: decimal(request.bond, "bond"),
    }));
    if (!parts.ok) return parts;
    const registration: SpareRegistration = {
      ...parts.value,
      key: keys.consensus.publicKey,
      networkKey: keys.network.publicKey,
      address: request.address,
    };
    const digest = registrationDigest(chain.chainId, registration);
    const possession = await chain.endorse(digest);
    if (!possession.ok) return possession;
    const bytes = registrationSigningBytes(chain.chainId, "network", registration);
    return ok({
      registrationDigest: bytesOf(digest),
      possession: signedToWire(possession.value),
      networkSignature: bufferOf(keys.network.sign(bytes)),
      consensusKey: bytesOf(registration.key),
      networkKey: bytesOf(registration.networkKey),
    });
  }
}
