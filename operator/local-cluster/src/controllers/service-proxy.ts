import { connect, createServer, type Server, type Socket } from "node:net";
import type { StoreClient } from "../apiserver/store-client.ts";
import { hasClusterIp } from "./address-plan.ts";
import {
  ENDPOINT_SLICES,
  type EndpointSlice,
  keyOf,
  PODS,
  SERVICES,
  type Service,
} from "./api-types.ts";
import { attempt, type OnError } from "./attempt.ts";
import type { ClusterNetwork } from "./network.ts";

interface Backend {
  readonly host: string;
  readonly port: number;
}

interface Listener {
  readonly server: Server;
  readonly sockets: Set<Socket>;
}

/**
 * TCP at the cluster address of every service whose pods have addresses of their own. Where a pod
 * has the service's address, the pod listens there by itself.
 */
export class ServiceProxy {
  readonly #store: StoreClient;
  readonly #network: ClusterNetwork;
  readonly #onError: OnError;
  /** By `address:port`. */
  readonly #listeners = new Map<string, Listener>();
  #scheduled = false;
  #next = 0;

  constructor(parts: {
    readonly store: StoreClient;
    readonly network: ClusterNetwork;
    readonly onError: OnError;
  }) {
    this.#store = parts.store;
    this.#network = parts.network;
    this.#onError = parts.onError;
  }

  start(): () => Promise<void> {
    const changed = () => this.#schedule();
    this.#network.onTaken((address) => {
      for (const place of this.#listeners.keys()) {
        if (place.startsWith(`${address}:`)) void this.#close(place);
      }
    });
    const ends = [SERVICES, ENDPOINT_SLICES].map((type) => this.#store.watch(type, {}, changed));
    ends.push(
      this.#store.watch(PODS, {}, ({ type }) => {
        if (type !== "MODIFIED") changed();
      }),
    );
    return async () => {
      for (const end of ends) end();
      this.#scheduled = true;
      await Promise.all([...this.#listeners.keys()].map((place) => this.#close(place)));
    };
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      attempt(this.#onError, () => this.#sync());
    });
  }

  #sync(): void {
    const wanted = new Map<string, { readonly service: Service; readonly name: string }>();
    for (const service of this.#store.list(SERVICES)) {
      const address = service.spec?.clusterIP ?? "";
      if (!hasClusterIp(service) || this.#network.isPodAddress(address)) continue;
      for (const { port, name, protocol } of service.spec?.ports ?? []) {
        if ((protocol ?? "TCP") !== "TCP") continue;
        wanted.set(`${address}:${port}`, { service, name: name ?? "" });
      }
    }
    for (const place of this.#listeners.keys()) if (!wanted.has(place)) void this.#close(place);
    for (const [place, { service, name }] of wanted) {
      if (!this.#listeners.has(place)) this.#listen(place, service, name);
    }
  }

  #listen(place: string, service: Service, portName: string): void {
    const [host = "", port] = place.split(":");
    const sockets = new Set<Socket>();
    const key = keyOf(service);
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      pipe(socket, this.#backend(key, portName));
    });
    // A pod that is about to end may hold the address still: the next change tries again.
    server.on("error", () => this.#listeners.delete(place));
    server.listen({ host, port: Number(port) });
    this.#listeners.set(place, { server, sockets });
  }

  #backend(
    key: { readonly namespace: string; readonly name: string },
    portName: string,
  ): Backend | undefined {
    const slices = this.#store.list(ENDPOINT_SLICES, {
      namespace: key.namespace,
      labelSelector: `kubernetes.io/service-name=${key.name}`,
    });
    const ready = slices.flatMap((slice) => backends(slice, portName));
    this.#next += 1;
    return ready[this.#next % ready.length];
  }

  #close(place: string): Promise<void> {
    const listener = this.#listeners.get(place);
    this.#listeners.delete(place);
    if (listener === undefined) return Promise.resolve();
    for (const socket of listener.sockets) socket.destroy();
    return new Promise((resolve) => listener.server.close(() => resolve()));
  }
}

function backends(slice: EndpointSlice, portName: string): readonly Backend[] {
  const port = slice.ports?.find(({ name }) => (name ?? "") === portName)?.port;
  if (port === undefined) return [];
  return (slice.endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready === true)
    .flatMap(({ addresses }) => addresses.map((host) => ({ host, port })));
}

/** No ready pod means a connection refused; here it is one that ends at once. */
function pipe(client: Socket, backend: Backend | undefined): void {
  if (backend === undefined) {
    client.resetAndDestroy();
    return;
  }
  const server = connect(backend);
  const end = () => {
    client.destroy();
    server.destroy();
  };
  client.on("error", end);
  server.on("error", end);
  client.on("close", () => server.destroy());
  server.on("close", () => client.destroy());
  client.setNoDelay(true);
  server.setNoDelay(true);
  client.pipe(server).pipe(client);
}
