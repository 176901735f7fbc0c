import type { CallOptions, ClientOptions, ServiceError } from "@grpc/grpc-js";
import { serverName } from "../stranger/pins.ts";

/** One call of a generated client as a promise. */
export function unary<T>(
  call: (done: (error: ServiceError | null, answer: T) => void) => unknown,
): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}

/** Ends a call that takes longer. */
export function within(ms: number): CallOptions {
  return { deadline: Date.now() + ms };
}

/** A server is known by the name that belongs to its network key, whatever its address. */
export function pinnedName(networkKey: string): ClientOptions {
  return { "grpc.ssl_target_name_override": serverName(networkKey) };
}
