import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { tellDiskSpace } from "./disk-space.ts";
import { createMetrics } from "./metrics.ts";

async function shown(folder: string): Promise<readonly number[]> {
  const metrics = createMetrics();
  metrics.diskFree.set(7);
  metrics.diskSize.set(9);
  await tellDiskSpace(folder, metrics);
  const [free, size] = await Promise.all([metrics.diskFree.get(), metrics.diskSize.get()]);
  return [free, size].map(({ values }) => values[0]?.value ?? Number.NaN);
}

test("the volume's free space is below its size, both in bytes", async () => {
  const [free = 0, size = 0] = await shown(tmpdir());
  expect(size).toBeGreaterThan(1_048_576);
  expect(free).toBeLessThanOrEqual(size);
});

test("a volume that cannot be asked keeps its last figures, and the scrape goes on", async () => {
  expect(await shown("/nowhere/at/all")).toEqual([7, 9]);
});
