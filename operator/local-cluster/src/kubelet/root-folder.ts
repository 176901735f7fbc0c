import { existsSync, lstatSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import type { Container } from "../controllers/api-types.ts";
import { ContainerConfigError } from "./environment.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

export interface RootFolder {
  /** Where the process starts. */
  readonly cwd: string;
  /** For mounts that a process finds by its environment, e.g. TMPDIR. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Lays out what a container sees of its mounts: symlinks below `root`. A process has no file system
 * of its own, so a mount is found only by a path relative to the working directory.
 *
 * @throws ContainerConfigError for a mount elsewhere, with the fix.
 */
export function layOutRoot(
  root: string,
  container: Container,
  options: {
    readonly workingDir: string;
    /** Folder of each volume, by its name in the pod. */
    readonly volumes: ReadonlyMap<string, string>;
  },
): RootFolder {
  const workingDir = posix.normalize(`/${options.workingDir}`);
  const cwd = join(root, workingDir);
  mkdirSync(cwd, { recursive: true });
  const env: Record<string, string> = {};
  for (const mount of container.volumeMounts ?? []) {
    const path = posix.normalize(`/${mount.mountPath}`).replace(/(.)\/$/, "$1");
    const volume = options.volumes.get(mount.name);
    if (volume === undefined) {
      throw new ContainerConfigError(`volumeMount ${mount.name}: no such volume in the pod`);
    }
    const target = subFolder(volume, mount.subPath, container.name);
    if (path === "/tmp") env["TMPDIR"] = target;
    else if (path !== SERVICE_ACCOUNT) {
      checkInside(path, workingDir, mount.name);
      link(target, join(root, path));
    }
  }
  return { cwd, env };
}

/** A part of the volume, made where it is missing; never what lies beside the volume. */
function subFolder(volume: string, subPath: string | undefined, container: string): string {
  if (subPath === undefined || subPath === "") return volume;
  if (posix.isAbsolute(subPath) || subPath.split("/").includes("..")) {
    throw new ContainerConfigError(`subPath ${subPath} must be relative and without ".."`);
  }
  const target = join(volume, subPath);
  try {
    if (!existsSync(target)) mkdirSync(target, { recursive: true });
  } catch (cause) {
    throw new ContainerConfigError(
      `failed to create subPath directory ${subPath} of container "${container}": ${cause}`,
      { cause },
    );
  }
  return target;
}

function checkInside(path: string, workingDir: string, name: string): void {
  const inside = workingDir === "/" ? path !== "/" : path.startsWith(`${workingDir}/`);
  if (inside) return;
  throw new ContainerConfigError(
    `volumeMount ${name} at ${path} lies outside workingDir ${workingDir}: here a container is a ` +
      "process and sees a mount only by a path relative to its working directory; mount it " +
      `below ${workingDir} and name it by a relative path`,
  );
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    rmSync(path, { recursive: true, force: true });
  }
  symlinkSync(target, path);
}
