import { z } from "zod";
import { about, hex32, money, objectName } from "./fields.ts";

export const owner = z
  .object({
    name: z
      .string()
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
      .max(63)
      .meta(about("For people; unique in the set.")),
    key: hex32.meta(about("Ed25519 key that is kept off the cluster, 64 hex characters.")),
    sponsorKey: hex32.meta(
      about("Ed25519 public key of the sponsor; its private key is in the Secret."),
    ),
    sponsorSecretRef: z
      .object({ name: objectName, key: z.string().min(1).max(253) })
      .meta(about("Secret in the set's namespace with the sponsor's private key, PKCS8 PEM.")),
    treasury: money.meta(about("Micro-USD at genesis, decimal.")),
  })
  .meta(about("Who holds seats and spares (rule SEAT)."));
