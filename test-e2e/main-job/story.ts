import { usd } from "./price-file.ts";
import { dollars, payersText } from "./summary.ts";
import type { Opened } from "./trader.ts";

type Margin = Extract<
  import("../network/chain-observer.ts").ChainEvent,
  { readonly kind: "margin" }
>["event"];

/** Says what happened, in one plain line each; silent with --json. */
export class Story {
  readonly #startMs = performance.now();
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** Time since the start, height, what. */
  tell(height: number | undefined, text: string): void {
    const elapsed = ((performance.now() - this.#startMs) / 1_000).toFixed(1).padStart(6);
    this.#write(
      `${elapsed} s  ${height === undefined ? "     " : String(height).padStart(5)}  ${text}`,
    );
  }
}

/** Rule STALE, in the words of the story; fresh prices are not worth a line. */
const OLD_PRICES: ReadonlyMap<string, string> = new Map([
  ["stale", "stale prices nobody is liquidated on them"],
  ["resuming", "new prices   come in; liquidation resumes after a grace"],
]);

export function openedLine({ name, side, lots, wanted, refusal }: Opened): string {
  const verb = side === "buy" ? "buys" : "sells";
  const rest = lots < wanted ? ` of ${wanted}${refusal === "" ? "" : ` (${refusal})`}` : "";
  return `position     ${name} ${verb} ${lots}${rest} lots`;
}

/** What a margin event tells to people; undefined where it is not worth a line. */
export function marginLine(event: Margin, nameOf: (key: string) => string): string | undefined {
  switch (event.kind) {
    case "stage":
      return stageLine(event, nameOf(event.account));
    case "close-out":
      return `closed out   ${nameOf(event.account)}: ${event.size} lots at ${usd(event.price)}`;
    case "deficit": {
      const { paidByFund, paidByCut } = event;
      const payers = payersText(paidByFund, paidByCut);
      return `deficit      ${nameOf(event.account)} ${dollars(event.deficit)}: ${payers}`;
    }
    case "withdrawal":
      return `withdrawal   ${nameOf(event.account)} ${dollars(event.amount)}`;
    case "funding":
      return fundingLine(event);
    case "index-price":
      return OLD_PRICES.get(event.state);
    default:
      return undefined;
  }
}

/** A book around the index moves no money: not worth a line. */
function fundingLine({ rate, samples }: Extract<Margin, { kind: "funding" }>): string | undefined {
  if (rate === 0n) return undefined;
  const payers = rate > 0n ? "longs pay shorts" : "shorts pay longs";
  const ppm = rate > 0n ? rate : -rate;
  return `funding      ${payers} ${ppm} ppm, by the median of ${samples} samples`;
}

function stageLine(event: Extract<Margin, { kind: "stage" }>, name: string): string | undefined {
  const numbers = `equity ${dollars(event.equity)}`;
  switch (event.to) {
    case "called":
      return `margin call  ${name}: ${numbers} under initial ${dollars(event.initialMargin)}`;
    case "reduce-only":
      return event.from === "called" ? `reduce-only  ${name}: the call was not met` : undefined;
    case "liquidating":
      return (
        `liquidation  ${name}: ${numbers} ` +
        `under maintenance ${dollars(event.maintenanceMargin)}`
      );
    default:
      return undefined;
  }
}
