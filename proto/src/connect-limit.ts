import { type Client, connectivityState } from "@grpc/grpc-js";

const FIRST_MS = 1_000;
const MAX_MS = 8_000;

/**
 * How long connecting may take. grpc-js has no limit of its own: a SYN to an address whose pod has
 * just gone is repeated by the kernel for two minutes, and behind a Service each repetition goes to
 * the same dead pod, though a new one answers there. A new client has a new socket, which the
 * Service sends to the pod that is there now. The limit doubles while nothing connects, so that
 * machines too busy to shake hands within a second are not made busier.
 */
export class ConnectLimit {
  #ms = FIRST_MS;

  /**
   * Calls `expired` once where the client has been connecting for the limit in one go; the caller
   * closes it and makes another. A client that is closed is not watched any more.
   */
  watch(client: Client, expired: () => void): void {
    const channel = client.getChannel();
    let timer: NodeJS.Timeout | undefined;
    const look = (): void => {
      const state = channel.getConnectivityState(false);
      const connecting =
        state === connectivityState.CONNECTING || state === connectivityState.TRANSIENT_FAILURE;
      if (state === connectivityState.READY) this.#ms = FIRST_MS;
      if (!connecting) {
        clearTimeout(timer);
        timer = undefined;
      }
      if (state === connectivityState.SHUTDOWN) return;
      if (connecting) timer ??= setTimeout(expire, this.#ms).unref();
      channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
    };
    const expire = (): void => {
      this.#ms = Math.min(2 * this.#ms, MAX_MS);
      expired();
    };
    look();
  }
}
