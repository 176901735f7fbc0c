import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";

export const CHART = fileURLToPath(new URL("../../charts/quorate", import.meta.url));
export const NAMESPACE = "quorate-system";
/** Oldest Kubernetes that the chart takes. */
const KUBERNETES = "1.30.0";

export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels: Readonly<Record<string, string>>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: any field of any kind of Kubernetes.
  readonly [field: string]: any;
}

/** Helm is not on this machine. */
export class NoHelmError extends Error {
  override readonly name = "NoHelmError";
}

export interface Values {
  readonly [field: string]: unknown;
}

export interface RenderOptions {
  readonly values?: Values;
  readonly namespace?: string;
  /** Further APIs that the cluster serves. */
  readonly apis?: readonly string[];
  readonly args?: readonly string[];
}

/** What `helm template` prints; throws with helm's own words. */
export function renderText(options: RenderOptions = {}): string {
  const { values = {}, namespace = NAMESPACE, apis = [], args = [] } = options;
  const words = ["template", "quorate", CHART, "--namespace", namespace];
  const versions = [
    "--kube-version",
    KUBERNETES,
    ...apis.flatMap((api) => ["--api-versions", api]),
  ];
  return helm([...words, ...versions, "--values", "-", ...args], JSON.stringify(values));
}

/** The objects of a rendering. */
export function render(options: RenderOptions = {}): readonly Rendered[] {
  return objectsOf(renderText(options));
}

export function objectsOf(text: string): readonly Rendered[] {
  return parseAllDocuments(text)
    .map((document) => document.toJSON() as Rendered | null)
    .filter((object) => object !== null);
}

export function helm(args: readonly string[], input = ""): string {
  const { status, stdout, stderr, error } = spawnSync("helm", [...args], {
    input,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) {
    const fix = "install Helm 3.14 or later, or run ../shared/cluster/prepare where it is there";
    throw new NoHelmError(`helm: ${error.message}; ${fix}`, { cause: error });
  }
  if (status !== 0) throw new Error(`helm ${args[0]}: ${stderr.trim()}`);
  return stdout;
}
