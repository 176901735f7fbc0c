import type { ApiStatus } from "./api-status.ts";
import { badRequest } from "./failures.ts";

export interface Requirement {
  readonly key: string;
  readonly operator: "in" | "notin" | "exists" | "absent" | "gt" | "lt";
  readonly values: readonly string[];
}

interface Token {
  readonly type: "identifier" | "symbol" | "end";
  readonly text: string;
}

/** Those of two letters; each special letter is one alone. */
const DOUBLE = new Set(["==", "!="]);
const SPECIAL = /[=!(),><]/;
const WORD = /[^\s=!(),><]/;
const END: Token = { type: "end", text: "" };

/** Splits as the lexer of k8s.io/apimachinery/pkg/labels does. */
function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const letter = text.charAt(at);
    if (/\s/.test(letter)) at += 1;
    else if (SPECIAL.test(letter)) {
      const two = text.slice(at, at + 2);
      const symbol = DOUBLE.has(two) ? two : letter;
      tokens.push({ type: "symbol", text: symbol });
      at += symbol.length;
    } else {
      const start = at;
      while (at < text.length && WORD.test(text.charAt(at))) at += 1;
      tokens.push({ type: "identifier", text: text.slice(start, at) });
    }
  }
  return tokens;
}

const OPERATORS: Readonly<Record<string, Requirement["operator"]>> = {
  in: "in",
  notin: "notin",
  "=": "in",
  "==": "in",
  "!=": "notin",
  ">": "gt",
  "<": "lt",
};

/**
 * `app=web,tier in (a,b),!old`, term by term.
 *
 * @throws ApiStatus: BadRequest in the words of a real server.
 */
export function parseLabelSelector(text: string): Requirement[] {
  return new Parser(tokensOf(text)).parse();
}

/** The grammar of labels.Parse, with its messages. */
class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    while (this.#peek().type !== "end") {
      const first = this.#peek();
      if (first.type !== "identifier" && first.text !== "!") {
        throw badRequest(`found '${first.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#requirement());
      const after = this.#take();
      if (after.type === "end") break;
      if (after.text !== ",") {
        throw badRequest(`found '${after.text}', expected: ',' or 'end of string'`);
      }
      const second = this.#peek();
      if (second.type !== "identifier" && second.text !== "!") {
        throw badRequest(`found '${second.text}', expected: identifier after ','`);
      }
    }
    return requirements;
  }

  #requirement(): Requirement {
    const absent = this.#peek().text === "!";
    if (absent) this.#take();
    const { type, text: key } = this.#take();
    if (type !== "identifier") throw unreadable(`found '${key}', expected: identifier`);
    if (this.#endsTerm()) return { key, operator: absent ? "absent" : "exists", values: [] };
    const word = this.#take().text;
    const operator = OPERATORS[word];
    if (operator === undefined) {
      throw unreadable(`found '${word}', expected: in, notin, =, ==, !=, gt, lt`);
    }
    if (word === "in" || word === "notin") return { key, operator, values: this.#values() };
    return { key, operator, values: [this.#exactValue(operator)] };
  }

  #exactValue(operator: Requirement["operator"]): string {
    const compares = operator === "gt" || operator === "lt";
    let value = "";
    if (!this.#endsTerm()) {
      const { type, text } = this.#take();
      if (type !== "identifier") throw unreadable(`found '${text}', expected: identifier`);
      value = text;
    }
    if (!compares || /^[+-]?\d+$/.test(value)) return value;
    const why = "for 'Gt', 'Lt' operators, the value must be an integer";
    throw unreadable(`values[0]: Invalid value: ${JSON.stringify(value)}: ${why}`);
  }

  #values(): string[] {
    const open = this.#take();
    if (open.text !== "(") throw unreadable(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.type !== "identifier" && first.text !== "," && first.text !== ")") {
      throw unreadable(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values: string[] = [];
    for (let token = this.#take(); token.text !== ")"; token = this.#take()) {
      if (token.type === "identifier") {
        values.push(token.text);
        const after = this.#peek();
        if (after.text === "," || after.text === ")") continue;
        throw unreadable(`found '${after.text}', expected: ',' or ')'`);
      }
      if (token.text !== ",") {
        throw unreadable(`found '${token.text}', expected: ',', or identifier`);
      }
      // An empty word is a value too: (,a) and (a,) and (a,,b).
      const after = this.#peek();
      if (values.length === 0 || after.text === "," || after.text === ")") values.push("");
    }
    if (values.length > 0) return values;
    const why = "for 'in', 'notin' operators, values set can't be empty";
    throw unreadable(`values: Invalid value: []: ${why}`);
  }

  #endsTerm(): boolean {
    const { type, text } = this.#peek();
    return type === "end" || text === ",";
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? END;
  }

  #take(): Token {
    const token = this.#peek();
    this.#next += 1;
    return token;
  }
}

function unreadable(why: string): ApiStatus {
  return badRequest(`unable to parse requirement: ${why}`);
}
