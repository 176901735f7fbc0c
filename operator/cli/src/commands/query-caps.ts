import type { QuorateClient } from "@quorate/client/client";
import { maximum } from "@quorate/node/kernel/fixed-point";
import type { Height, MicroUsd, Millis } from "@quorate/node/kernel/scalars";
import type { CommandOutput } from "../output.ts";
import { instant, usd } from "../quantities.ts";
import { facts } from "../table.ts";

export interface CapsDocument {
  readonly command: "query caps";
  readonly height: Height;
  readonly timestampMs: Millis;
  readonly outflowCapMicroUsd: MicroUsd;
  readonly outflowMicroUsd: MicroUsd;
  /** What the cap has left. */
  readonly remainderMicroUsd: MicroUsd;
  readonly epoch: number;
  readonly windowMs: Millis;
  /** Of each account in a window, cap or not. */
  readonly withdrawalMinimumMicroUsd: MicroUsd;
  readonly openInterestCapMicroUsd: MicroUsd;
}

/** Rule CAPS: before a refusal tells it. */
export async function queryCaps(
  client: Pick<QuorateClient, "caps" | "genesis">,
): Promise<CommandOutput & { readonly document: CapsDocument }> {
  const { height, timestampMs, outflowCap, outflow, epoch, openInterestCap } = await client.caps();
  const { outflowWindowMs: windowMs, withdrawalMinimum } = client.genesis.parameters.margin;
  const remainder = maximum(0n, outflowCap - outflow);
  const hours = windowMs / 3_600_000;
  return {
    document: {
      command: "query caps",
      height,
      timestampMs,
      outflowCapMicroUsd: outflowCap,
      outflowMicroUsd: outflow,
      remainderMicroUsd: remainder,
      epoch,
      windowMs,
      withdrawalMinimumMicroUsd: withdrawalMinimum,
      openInterestCapMicroUsd: openInterestCap,
    },
    lines: facts([
      ["at height", `${height}, ${instant(timestampMs)}`],
      ["outflow", `${usd(outflow)} of ${usd(outflowCap)} USD in ${hours} hours (epoch ${epoch})`],
      ["remainder", `${usd(remainder)} USD`],
      ["each account", `${usd(withdrawalMinimum)} USD in the window in any case`],
      ["open interest", `at most ${usd(openInterestCap)} USD at risk by a false price`],
    ]),
  };
}
