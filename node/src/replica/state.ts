import { recover } from "../consensus/recover.ts";
import type { ConsensusConfig } from "../consensus/state.ts";
import type { EpochProof, ResultCertificate } from "../kernel/certificates.ts";
import { createLedger } from "../ledger/create-ledger.ts";
import { genesisSet } from "../ledger/genesis.ts";
import { sparesView } from "../ledger/views.ts";
import { type DigestMap, emptyDigestMap, heightKey, setDigest } from "./digest-map.ts";
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

function storedProofs({ chain }: Recovered): readonly EpochProof[] {
  const proofs: EpochProof[] = [];
  for (const record of chain) {
    if (record.kind !== "epoch") continue;
    if (record.proof.nextSet.epoch === proofs.length + 2) proofs.push(record.proof);
  }
  return proofs;
}

function storedCertificates({ chain }: Recovered): DigestMap<ResultCertificate> {
  const found = chain.flatMap((record) => (record.kind === "certified" ? [record] : []));
  let certificates = emptyDigestMap<ResultCertificate>();
  for (const { certificate } of found.slice(-BLOCKS_MAX)) {
    certificates = setDigest(certificates, heightKey(certificate.result.height), certificate);
  }
  return certificates;
}

/**
 * A replica from what its shell read back; at the first start that is nothing. The input `start`
 * then makes it execute every committed block again from genesis, re-send what it signed, and set
 * its timers.
 */
export function recoverReplica(config: ReplicaConfig, recovered: Recovered): ReplicaState {
  const { chainId, genesis, self, scheme } = config;
  const consensusConfig: ConsensusConfig = {
    chainId,
    self,
    scheme,
    parameters: genesis.parameters.consensus,
    genesisSet: genesisSet(genesis),
    genesisTimeMs: genesis.genesisTimeMs,
  };
  const ledger = createLedger(genesis, chainId);
  return {
    config,
    consensus: recover(consensusConfig, recovered),
    ledger,
    executedHeight: 0,
    ledgers: new Map(),
    executed: emptyDigestMap(),
    executedFrom: 1,
    receiptsHeld: 0,
    certificates: storedCertificates(recovered),
    certified: undefined,
    epochProofs: storedProofs(recovered),
    spares: sparesView(ledger).map(({ key }) => key),
    places: emptyPlaces(),
    queued: emptyDigestMap(),
    awaited: [],
    pendingProofs: [],
    settledProofs: [],
    dutySubmissions: new Map(),
    oracleSlots: signedSlots(recovered),
    pinsText: "",
    halted: undefined,
  };
}
