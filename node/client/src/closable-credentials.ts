import type { Socket } from "node:net";
import { ChannelCredentials, type experimental } from "@grpc/grpc-js";

/** A server that accepts the connection and then says nothing, as a stopped process does. */
const HANDSHAKE_MS_MAX = 5_000;

/**
 * Credentials that know their sockets. grpc-js bounds no handshake and does not end one when its
 * channel is closed: a stopped server would keep this process alive for as long as it is stopped.
 */
export class ClosableCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;
  readonly #sockets = new Set<Socket>();
  #isClosed = false;

  constructor(inner: ChannelCredentials) {
    super();
    this.#inner = inner;
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    ...args: Parameters<ChannelCredentials["_createSecureConnector"]>
  ): experimental.SecureConnector {
    const inner = this.#inner._createSecureConnector(...args);
    return {
      connect: (socket) => this.#connect(inner, socket),
      waitForReady: () => inner.waitForReady(),
      getCallCredentials: () => inner.getCallCredentials(),
      destroy: () => inner.destroy(),
    };
  }

  /** Ends every connection and handshake at once. */
  closeSockets(): void {
    this.#isClosed = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  async #connect(
    inner: experimental.SecureConnector,
    socket: Socket,
  ): Promise<experimental.SecureConnectResult> {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    if (this.#isClosed) socket.destroy();
    const tooSlow = setTimeout(() => {
      socket.destroy(new Error(`no TLS handshake within ${HANDSHAKE_MS_MAX} ms`));
    }, HANDSHAKE_MS_MAX);
    tooSlow.unref();
    try {
      return await inner.connect(socket);
    } finally {
      clearTimeout(tooSlow);
    }
  }
}
