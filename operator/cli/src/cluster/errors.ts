import { QuorateError } from "@quorate/client/errors";

/** What is asked for does not go with what the cluster has; nothing was changed. */
export class ClusterRefusal extends QuorateError {
  override readonly name = "ClusterRefusal";
}

/** Something that was waited for did not come in time. */
export class NotInTimeError extends QuorateError {
  override readonly name = "NotInTimeError";
}
