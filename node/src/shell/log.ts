import pino from "pino";
import type { Config } from "./config.ts";

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Four levels by who must act: error, a person now; warn, a person soon; info, nobody, but an
 * operator wants to read it later; debug, a developer. Messages are constant, data are fields, and
 * no field ever holds a private key or a client's bytes.
 */
export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

/** One JSON object a line on standard output; written at once, so that a crash loses none. */
export function createLog(level: Config["logLevel"]): Log {
  const destination = pino.destination({ dest: 1, sync: true });
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return {
    error: (message, fields) => logger.error(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    debug: (message, fields) => logger.debug(fields ?? {}, message),
  };
}
