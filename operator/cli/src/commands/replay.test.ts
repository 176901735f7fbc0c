import { describe, expect, test } from "vitest";
import { loggedDecisions } from "../../test/logged-decisions.ts";
import { replayLog } from "./replay.ts";

const text = loggedDecisions();
const run = (given: string, only?: string) => replayLog({ name: "op.log", text: given }, only);

describe("quorate replay", () => {
  test("every decision is decided again, other lines are passed over", () => {
    const other = '{"level":30,"msg":"operator started"}\n';
    const { document, lines } = run(`${other}${text}plain text\n`);
    expect(document).toMatchObject({ reproduced: 2, different: 0, otherLines: 2, isTorn: false });
    expect(document.decisions[0]).toMatchObject({ set: "val", plan: null, differs: null });
    expect(document.decisions[1]).toMatchObject({
      line: 3,
      plan: { cause: "Silence", effect: "Swap" },
    });
    expect(lines.at(-1)).toBe("2 decided the same here, 0 otherwise");
    expect(lines.join("\n")).toContain("Swap 00000000 (Silence)");
  });

  test("what stands in front of a line does no harm", () => {
    const stamped = text.replaceAll(/^/gm, "[pod/quorate-operator-x] 2026-11-23T10:00:00Z ");
    expect(run(stamped).document.reproduced).toBe(2);
  });

  test("a decision that comes out otherwise is told with its field", () => {
    const forged = text.replace('"cause":"Silence"', '"cause":"Misconduct"');
    const { document, lines } = run(forged);
    expect(document).toMatchObject({ reproduced: 1, different: 1 });
    expect(document.decisions[1]?.differs).toMatch(/^decision\.plan/);
    expect(lines.join("\n")).toContain("differs: decision.plan");
  });

  test("a last line that is cut off is left out and told; any other is refused by its number", () => {
    const torn = run(text.slice(0, -100));
    expect(torn.document).toMatchObject({ reproduced: 1, isTorn: true });
    expect(torn.lines).toContain("the last line is cut off: left out");
    const [first = "", second = ""] = text.split("\n");
    expect(() => run(`${first.slice(0, -50)}\n${second}\n`)).toThrow("op.log line 1");
    const strange = first.replace('"atMs":', '"atms":');
    expect(() => run(`${second}\n${strange}\n`)).toThrow(/op.log line 2.*decision.atMs/);
    const spoilt = second.replace('"observation":"H4', '"observation":"x4');
    expect(() => run(`${spoilt}\n`)).toThrow(/op.log line 1.*cannot be decided on/);
  });

  test("another format wants the version that wrote it; a log without decisions is refused", () => {
    expect(() => run(text.replaceAll('"format":1', '"format":2'))).toThrow(/format 2.*reads 1/);
    expect(() => run("hello\n")).toThrow("NO_DECISIONS");
    expect(() => run(text, "other/set")).toThrow(/no decision of other\/set/);
    const [first] = run(text).document.decisions;
    expect(run(text, `${first?.namespace}/val`).document.reproduced).toBe(2);
  });
});
