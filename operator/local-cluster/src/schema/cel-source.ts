/** String literals of CEL, which a rewrite must leave alone. */
const LITERAL = /(?:[rR]|[bB])?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/g;

/** `x.matches(p)` becomes `x.re2Matches(p)`: see cel-library.ts. */
export function renameMatches(source: string): string {
  return outsideLiterals(source, (code) =>
    code.replace(/\.(\s*)matches(\s*)\(/g, ".$1re2Matches$2("),
  );
}

export function usesOldSelf(source: string): boolean {
  let found = false;
  outsideLiterals(source, (code) => {
    if (/(?<![\w.])oldSelf\b/.test(code)) found = true;
    return code;
  });
  return found;
}

function outsideLiterals(source: string, rewrite: (code: string) => string): string {
  let result = "";
  let from = 0;
  for (const literal of source.matchAll(LITERAL)) {
    result += rewrite(source.slice(from, literal.index)) + literal[0];
    from = literal.index + literal[0].length;
  }
  return result + rewrite(source.slice(from));
}

const RESERVED = new Set(
  (
    "true false null in as break const continue else for function if import let loop package " +
    "namespace return var void while"
  ).split(" "),
);

/** A field's name in CEL, e.g. `__namespace__`, `x__dash__y`; undefined where it has none. */
export function escapeField(name: string): string | undefined {
  if (RESERVED.has(name)) return `__${name}__`;
  const escaped = name
    .replaceAll("__", "__underscores__")
    .replaceAll(".", "__dot__")
    .replaceAll("-", "__dash__")
    .replaceAll("/", "__slash__");
  return /^[A-Za-z_]\w*$/.test(escaped) ? escaped : undefined;
}
