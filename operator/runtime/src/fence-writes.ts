import type { KubeClient } from "./kube-client.ts";

/** A write was held back: this process may not be the leader any more (rule S10). */
export class NotLeaderError extends Error {
  override readonly name = "NotLeaderError";
}

/** A client that reads always and writes only while `mayWrite` says so, asked at every write. */
export function fenceWrites(client: KubeClient, mayWrite: () => boolean): KubeClient {
  const check = (verb: string) => {
    if (!mayWrite()) throw new NotLeaderError(`${verb}: the lease was not renewed in time`);
  };
  return {
    get: (type, key) => client.get(type, key),
    list: (type, options) => client.list(type, options),
    async create(type, object) {
      check("create");
      return await client.create(type, object);
    },
    async apply(type, object, options) {
      check("apply");
      return await client.apply(type, object, options);
    },
    async applyStatus(type, object) {
      check("applyStatus");
      return await client.applyStatus(type, object);
    },
    async mergePatch(type, key, patch) {
      check("mergePatch");
      return await client.mergePatch(type, key, patch);
    },
    async replace(type, object) {
      check("replace");
      return await client.replace(type, object);
    },
    async delete(type, key, options) {
      check("delete");
      await client.delete(type, key, options);
    },
    async evict(pod, options) {
      check("evict");
      await client.evict(pod, options);
    },
  };
}
