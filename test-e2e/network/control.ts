import { credentials, Metadata } from "@grpc/grpc-js";
import {
  ControlServiceClient,
  type GetIdentityResponse,
  type GetStatusResponse,
  type SignRegistrationRequest,
  type SignRegistrationResponse,
} from "@quorate/proto/control/v1/control";
import type { Status } from "@quorate/proto/query/v1/query";
import type { KeyPair } from "../stranger/keys.ts";
import { leaf, trustAnchor } from "../stranger/pins.ts";
import { pinnedName, unary, within } from "./grpc-call.ts";

const CALL_MS = 10_000;

export interface Identity {
  readonly key: string;
  readonly networkKey: string;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** The operator's side of the control listener: the client's key is pinned by the node. */
export class Control {
  readonly #client: ControlServiceClient;

  private constructor(client: ControlServiceClient) {
    this.#client = client;
  }

  /**
   * `networkKey` pins the server. Without it, at birth, nobody knows the key yet: then the address
   * is trusted, as rule GENESIS says, and whoever asks puts the answer into the genesis.
   */
  static async open(address: string, operator: KeyPair, networkKey?: string): Promise<Control> {
    const { certificate, key } = await leaf(operator);
    const anchor = networkKey === undefined ? null : await trustAnchor(networkKey);
    const tls = credentials.createSsl(
      anchor,
      key,
      certificate,
      networkKey === undefined ? { rejectUnauthorized: false } : {},
    );
    const name = pinnedName(networkKey ?? "born");
    return new Control(new ControlServiceClient(address, tls, name));
  }

  async identity(request: { setUid: string; podUid: string; token: string }): Promise<Identity> {
    const answer = await unary<GetIdentityResponse>((done) =>
      this.#client.getIdentity(request, new Metadata(), within(CALL_MS), done),
    );
    return { key: hex(answer.consensusKey), networkKey: hex(answer.networkKey) };
  }

  async status(): Promise<Status> {
    const { status } = await unary<GetStatusResponse>((done) =>
      this.#client.getStatus({}, new Metadata(), within(CALL_MS), done),
    );
    if (status === undefined) throw new Error("the node answered without a status");
    return status;
  }

  signRegistration(request: SignRegistrationRequest): Promise<SignRegistrationResponse> {
    return unary((done) =>
      this.#client.signRegistration(request, new Metadata(), within(CALL_MS), done),
    );
  }

  close(): void {
    this.#client.close();
  }
}
