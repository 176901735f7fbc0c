import { ApiError, type ApiResponse } from "./transport.ts";

/** Reasons by code, where the body is no Status (a proxy's or load balancer's page). */
const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

const MESSAGE_MAX = 500;

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The refusal in `body` (a v1 Status, or whatever a proxy said instead). */
export function apiErrorOf(status: number, body: unknown, retryAfterSeconds?: number): ApiError {
  const fields = isRecord(body) ? body : {};
  const code = typeof fields["code"] === "number" && fields["code"] > 0 ? fields["code"] : status;
  const named = fields["reason"];
  const reason = typeof named === "string" && named !== "" ? named : (REASONS[code] ?? "Unknown");
  const said = typeof body === "string" ? body : fields["message"];
  const message =
    typeof said === "string" && said !== "" ? said.slice(0, MESSAGE_MAX) : `HTTP ${code} ${reason}`;
  const details = fields["details"];
  const inBody = isRecord(details) ? details["retryAfterSeconds"] : undefined;
  const wait = retryAfterSeconds ?? (typeof inBody === "number" ? inBody : undefined);
  return new ApiError(code, reason, message, wait);
}

/** The body of a success; throws the ApiError of anything else. */
export function bodyOf(response: ApiResponse): unknown {
  if (response.status >= 200 && response.status < 300) return response.body;
  throw apiErrorOf(response.status, response.body, response.retryAfterSeconds);
}

/** The version asked for is no longer kept: only a new list helps. */
export function isExpired(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    (error.status === 410 || error.reason === "Expired" || error.reason === "Gone")
  );
}
