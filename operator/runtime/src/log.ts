type Write = (fields: object, message: string) => void;

/** What the runtime says; a pino logger is one. */
export interface Log {
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}
