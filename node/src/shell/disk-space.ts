import { statfs } from "node:fs/promises";
import type { NodeMetrics } from "./metrics.ts";

/** Tells how full the folder's volume is; a volume that cannot be asked keeps its last figures. */
export async function tellDiskSpace(folder: string, metrics: NodeMetrics): Promise<void> {
  let space: Awaited<ReturnType<typeof statfs>>;
  try {
    space = await statfs(folder);
  } catch {
    return;
  }
  const { bsize, bavail, blocks } = space;
  // What only the superuser may fill is no room for a node.
  metrics.diskFree.set(bsize * bavail);
  metrics.diskSize.set(bsize * blocks);
}
