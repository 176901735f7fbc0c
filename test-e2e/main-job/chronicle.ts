import type { ChainEvent, ObservedBlock } from "../network/chain-observer.ts";
import { marginLine, type Story } from "./story.ts";
import type { DeficitReport, Summary } from "./summary.ts";

type MarginEvent = Extract<ChainEvent, { readonly kind: "margin" }>["event"];
export type Swap = Extract<ChainEvent, { readonly kind: "swap" }>["swap"];

export interface ChronicleOptions {
  readonly story: Story;
  /** Names of accounts and validators by key. */
  readonly nameOf: (key: string) => string;
  /** Date of the price that stands now. */
  readonly dateNow: () => string;
}

/** Writes down what the chain did, block by block: the margin story, the swaps, the load. */
export class Chronicle {
  readonly #options: ChronicleOptions;
  readonly #counts = new Map<MarginEvent["kind"], number>();
  readonly #stages = new Map<string, number>();
  readonly #outliers = new Map<string, number>();
  readonly deficits: DeficitReport[] = [];
  readonly swaps: Swap[] = [];
  transactions = 0;
  orders = 0;
  #month = "";

  constructor(options: ChronicleOptions) {
    this.#options = options;
  }

  outliersOf(key: string): number {
    return this.#outliers.get(key) ?? 0;
  }

  swapOf(leaver: string): Swap | undefined {
    return this.swaps.find((swap) => swap.leaver === leaver && swap.newcomer !== undefined);
  }

  margin(): Omit<Summary["margin"], "fundLeft" | "debtLeft"> {
    const count = (kind: MarginEvent["kind"]) => this.#counts.get(kind) ?? 0;
    return {
      calls: this.#stages.get("called") ?? 0,
      reduceOnly: this.#stages.get("reduce-only") ?? 0,
      liquidations: count("liquidation"),
      closeOuts: count("close-out"),
      fundings: count("funding"),
      fundingPayments: count("funding-payment"),
      withdrawals: count("withdrawal"),
      deficits: this.deficits,
    };
  }

  take(block: ObservedBlock): void {
    for (const receipt of block.receipts) {
      this.transactions += 1;
      this.orders += receipt.outcomes.length;
    }
    for (const event of block.events) this.#event(block.height, event);
  }

  #event(height: number, event: ChainEvent): void {
    if (event.kind === "margin") this.#margin(height, event.event);
    if (event.kind === "swap") this.swaps.push(event.swap);
    const line = ledgerLine(event, this.#options.nameOf);
    if (line !== undefined) this.#options.story.tell(height, line);
  }

  #margin(height: number, event: MarginEvent): void {
    this.#counts.set(event.kind, (this.#counts.get(event.kind) ?? 0) + 1);
    if (event.kind === "stage") this.#stages.set(event.to, (this.#stages.get(event.to) ?? 0) + 1);
    if (event.kind === "oracle-outlier") {
      this.#outliers.set(event.author, this.outliersOf(event.author) + 1);
    }
    if (event.kind === "deficit") {
      this.deficits.push({
        account: this.#options.nameOf(event.account),
        date: this.#options.dateNow(),
        height,
        deficit: String(event.deficit),
        paidByFund: String(event.paidByFund),
        paidByCut: String(event.paidByCut),
      });
    }
    this.#tellDate(height, event);
    const line = marginLine(event, this.#options.nameOf);
    if (line !== undefined) this.#options.story.tell(height, `${this.#date()}  ${line}`);
  }

  /** One line where a new month of prices begins, so that the story has a calendar. */
  #tellDate(height: number, event: MarginEvent): void {
    if (event.kind !== "index-price") return;
    const date = this.#options.dateNow();
    const month = date.replace(/\/\d+\//, "/");
    if (month === this.#month) return;
    this.#month = month;
    this.#options.story.tell(height, `${this.#date()}  index price  ${Number(event.price) / 100}`);
  }

  #date(): string {
    return this.#options.dateNow().padStart(10);
  }
}

/** What an event of the ledger tells; margin events have lines of their own. */
function ledgerLine(event: ChainEvent, nameOf: (key: string) => string): string | undefined {
  switch (event.kind) {
    case "swap":
      return swapLine(event.swap, nameOf);
    case "slashed":
      return `slashed      ${nameOf(event.key)}: evidence ${event.evidence}`;
    case "jailed":
      return `jailed       ${nameOf(event.key)}: silent`;
    case "spare-registered":
      return `registered   ${nameOf(event.key)} as a spare`;
    case "protocol":
      return `protocol     version ${event.version} ${event.step}, height ${event.height}`;
    case "reward":
    case "margin":
      return undefined;
    default:
      return event satisfies never;
  }
}

function swapLine(swap: Swap, nameOf: (key: string) => string): string {
  const leaver = swap.leaver === undefined ? "nobody" : nameOf(swap.leaver);
  if (swap.cause === "shrink") return `shrunk       ${leaver} out, epoch ${swap.epoch}`;
  if (swap.cause === "unmute") return `unmuted      ${leaver}: it votes again`;
  if (swap.newcomer === undefined) return `muted        ${leaver}: no fit spare`;
  const names = `${leaver} out, ${nameOf(swap.newcomer)} in`;
  return `swap         ${names}, cause ${swap.cause}, epoch ${swap.epoch}`;
}
