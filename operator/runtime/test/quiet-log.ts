import type { Log } from "../src/log.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: object;
}

/** Keeps what was said. */
export class QuietLog implements Log {
  readonly lines: LogLine[] = [];
  readonly debug = this.#at("debug");
  readonly info = this.#at("info");
  readonly warn = this.#at("warn");
  readonly error = this.#at("error");

  said(level: LogLine["level"]): readonly string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message);
  }

  #at(level: LogLine["level"]) {
    return (fields: object, message: string) => {
      this.lines.push({ level, message, fields });
    };
  }
}
