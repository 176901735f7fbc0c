/** What an image stands for where pods are processes. */
export interface ImageProgram {
  /** Image names; `*` stands for any text, e.g. `quorate/node:*`. */
  readonly image: string;
  /** Entry point: program and first arguments. */
  readonly entrypoint: readonly string[];
  /** The image's own arguments, where the pod gives none. */
  readonly args?: readonly string[];
  /** The image's own working directory. */
  readonly workingDir?: string;
}

/** The programs that pods may name; an image without one cannot be pulled. */
export class ImageTable {
  readonly #programs: readonly { readonly pattern: RegExp; readonly program: ImageProgram }[];

  constructor(programs: readonly ImageProgram[]) {
    this.#programs = programs.map((program) => ({ pattern: patternOf(program.image), program }));
  }

  /** The first that matches, with or without the registry `docker.io/`. */
  find(image: string): ImageProgram | undefined {
    const name = image.replace(/^docker\.io\//, "");
    return this.#programs.find(({ pattern }) => pattern.test(name))?.program;
  }

  get names(): readonly string[] {
    return this.#programs.map(({ program }) => program.image);
  }
}

function patternOf(image: string): RegExp {
  const parts = image.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}
