/** Told of mistakes of this program in background work. */
export type OnError = (error: unknown) => void;

/** Work in answer to time or an event: what one object breaks must not end the work on others. */
export function attempt(onError: OnError, act: () => void): void {
  try {
    act();
  } catch (error) {
    onError(error);
  }
}
