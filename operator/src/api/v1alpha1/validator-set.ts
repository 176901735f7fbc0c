import { z } from "zod";
import { about, hex32, hex64, immutable, listMap, objectName, quantity } from "./fields.ts";
import { foundingNeedsTemplate, joins, joinsNeedsHash } from "./joins.ts";
import { maintenance, maintenanceNames } from "./maintenance.ts";
import { owner } from "./owner.ts";
import { validatorSetStatus } from "./validator-set-status.ts";

/** CEL costs are estimated from the largest lists: a chain has at most 128 members. */
const OWNERS_MAX = 32;
const ENDORSEMENTS_MAX = 128;

const endorsement = z
  .object({
    key: hex32.meta(about("Consensus key of the spare.")),
    signature: hex64.meta(
      about("Over the owner's registration bytes of node/spec/encoding.md, 128 hex characters."),
    ),
  })
  .meta(about("One signature of an owner's key that endorses a spare (rule RATE)."));

const genesis = z
  .object({
    templateRef: z
      .exactOptional(z.object({ name: objectName }))
      .meta(
        about(
          "ConfigMap whose template.json has all of a genesis but time, owners, seats; a set that " +
            "joins a living chain needs none.",
        ),
      ),
    seatPower: z
      .string()
      .regex(/^[1-9][0-9]{0,29}$/)
      .max(30)
      .meta(
        about("Power and bond of each seat, micro-USD, decimal. Equal powers: each below W/3."),
      ),
  })
  .meta(
    about(
      "How the chain is founded. Immutable.",
      immutable("genesis", "a chain is founded once; make a new ValidatorSet"),
    ),
  );

const prices = z
  .object({
    sourcesRef: z
      .exactOptional(z.object({ name: objectName }))
      .meta(
        about("ConfigMap mounted at prices/; its sources.json holds {default: [], <ordinal>: []}."),
      ),
  })
  .prefault({})
  .meta(about("Price sources: entries of `prices` of the node's configuration."));

const storage = z
  .object({
    size: quantity.default("10Gi").meta(about("Of each member's volume.")),
    storageClassName: z.exactOptional(objectName).meta(about("Absent: the cluster's default.")),
  })
  .prefault({})
  .meta(about("Volumes with keys and logs."));

const amounts = z
  .record(
    z.string(),
    z.union([z.int(), z.string().max(32)]).meta({ "x-kubernetes-int-or-string": true }),
  )
  .meta({ maxProperties: 16 });
const resources = z
  .object({ requests: z.exactOptional(amounts), limits: z.exactOptional(amounts) })
  .meta(about("Of a node's container. Default: requests of 250m CPU and 256Mi memory."));

const placement = z
  .object({
    topologyKey: z
      .string()
      .min(1)
      .max(316)
      .default("topology.kubernetes.io/zone")
      .meta(
        about(
          "Label of machines that names a failure domain: none may hold more than f (rule S8).",
          immutable("placement.topologyKey", "members are bound to its values at their birth"),
        ),
      ),
    nodeSelector: z
      .exactOptional(z.record(z.string(), z.string().max(63)).meta({ maxProperties: 32 }))
      .meta(about("Further labels that a member's machine has.")),
  })
  .prefault({})
  .meta(about("Where members run."));

const signalKind = z.enum(["Chain", "Peers", "Kubernetes"]);
const healing = z
  .object({
    signals: z
      .array(signalKind)
      .min(2)
      .max(3)
      .default(["Chain", "Peers", "Kubernetes"])
      .meta({
        ...about(
          "Kinds of signal that count; silence needs Chain and Peers, Kubernetes adds to it (S7).",
          {
            rule: "self.exists(kind, kind == 'Chain')",
            message: "healing.signals: add Chain: the chain's record is a part of every verdict",
          },
          {
            rule: "self.exists(kind, kind == 'Peers')",
            message: "healing.signals: add Peers: without observers of f+1 nobody is called silent",
          },
        ),
        "x-kubernetes-list-type": "set",
      }),
    intervalSeconds: z
      .int()
      .min(1)
      .max(300)
      .default(5)
      .meta(about("Seconds between two observations.")),
    cooldownSeconds: z
      .int()
      .min(0)
      .max(86_400)
      .default(120)
      .meta(about("Seconds between two rotations of the operator, beside the chain's own (S15).")),
    dailyBudget: z
      .int()
      .min(0)
      .max(100)
      .default(4)
      .meta(about("Rotations in 24 h; the next one waits for a person (S15). 0: none.")),
  })
  .prefault({})
  .meta(about("How much restraint the operator keeps."));

const prometheus = z
  .object({
    url: z
      .string()
      .regex(/^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/)
      .max(1024)
      .meta(about("Base address, http or https.")),
    secretRef: z
      .exactOptional(z.object({ name: objectName }))
      .meta(about("Secret in the namespace with `ca.crt` and/or `token`.")),
    scrapeIntervalSeconds: z
      .int()
      .min(1)
      .max(300)
      .default(15)
      .meta(about("Its scrape interval; a sample older than three is stale.")),
  })
  .meta(about("Named: its failure is blindness, a direct scrape does not replace it (S9)."));

