import { decodeOrdering } from "../consensus/ordering.ts";
import { recover } from "../consensus/recover.ts";
import type { ConsensusConfig } from "../consensus/state.ts";
import type { EpochProof, ResultCertificate } from "../kernel/certificates.ts";
import { type DigestMap, emptyDigestMap, heightKey, setDigest } from "../kernel/digest-map.ts";
import { createLedger } from "../ledger/create-ledger.ts";
import { genesisSet } from "../ledger/genesis.ts";
import { sparesView } from "../ledger/views.ts";
import { BLOCKS_MAX } from "./limits.ts";
import { emptyPlaces } from "./places.ts";
import type { Recovered, ReplicaConfig, ReplicaState } from "./types.ts";

/** Slots already signed: a different price after a restart must not be asked for again (E9). */
function signedSlots({ journal }: Recovered): ReadonlyMap<number, number> {
  const slots = new Map<number, number>();
  for (const { statement } of journal) {
    if (statement.kind !== "oracle-report") continue;
    slots.set(statement.market, Math.max(statement.slot, slots.get(statement.market) ?? 0));
  }
  return slots;
}

function storedProofs({ chain, base }: Recovered): readonly EpochProof[] {
  const proofs: EpochProof[] = [...(base?.epochProofs ?? [])];
  for (const record of chain) {
    if (record.kind !== "epoch") continue;
    if (record.proof.nextSet.epoch === proofs.length + 2) proofs.push(record.proof);
  }
  return proofs;
}

function storedCertificates({ chain, base }: Recovered): DigestMap<ResultCertificate> {
  const from = base?.certificate.result.height ?? 0;
  const found = chain.flatMap((record) => {
    const isAbove = record.kind === "certified" && record.certificate.result.height > from;
    return isAbove ? [record] : [];
  });
  let certificates = emptyDigestMap<ResultCertificate>();
  for (const { certificate } of found.slice(-BLOCKS_MAX)) {
    certificates = setDigest(certificates, heightKey(certificate.result.height), certificate);
  }
  return certificates;
}

/**
 * A replica from what its shell read back; at the first start that is nothing. The input `start`
 * then makes it execute every committed block above its base again, re-send what it signed, and set
 * its timers.
 */
export function recoverReplica(config: ReplicaConfig, recovered: Recovered): ReplicaState {
  const { chainId, genesis, self, scheme, repair, checkpoint } = config;
  const consensusConfig: ConsensusConfig = {
    chainId,
    self,
    scheme,
    parameters: genesis.parameters.consensus,
    repair,
    checkpoint,
    genesisSet: genesisSet(genesis),
    genesisTimeMs: genesis.genesisTimeMs,
  };
  const { base } = recovered;
  const ledger = base?.ledger ?? createLedger(genesis, chainId);
  const spares = sparesView(ledger).map(({ key }) => key);
  const height = base?.certificate.result.height ?? 0;
  const ordering = base && { ...base, ordering: decodeOrdering(base.ledger.ordering), spares };
  return {
    config,
    consensus: recover(consensusConfig, { ...recovered, base: ordering }),
    ledger,
    executedHeight: height,
    ledgers: base === undefined ? new Map() : new Map([[height, ledger]]),
    executed: emptyDigestMap(),
    executedFrom: height + 1,
    receiptsHeld: 0,
    certificates: storedCertificates(recovered),
    certified: base && { certificate: base.certificate, ledger },
    epochProofs: storedProofs(recovered),
    spares,
    places: emptyPlaces(),
    queued: emptyDigestMap(),
    awaited: [],
    pendingProofs: [],
    settledProofs: [],
    dutySubmissions: new Map(),
    oracleSlots: signedSlots(recovered),
    pinsText: "",
    difference: undefined,
    stateAnswers: new Map(),
    halted: undefined,
  };
}
