import { ApiStatus, type StatusCause } from "./api-status.ts";

/** Group and plural of a resource, as messages name it. */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
}

/** `configmaps`, `deployments.apps`. */
export function qualified({ group, plural }: ResourceName): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function of(resource: ResourceName, name: string): { name: string; group?: string; kind: string } {
  return {
    name,
    ...(resource.group === "" ? {} : { group: resource.group }),
    kind: resource.plural,
  };
}

export function notFound(resource: ResourceName, name: string): ApiStatus {
  return new ApiStatus({
    code: 404,
    reason: "NotFound",
    message: `${qualified(resource)} "${name}" not found`,
    details: of(resource, name),
  });
}

export function noSuchResource(): ApiStatus {
  return new ApiStatus({
    code: 404,
    reason: "NotFound",
    message: "the server could not find the requested resource",
  });
}

export function methodNotAllowed(): ApiStatus {
  return new ApiStatus({
    code: 405,
    reason: "MethodNotAllowed",
    message: "the server does not allow this method on the requested resource",
  });
}

export function alreadyExists(resource: ResourceName, name: string, ends = false): ApiStatus {
  return new ApiStatus({
    code: 409,
    reason: "AlreadyExists",
    message: `${ends ? "object is being deleted: " : ""}${qualified(resource)} "${name}" already exists`,
    details: of(resource, name),
  });
}

/** 409 Conflict: `why` follows the sentence that names the object. */
export function conflict(resource: ResourceName, name: string, why: string): ApiStatus {
  return new ApiStatus({
    code: 409,
    reason: "Conflict",
    message: `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`,
    details: of(resource, name),
  });
}

export function modified(resource: ResourceName, name: string): ApiStatus {
  const why =
    "the object has been modified; please apply your changes to the latest version and try again";
  return conflict(resource, name, why);
}

export function forbidden(
  resource: ResourceName,
  name: string,
  why: string,
  causes: readonly StatusCause[] = [],
): ApiStatus {
  return new ApiStatus({
    code: 403,
    reason: "Forbidden",
    message: `${qualified(resource)} "${name}" is forbidden: ${why}`,
    details: of(resource, name),
    causes,
  });
}

export function badRequest(message: string): ApiStatus {
  return new ApiStatus({ code: 400, reason: "BadRequest", message });
}

/** 422 Invalid: the message is made of the causes, as `field.ErrorList` prints them. */
export function invalid(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  causes: readonly StatusCause[],
): ApiStatus {
  const errors = causes.map(({ field, message }) => `${field}: ${message}`);
  const list = errors.length === 1 ? errors[0] : `[${errors.join(", ")}]`;
  const title = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  return new ApiStatus({
    code: 422,
    reason: "Invalid",
    message: `${title} "${name}" is invalid: ${list}`,
    details: {
      ...(name === "" ? {} : { name }),
      ...(kind.group === "" ? {} : { group: kind.group }),
      ...(kind.kind === "" ? {} : { kind: kind.kind }),
    },
    causes,
  });
}

/** 410: what was asked for is no longer in the history. */
export function expired(message: string): ApiStatus {
  return new ApiStatus({ code: 410, reason: "Expired", message });
}

export function tooOld(asked: number, oldest: number): ApiStatus {
  return expired(`too old resource version: ${asked} (${oldest})`);
}

/** A list that asks for a version which the store has not reached. */
export function tooLarge(asked: number, current: number): ApiStatus {
  return new ApiStatus({
    code: 504,
    reason: "Timeout",
    message: `Timeout: Too large resource version: ${asked}, current: ${current}`,
    details: { retryAfterSeconds: 1 },
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
  });
}

/** The body of the answer: `metav1.Status`. */
export function statusBody(failure: ApiStatus): object {
  const causes = failure.causes.length === 0 ? {} : { causes: failure.causes };
  const named = Object.keys(failure.details).length > 0 || failure.causes.length > 0;
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: failure.message,
    ...(failure.reason === "" ? {} : { reason: failure.reason }),
    ...(named ? { details: { ...failure.details, ...causes } } : {}),
    code: failure.code,
  };
}

/** Any error as a refusal: what is not one already is a 500. */
export function toApiStatus(error: unknown): ApiStatus {
  if (error instanceof ApiStatus) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new ApiStatus({
    code: 500,
    reason: "InternalError",
    message: `Internal error occurred: ${text}`,
    details: {},
    causes: [{ reason: "", message: text }],
  });
}
