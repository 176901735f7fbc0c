import { mkdirSync, rmSync } from "node:fs";
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

  /** Writes what changed in the objects behind; names the volumes that cannot be read now. */
  refresh(input: VolumeInput, changed?: string): void {
    for (const volume of this.#volumes.filter(isProjected)) {
      if (changed !== undefined && !sourceNames(volume).includes(changed)) continue;
      try {
        writeVolume(this.#folderOf(volume), projectedFiles(input, volume));
      } catch (error) {
        // What is mounted stays as it is when its object goes.
        if (!(error instanceof MountError)) throw error;
      }
    }
  }

  uses(source: string): boolean {
    return this.#volumes.some((volume) => sourceNames(volume).includes(source));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #setUpOne(input: VolumeInput, volume: Volume): void {
    const folder = this.#folderOf(volume);
    try {
      if (isProjected(volume)) writeVolume(folder, projectedFiles(input, volume));
      else mkdirSync(folder, { recursive: true });
    } catch (error) {
      if (!(error instanceof MountError)) throw error;
      throw new MountError(
        `MountVolume.SetUp failed for volume "${volume.name}" : ${error.message}`,
        { cause: error },
      );
    }
  }

  #folderOf(volume: Volume): string {
    const claimed = this.#claims.get(volume.name);
    return claimed ?? join(this.#folder, volume.name);
  }
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
