/** One request to a Kubernetes API server. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path below the server, with the query: `/api/v1/namespaces/ns/pods?limit=500`. */
  readonly path: string;
  readonly body?: unknown;
  /** Of a PATCH: nothing is guessed (research/operator.md §3.1 no. 9). */
  readonly contentType?:
    | "application/json"
    | "application/apply-patch+yaml"
    | "application/merge-patch+json"
    | "application/json-patch+json"
    | "application/strategic-merge-patch+json";
  readonly signal?: AbortSignal;
}

/** What came back, whatever its status. */
export interface ApiResponse {
  readonly status: number;
  /** Seconds of the Retry-After header. */
  readonly retryAfterSeconds?: number;
  /** Parsed JSON; a `v1 Status` where the server refused. */
  readonly body: unknown;
}

/** One line of a watch. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  /** The object; a `v1 Status` with ERROR. */
  readonly object: unknown;
}

/**
 * The door to an API server: the real one over TLS, or the simulator's. Throws TransportError only
 * where no answer came at all.
 */
export interface Transport {
  request(request: ApiRequest): Promise<ApiResponse>;
  /**
   * The lines of a watch until the server or the signal ends it. Throws ApiError where the server
   * refuses the watch itself, TransportError where the connection breaks.
   */
  watch(path: string, signal: AbortSignal): AsyncIterable<WatchEvent>;
}

/** No answer: the request may have had its effect or not. */
export class TransportError extends Error {
  override readonly name = "TransportError";
}

/** A refusal in the words of the API server. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  /** `reason` of the Status: NotFound, Conflict, AlreadyExists, Expired, Invalid, ... */
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
