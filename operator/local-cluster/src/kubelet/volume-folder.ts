import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

export interface VolumeFile {
  readonly bytes: Uint8Array;
  readonly mode: number;
}

const DATA = "..data";

/**
 * Makes `folder` hold exactly these files, as a kubelet does: a fresh `..<time>` folder is filled,
 * then the symlink `..data` is swapped in one rename, and each file is a symlink through it. A
 * reader sees the old files or the new, never a mixture. Returns false where nothing changed.
 */
export function writeVolume(folder: string, files: ReadonlyMap<string, VolumeFile>): boolean {
  mkdirSync(folder, { recursive: true });
  const old = currentFolder(folder);
  if (old !== undefined && sameFiles(join(folder, old), files)) return false;
  const fresh = mkdtempSync(join(folder, `..${new Date().toISOString().replace(/[-:TZ]/g, "")}.`));
  // mkdtemp gives 0700 and the mode of a file is masked: a mount promises the modes it was given.
  chmodSync(fresh, 0o755);
  for (const [path, { bytes, mode }] of files) {
    const file = join(fresh, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes, { mode });
    chmodSync(file, mode);
  }
  const next = join(folder, "..data_tmp");
  rmSync(next, { force: true });
  symlinkSync(fresh.slice(folder.length + 1), next);
  renameSync(next, join(folder, DATA));
  linkTopLevel(folder, files);
  if (old !== undefined) rmSync(join(folder, old), { recursive: true, force: true });
  return true;
}

function currentFolder(folder: string): string | undefined {
  const link = join(folder, DATA);
  return existsSync(link) ? readlinkSync(link) : undefined;
}

function linkTopLevel(folder: string, files: ReadonlyMap<string, VolumeFile>): void {
  const wanted = new Set([...files.keys()].map((path) => path.split("/")[0] ?? path));
  for (const name of readdirSync(folder)) {
    if (!name.startsWith("..") && !wanted.has(name)) {
      rmSync(join(folder, name), { recursive: true });
    }
  }
  for (const name of wanted) {
    if (!existsSync(join(folder, name))) {
      rmSync(join(folder, name), { force: true });
      symlinkSync(join(DATA, name), join(folder, name));
    }
  }
}

function sameFiles(folder: string, files: ReadonlyMap<string, VolumeFile>): boolean {
  const present = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return (
    present.length === files.size &&
    present.every((path) => {
      const file = files.get(path);
      return file !== undefined && readFileSync(join(folder, path)).equals(file.bytes);
    })
  );
}
