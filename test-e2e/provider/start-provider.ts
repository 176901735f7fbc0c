import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLocalCluster } from "./local.ts";
import type { ClusterProvider } from "./provider.ts";

export interface ProviderOptions {
  readonly machines: number;
  /** Local cluster only. */
  readonly images?: Readonly<Record<string, string>>;
}

/** The provider that `npm run test:e2e -- --provider NAME` names; the local cluster by default. */
export async function startProvider(
  options: ProviderOptions,
): Promise<{ readonly provider: ClusterProvider; readonly folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-e2e-"));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const name = process.env["QUORATE_E2E_PROVIDER"] ?? "local";
  if (name === "local") {
    const provider = await startLocalCluster({ folder: join(folder, "cluster"), ...options });
    return { provider, folder };
  }
  if (name === "kind") {
    const { startKindProvider } = await import("../kind/provider.ts");
    return { provider: await startKindProvider(folder), folder };
  }
  const { useExistingCluster } = await import("../kind/existing.ts");
  return { provider: await useExistingCluster(), folder };
}
