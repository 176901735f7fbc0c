import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CLAIMS, VOLUMES, type Volume } from "../controllers/api-types.ts";
import { writeVolume } from "./volume-folder.ts";
import {
  isProjected,
  MountError,
  projectedFiles,
  sourceNames,
  type VolumeInput,
} from "./volume-source.ts";

/** The volumes of one pod as folders. */
export class PodVolumes {
  readonly #folder: string;
  readonly #volumes: readonly Volume[];
  #claims: ReadonlyMap<string, string> = new Map();

  constructor(podFolder: string, volumes: readonly Volume[] = []) {
    this.#folder = join(podFolder, "volumes");
    this.#volumes = volumes;
  }

  /** Folder of each volume by its name. */
  get folders(): ReadonlyMap<string, string> {
    return new Map(this.#volumes.map((volume) => [volume.name, this.#folderOf(volume)]));
  }

  /** @throws MountError with the first volume that cannot be set up yet. */
  setUp(input: VolumeInput): void {
    this.#claims = new Map(
      this.#volumes.flatMap((volume) => {
        const claim = volume.persistentVolumeClaim?.claimName;
        return claim === undefined ? [] : [[volume.name, claimFolder(input, claim)] as const];
      }),
    );
    for (const volume of this.#volumes) this.#setUpOne(input, volume);
  }

  /** Writes what changed in the objects behind; returns what went wrong with the files. */
  refresh(input: VolumeInput, changed?: string): readonly string[] {
    const failures: string[] = [];
    for (const volume of this.#volumes.filter(isProjected)) {
      if (changed !== undefined && !sourceNames(volume).includes(changed)) continue;
      try {
        writeVolume(this.#folderOf(volume), projectedFiles(input, volume));
      } catch (error) {
        // What is mounted stays as it is when its object goes.
        if (error instanceof MountError) continue;
        failures.push(setUpFailure(volume, error).message);
      }
    }
    return failures;
  }

  uses(source: string): boolean {
    return this.#volumes.some((volume) => sourceNames(volume).includes(source));
  }

  #setUpOne(input: VolumeInput, volume: Volume): void {
    const folder = this.#folderOf(volume);
    try {
      if (isProjected(volume)) writeVolume(folder, projectedFiles(input, volume));
      else mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw setUpFailure(volume, error);
    }
  }

  #folderOf(volume: Volume): string {
    const claimed = this.#claims.get(volume.name);
    return claimed ?? join(this.#folder, volume.name);
  }
}

/** An error of the file system is one of the volume too: told as an event, and tried again. */
function setUpFailure({ name }: Volume, error: unknown): MountError {
  const known = error instanceof MountError || (error instanceof Error && "code" in error);
  if (!known) throw error;
  return new MountError(`MountVolume.SetUp failed for volume "${name}" : ${error.message}`, {
    cause: error,
  });
}

function claimFolder({ store, pod }: VolumeInput, name: string): string {
  const { namespace = "" } = pod.metadata;
  const claim = store.get(CLAIMS, { namespace, name });
  if (claim === undefined) throw new MountError(`persistentvolumeclaim "${name}" not found`);
  const volumeName = claim.spec?.volumeName;
  const bound = claim.status?.phase === "Bound" && volumeName !== undefined;
  const volume = bound ? store.get(VOLUMES, { namespace: "", name: volumeName }) : undefined;
  const path = volume?.spec?.local?.path ?? volume?.spec?.hostPath?.path;
  if (path === undefined) throw new MountError(`persistentvolumeclaim "${name}" is not bound`);
  return path;
}
