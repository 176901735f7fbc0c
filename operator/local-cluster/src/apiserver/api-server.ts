import type { Clock } from "@quorate/runtime/clock";
import { builtinKinds } from "../schema/kinds.ts";
import { ApiRouter } from "./api-router.ts";
import { BuiltinRules } from "./builtin-rules.ts";
import { Core } from "./core.ts";
import { CrdLifecycle } from "./crd-lifecycle.ts";
import { Deleter } from "./deleter.ts";
import { DisruptionBudgets } from "./disruption-budgets.ts";
import { GarbageCollector } from "./garbage-collector.ts";
import { createStoreClient } from "./in-process-client.ts";
import { Lister } from "./lister.ts";
import { NamespaceLifecycle } from "./namespace-lifecycle.ts";
import { ObjectStore } from "./object-store.ts";
import { Registry } from "./registry.ts";
import type { ApiAnswer, ApiCall } from "./request.ts";
import { ServiceAddressPool } from "./service-addresses.ts";
import type { LogProvider, StoreClient } from "./store-client.ts";
import { StoreFile } from "./store-file.ts";
import { Watcher } from "./watcher.ts";
import { Writer } from "./writer.ts";

export interface ApiServerOptions {
  readonly clock: Clock;
  /** Folder of the stored objects; absent: memory only. */
  readonly dataDir?: string;
  /** PEM; handed out in every namespace as `kube-root-ca.crt`. */
  readonly caCertificate: string;
  /** First three numbers of the addresses of services: `127.96.0`. */
  readonly serviceAddresses: string;
  /** Changes of one resource that watches can begin from. */
  readonly historySize?: number;
  readonly onTaskError?: (error: unknown) => void;
}

export interface ApiServer {
  /** Answers one request; never throws. */
  handle(call: ApiCall): ApiAnswer;
  /** The door for the kubelet and the controllers; its name goes into managedFields. */
  client(fieldManager: string): StoreClient;
  /** Where `pods/log` comes from; until it is set there are no logs. */
  setLogProvider(provider: LogProvider): void;
  /** Closes the file of the objects. */
  close(): void;
}

/** A Kubernetes API server without sockets: storage, admission, watches, garbage collection. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const file = options.dataDir === undefined ? undefined : new StoreFile(options.dataDir);
  const store = new ObjectStore({
    ...(file === undefined ? {} : { journal: file, state: file.state }),
    ...(options.historySize === undefined ? {} : { historySize: options.historySize }),
  });
  const core = new Core({
    store,
    registry: new Registry(builtinKinds()),
    clock: options.clock,
    onTaskError:
      options.onTaskError ??
      ((error) => {
        throw error;
      }),
  });
  const addresses = new ServiceAddressPool(core, options.serviceAddresses);
  const writer = new Writer(core, new BuiltinRules(addresses));
  const deleter = new Deleter(core);
  new CrdLifecycle(core, deleter).start();
  new GarbageCollector(core, deleter).start();
  new NamespaceLifecycle({
    core,
    writer,
    deleter,
    caCertificate: options.caCertificate,
  }).start();
  new DisruptionBudgets(core).start();
  const lister = new Lister(core);
  const router = new ApiRouter({ core, writer, deleter, lister, watcher: new Watcher(core) });
  return {
    handle: (call) => router.handle(call),
    client: (fieldManager) => createStoreClient({ core, writer, deleter }, fieldManager),
    setLogProvider: (provider) => router.setLogProvider(provider),
    close: () => file?.close(),
  };
}
