import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PublicKey, Signature } from "../kernel/scalars.ts";
import { diskFileSystem } from "./disk/file-system.ts";
import { FatalError } from "./fatal-error.ts";

/** An Ed25519 key of this node; the private part never leaves this object. */
export interface KeyPair {
  readonly publicKey: PublicKey;
  readonly sign: (message: Uint8Array) => Signature;
  /** For TLS only: PKCS8 in DER. */
  readonly pkcs8: () => Buffer;
}

/** What this start found: keys made just now have signed nothing anywhere. */
export interface NodeKeys {
  readonly consensus: KeyPair;
  readonly network: KeyPair;
  readonly isNew: boolean;
}

const SPKI_PREFIX_LENGTH = 12;

export function keyPair(secret: KeyObject): KeyPair {
  const der = createPublicKey(secret).export({ format: "der", type: "spki" });
  return {
    publicKey: der.subarray(SPKI_PREFIX_LENGTH).toString("hex"),
    sign: (message) => new Uint8Array(sign(null, message, secret)),
    pkcs8: () => secret.export({ format: "der", type: "pkcs8" }),
  };
}

function malformed(path: string, cause: unknown): FatalError {
  const problem = `${path} is no private key`;
  return new FatalError("KEY_MALFORMED", problem, "put the key file back", { cause });
}

function parseKey(path: string, pem: Buffer): KeyPair {
  let secret: KeyObject;
  try {
    secret = createPrivateKey(pem);
  } catch (cause) {
    throw malformed(path, cause);
  }
  if (secret.asymmetricKeyType !== "ed25519") {
    throw new FatalError(
      "KEY_WRONG_TYPE",
      `${path} holds a key of type ${secret.asymmetricKeyType}, not ed25519`,
      "put the node's Ed25519 key back",
    );
  }
  return keyPair(secret);
}

async function openIfPresent(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Kubernetes' fsGroup: at a mount the kubelet may add the group's rights to every file (0660), for
 * a group that is this pod's own. That, and nothing else, is taken back.
 */
async function isOpenedByMount(path: string, handle: FileHandle): Promise<boolean> {
  const [file, folder] = await Promise.all([handle.stat(), stat(dirname(path))]);
  const inherits = (folder.mode & 0o2000) !== 0 && folder.gid === file.gid;
  return inherits && file.uid === process.getuid?.() && (file.mode & 0o777) === 0o660;
}

/** Mode and content are read through one handle, so that they belong to the same file. */
async function readKey(path: string): Promise<KeyPair | undefined> {
  const handle = await openIfPresent(path);
  if (handle === undefined) return undefined;
  try {
    if (await isOpenedByMount(path, handle)) await handle.chmod(0o600);
    const { mode } = await handle.stat();
    if ((mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, "0");
      throw new FatalError(
        "KEY_MODE",
        `${path} has mode ${octal}: others than its owner can read or change it`,
        `chmod 0600 ${path}`,
      );
    }
    return parseKey(path, await handle.readFile());
  } finally {
    await handle.close();
  }
}

async function makeKey(folder: string, name: string): Promise<KeyPair> {
  const path = join(folder, name);
  const { privateKey } = generateKeyPairSync("ed25519");
  const handle = await open(`${path}.new`, "w", 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(privateKey.export({ format: "pem", type: "pkcs8" }));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${path}.new`, path);
  await diskFileSystem.syncFolder(folder);
  return keyPair(privateKey);
}

/**
 * Loads both keys, or makes the missing ones at the first start, durably and for their owner only.
 * Throws FatalError KEY_MODE, KEY_MALFORMED or KEY_WRONG_TYPE.
 */
export async function loadKeys(folder: string): Promise<NodeKeys> {
  const consensus = await readKey(join(folder, "consensus.key.pem"));
  const network = await readKey(join(folder, "network.key.pem"));
  return {
    consensus: consensus ?? (await makeKey(folder, "consensus.key.pem")),
    network: network ?? (await makeKey(folder, "network.key.pem")),
    isNew: consensus === undefined,
  };
}
