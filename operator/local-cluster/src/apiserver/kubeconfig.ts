import { renameSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";

/** Writes a kubeconfig that only its owner can read: it holds the token. */
export function writeKubeconfig(
  path: string,
  access: {
    readonly url: string;
    readonly caCertificate: string;
    readonly token: string;
    readonly namespace?: string;
  },
): void {
  const name = "quorate-local";
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name,
        cluster: {
          server: access.url,
          "certificate-authority-data": Buffer.from(access.caCertificate).toString("base64"),
        },
      },
    ],
    users: [{ name, user: { token: access.token } }],
    contexts: [
      { name, context: { cluster: name, user: name, namespace: access.namespace ?? "default" } },
    ],
    "current-context": name,
  };
  writeFileSync(`${path}.new`, stringify(config), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
