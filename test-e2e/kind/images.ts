import { existsSync, globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { command } from "./command.ts";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
/** Where Debian keeps certificates that this machine trusts beside the public ones. */
const OWN_CERTIFICATES = "/usr/local/share/ca-certificates";

export const IMAGES = [
  { name: "quorate/node:dev", file: "node/Dockerfile" },
  { name: "quorate/operator:dev", file: "operator/Dockerfile" },
] as const;

/** Builds both images of this work tree; unchanged layers are taken from the builder's cache. */
export async function buildImages(): Promise<void> {
  const ca = existsSync(OWN_CERTIFICATES)
    ? globSync(`${OWN_CERTIFICATES}/*.crt`).map((file) => readFileSync(file, "utf8"))
    : [];
  const trusted = ca.length === 0 ? [] : ["--build-arg", `EXTRA_CA=${ca.join("\n")}`];
  for (const { name, file } of IMAGES) {
    await command("docker", ["build", "--quiet", ...trusted, "-f", file, "-t", name, REPOSITORY]);
  }
}

/** Brings the images to every machine of a kind cluster that has not got them. */
export async function loadImages(cluster: string): Promise<void> {
  const names = IMAGES.map(({ name }) => name);
  await command("kind", ["load", "docker-image", ...names, "--name", cluster]);
}
