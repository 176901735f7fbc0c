import type { MethodDefinition } from "@grpc/grpc-js";

type Serialize<T> = (message: T) => Buffer;

/**
 * The bytes of a message that goes to several subscribers are made once, for as long as it lives.
 */
export function serializeOnce<T extends object>(serialize: Serialize<T>): Serialize<T> {
  const made = new WeakMap<T, Buffer>();
  return (message) => {
    const before = made.get(message);
    if (before !== undefined) return before;
    const bytes = serialize(message);
    made.set(message, bytes);
    return bytes;
  };
}

/** The method with responses that are never changed once they are sent. */
export function withSharedResponses<Q, R extends object, M extends MethodDefinition<Q, R>>(
  method: M & MethodDefinition<Q, R>,
): M {
  return { ...method, responseSerialize: serializeOnce(method.responseSerialize) };
}
