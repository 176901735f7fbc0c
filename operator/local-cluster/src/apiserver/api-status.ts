/** One entry of `details.causes` of a metav1 Status. */
export interface StatusCause {
  /** E.g. `FieldValueInvalid`. */
  readonly reason: string;
  readonly message: string;
  /** Path in the object, e.g. `spec.replicas`. */
  readonly field?: string;
}

/** `details` of a metav1 Status, without its causes. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly retryAfterSeconds?: number;
}

/** A refusal as the API words it: becomes the body `metav1.Status` of the answer. */
export class ApiStatus extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails;
  readonly causes: readonly StatusCause[];

  constructor(failure: {
    code: number;
    reason: string;
    message: string;
    details?: StatusDetails;
    causes?: readonly StatusCause[];
  }) {
    super(failure.message);
    this.name = "ApiStatus";
    this.code = failure.code;
    this.reason = failure.reason;
    this.details = failure.details ?? {};
    this.causes = failure.causes ?? [];
  }
}
