import { MEMBERS_MAX } from "@quorate/node/kernel/validator-set";
import { z } from "zod";
import { about } from "./fields.ts";

const ENDPOINTS_MAX = 16;
const seatCount = z.int().min(0).max(MEMBERS_MAX).default(0);

/** host:port, an IPv6 address in brackets. */
const endpoint = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?):[0-9]{1,5}$/)
  .max(261);

/** How a set is part of a chain that others run as well (rule MANY). */
export const joins = z
  .object({
    endpoints: z
      .array(endpoint)
      .min(1)
      .max(ENDPOINTS_MAX)
      .meta({
        ...about(
          "Query listeners of members that others run, host:port. Asked beside the set's own " +
            "nodes and never believed: every answer is verified from the genesis on.",
        ),
        "x-kubernetes-list-type": "set",
      }),
    seats: seatCount.meta(
      about(
        "Seats that the set holds at least: all of them but disruptable stay in a drain, " +
          "whatever the operator counts. Raise it as seats are won.",
      ),
    ),
    disruptable: seatCount.meta(
      about(
        "Seats of this set that drains and upgrades may take at once. The operators of a chain " +
          "do not know of each other's: of all sets together at most f, as people agree.",
      ),
    ),
  })
  .meta(about("The living chain of genesisHash, which others run as well (rule MANY)."));

export const joinsNeedsHash = {
  rule: "!has(self.joins) || has(self.genesisHash)",
  message: "joins: name the living chain in genesisHash as well, or leave joins out",
} as const;

export const foundingNeedsTemplate = {
  rule: "has(self.genesisHash) || has(self.genesis.templateRef)",
  message: "genesis.templateRef: name the template of the chain that the set founds",
} as const;