const ownerRules = [
  {
    rule: "self.all(owner, self.exists_one(other, other.key == owner.key))",
    message: "owners: each owner needs a key of its own; merge the entries with the same key",
  },
  immutable("owners", "seats change hands by rotation; owners are fixed at birth"),
];
const seats = "((self.replicas + size(self.owners) - 1) / size(self.owners))";

export const validatorSetSpec = z
  .object({
    replicas: z
      .int()
      .min(4)
      .max(128)
      .default(4)
      .meta(
        about(
          "Seats at birth. Growing is for owners to sign (rule SWAP).",
          immutable("replicas", "owners sign growth on the chain; spec.spares may be scaled"),
        ),
      ),
    spares: z
      .int()
      .min(0)
      .max(64)
      .default(1)
      .meta(about("Spares that are kept registered and in sync; `kubectl scale` changes this.")),
    faultTolerance: z
      .int()
      .min(1)
      .max(42)
      .default(1)
      .meta(
        about(
          "Tolerated faults f; replicas >= 3f+1.",
          immutable("faultTolerance", "it is fixed with the number of seats"),
        ),
      ),
    mode: z
      .enum(["Observe", "Approve", "Auto"])
      .default("Observe")
      .meta(about("What the operator may do: say it, do it after a person's approval, do it.")),
    paused: z
      .boolean()
      .default(false)
      .meta(about("While true nothing is written to the chain or to pods; status still tells.")),
    image: z.string().regex(/^\S+$/).max(512).meta(about("Image of the nodes; best by digest.")),
    owners: z
      .array(owner)
      .min(1)
      .max(OWNERS_MAX)
      .meta({
        ...about("Seats and spares belong to them in turn, by ordinal. Immutable.", ...ownerRules),
        ...listMap("name"),
      }),
    endorsements: z
      .array(endorsement)
      .max(ENDORSEMENTS_MAX)
      .default([])
      .meta({
        ...about("Signatures of owners for spares (rule RATE)."),
        ...listMap("key"),
      }),
    requireEndorsement: z
      .exactOptional(z.boolean())
      .meta(
        about(
          "True: a spare is registered with its owner's signature in endorsements, not before. " +
            "False or absent: at once, and rule RATE asks an age of those without.",
        ),
      ),
    genesis,
    genesisHash: z
      .exactOptional(hex32)
      .meta(
        about(
          "Names the living chain that the set joins; absent: it founds one.",
          immutable("genesisHash", "a node never follows another chain (rule GENESIS)"),
        ),
      ),
    joins: z.exactOptional(joins),
    prices,
    storage,
    resources: z.exactOptional(resources),
    placement,
    healing,
    maintenance: z.exactOptional(maintenance),
    prometheus: z.exactOptional(prometheus),
    trustPeriodHours: z
      .int()
      .min(1)
      .max(504)
      .default(336)
      .meta(about("Age beyond which the checkpoint in status is not trusted (VERIFIED-READ).")),
    checkpoint: z
      .exactOptional(z.object({ epoch: z.int().min(1), setHash: hex32 }))
      .meta(
        about("A person's checkpoint: a set verified out of band; nodes read it when started."),
      ),
    deletionPolicy: z
      .enum(["Retain", "Delete"])
      .default("Retain")
      .meta(about("Retain: keys outlive the set. Delete needs the word quorate.dev/destroy-keys.")),
  })
  .meta(
    about(
      "What a person wants.",
      {
        rule: "self.replicas >= 3 * self.faultTolerance + 1",
        message: "replicas must be at least 3 * faultTolerance + 1: raise it or tolerate fewer",
      },
      {
        rule: `size(self.owners) < 4 || 3 * ${seats} < self.replicas`,
        message:
          "with four owners or more none may hold a third of the power: name as many owners as " +
          "replicas, or choose replicas that they share evenly (rule SEAT)",
      },
      {
        rule: "!has(oldSelf.genesisHash) || has(self.genesisHash)",
        message: "genesisHash is immutable: put it back, a node never follows another chain",
      },
      joinsNeedsHash,
      foundingNeedsTemplate,
    ),
  );

export const validatorSet = z
  .object({ spec: validatorSetSpec, status: z.exactOptional(validatorSetStatus) })
  .meta(
    about(
      "A set of validators of one chain, kept alive within its fault budget.",
      {
        rule: "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        message: "metadata.name: begin with a letter, then letters, digits and hyphens only",
      },
      maintenanceNames,
      {
        rule: "size(self.metadata.name) <= 40",
        message: "metadata.name: use at most 40 characters, members append to it",
      },
      {
        rule:
          "!has(self.spec.genesisHash) || !has(self.status) || !has(self.status.genesisHash) || " +
          "self.status.genesisHash == '' || self.status.genesisHash == self.spec.genesisHash",
        message: "spec.genesisHash: write status.genesisHash, the chain that the set follows",
      },
    ),
  );
