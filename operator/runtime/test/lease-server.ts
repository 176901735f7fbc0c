import { ApiError, type ApiRequest, type ApiResponse, type Transport } from "../src/transport.ts";
import { ok, refusal } from "./scripted-transport.ts";

interface Lease {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly leaseTransitions?: number;
    readonly renewTime?: string;
    readonly acquireTime?: string;
  };
}

const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/u;

/** One Lease with compare and set, as strict about its times as the real server. */
export class LeaseServer {
  lease: Lease | undefined;
  version = 0;
  uid = 0;
  readonly writes: Lease[] = [];

  /** The door of one client; the faults strike before or after the request has its effect. */
  door(
    before: (request: ApiRequest) => Promise<void> = async () => undefined,
    after: () => Promise<void> = async () => undefined,
  ): Transport {
    return {
      request: async (request) => {
        await before(request);
        const answer = this.#answer(request);
        await after();
        return answer;
      },
      watch: () => {
        throw new ApiError(405, "MethodNotAllowed", "no watch here");
      },
    };
  }

  /** Somebody else writes. */
  write(spec: Lease["spec"]): void {
    this.#store({ metadata: { name: "lease", namespace: "ns" }, spec });
  }

  remove(): void {
    this.lease = undefined;
  }

  #live() {
    return this.lease && { ...this.lease, metadata: this.#metadata(this.lease) };
  }

  #metadata(lease: Lease) {
    return { ...lease.metadata, uid: `u${this.uid}`, resourceVersion: String(this.version) };
  }

  #store(lease: Lease): void {
    if (!this.lease) this.uid += 1;
    this.version += 1;
    this.lease = lease;
    this.writes.push(lease);
  }

  #answer(request: ApiRequest): ApiResponse {
    const sent = request.body as (Lease & { metadata: { resourceVersion?: string } }) | undefined;
    if (request.method === "GET") return this.lease ? ok(this.#live()) : refusal(404, "NotFound");
    if (!sent) return refusal(400, "BadRequest");
    if (request.method === "POST" && this.lease) return refusal(409, "AlreadyExists");
    if (request.method === "PUT" && !this.lease) return refusal(404, "NotFound");
    if (request.method === "PUT" && sent.metadata.resourceVersion !== String(this.version)) {
      return refusal(409, "Conflict");
    }
    const { renewTime = "", acquireTime = "", holderIdentity, leaseDurationSeconds } = sent.spec;
    const valid = MICRO_TIME.test(renewTime) && MICRO_TIME.test(acquireTime);
    if (!valid || holderIdentity === "" || (leaseDurationSeconds ?? 0) < 1) {
      return refusal(422, "Invalid");
    }
    this.#store(sent);
    return ok(this.#live());
  }
}
