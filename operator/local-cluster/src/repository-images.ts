import { fileURLToPath } from "node:url";
import type { ImageProgram } from "./kubelet/image-table.ts";

/** The images of this repository as programs of its own tree. */
export function repositoryImages(): readonly ImageProgram[] {
  const program = (path: string) => [
    process.execPath,
    fileURLToPath(new URL(`../../../${path}`, import.meta.url)),
  ];
  return [
    { image: "quorate/node:*", entrypoint: program("node/src/main.ts") },
    { image: "quorate/operator:*", entrypoint: program("operator/src/main.ts") },
  ];
}
