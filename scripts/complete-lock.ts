// Completes package-lock.json after `npm install`: run `npm run lock`, then commit the lock.
//
// npm leaves an optional dependency out of the lock when the registry at hand does not serve it
// (binaries for other platforms), and `npm ci` then calls that very lock out of sync. Every such
// entry is added here with the `os` and `cpu` that its name says: a mismatch means that npm never
// fetches it, so an entry needs neither address nor checksum. Running it twice changes nothing.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

interface LockEntry {
  version?: string;
  link?: boolean;
  optional?: boolean;
  dev?: boolean;
  os?: readonly string[];
  cpu?: readonly string[];
  libc?: readonly string[];
  optionalDependencies?: Readonly<Record<string, string>>;
  [field: string]: unknown;
}

const operatingSystems = new Map([
  ["darwin", "darwin"],
  ["macos", "darwin"],
  ["linux", "linux"],
  ["win32", "win32"],
  ["windows", "win32"],
  ["win", "win32"],
  ["freebsd", "freebsd"],
  ["openbsd", "openbsd"],
  ["netbsd", "netbsd"],
  ["sunos", "sunos"],
  ["aix", "aix"],
  ["android", "android"],
  ["openharmony", "openharmony"],
]);
const processors = new Map([
  ["x64", "x64"],
  ["amd64", "x64"],
  ["x86_64", "x64"],
  ["arm64", "arm64"],
  ["aarch64", "arm64"],
  ["arm", "arm"],
  ["armv7", "arm"],
  ["armhf", "arm"],
  ["ia32", "ia32"],
  ["x86", "ia32"],
  ["ppc64", "ppc64"],
  ["ppc64le", "ppc64"],
  ["riscv64", "riscv64"],
  ["s390x", "s390x"],
  ["loong64", "loong64"],
  ["mips64el", "mips64el"],
  ["wasm32", "wasm32"],
]);

/** Where the dependency of the package at `from` is looked up: its own folder, then each above. */
function isLocked(packages: Readonly<Record<string, LockEntry>>, from: string, name: string) {
  let folder = from;
  for (;;) {
    const key = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[key] !== undefined) return true;
    if (folder === "") return false;
    const above = folder.lastIndexOf("/node_modules/");
    folder = above === -1 ? "" : folder.slice(0, above);
  }
}

function platformEntry(name: string, version: string, parent: LockEntry): LockEntry {
  const words = name.split(/[-/]/);
  const os = words.map((word) => operatingSystems.get(word)).find((word) => word !== undefined);
  const cpu = words.map((word) => processors.get(word)).find((word) => word !== undefined);
  if (os === undefined && cpu === undefined) {
    throw new Error(`${name}: no platform in the name; the lock needs a real entry for it`);
  }
  return {
    version,
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(parent.dev === true ? { dev: true } : {}),
    ...(words.some((word) => word.startsWith("musl")) ? { libc: ["musl"] } : {}),
    optional: true,
    ...(os === undefined ? {} : { os: [os] }),
  };
}

export function completeLock(packages: Record<string, LockEntry>): string[] {
  const added: string[] = [];
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(packages, path, name)) continue;
      const version = range.replace(/^[\^~>=\s]+/, "");
      packages[`node_modules/${name}`] = platformEntry(name, version, entry);
      added.push(name);
    }
  }
  return added;
}

if (import.meta.main) {
  const file = fileURLToPath(new URL("../package-lock.json", import.meta.url));
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const added = completeLock(lock.packages);
  const names = Object.keys(lock.packages).sort((a, b) => a.localeCompare(b, "en"));
  lock.packages = Object.fromEntries(names.map((name) => [name, lock.packages[name]]));
  const text = `${JSON.stringify(lock, null, 2)}\n`;
  if (/"resolved": "https?:/.test(text)) {
    throw new Error("package-lock.json names a registry host; see .npmrc and install again");
  }
  writeFileSync(file, text);
  process.stdout.write(`package-lock.json: ${added.length} entries added\n`);
}
