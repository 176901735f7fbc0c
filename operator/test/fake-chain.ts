// A chain that believes its operator's transactions: enough of one for passes of the reconciler.
import { PRODUCTION } from "@quorate/node/kernel/parameters";
import {
  type ValidatorSet as ChainSet,
  validatorSet,
  validatorSetHash,
} from "@quorate/node/kernel/validator-set";
import { genesisHash, genesisSet, parseGenesis } from "@quorate/node/ledger/genesis";
import { encodeSet } from "@quorate/node/ledger/leaves";
import { freshLiveness, type ProtocolState } from "@quorate/node/ledger/state";
import { decodeTransaction, transactionId } from "@quorate/node/ledger/transaction";
import type { SwapRecord } from "@quorate/node/ledger/types";
import type { ChainSpare, ChainView } from "../src/observe/observation.ts";
import type { ChainPort, ChainRequest, SubmitOutcome, VerifiedChain } from "../src/ports.ts";

export class FakeChain implements ChainPort {
  protocol: ProtocolState = { version: 1, activation: undefined };
  set: ChainSet | undefined;
  height = 0;
  nowMs = 0;
  readonly spares: ChainSpare[] = [];
  readonly swaps: SwapRecord[] = [];
  readonly submitted: string[] = [];
  readonly silentMs = new Map<string, number>();
  readonly condemned = new Set<string>();
  readonly #networkKeys = new Map<string, string>();
  /** What submit says; executed as it should be where undefined. */
  answer: ((kind: string) => SubmitOutcome | undefined) | undefined;

  async read(request: ChainRequest): Promise<VerifiedChain> {
    const parsed = parseGenesis(request.genesis);
    if (!parsed.ok) throw new Error(parsed.error.fix);
    this.set ??= genesisSet(parsed.value);
    this.height += 4;
    const chain = this.#view(genesisHash(request.genesis), request.keys);
    const checkpoint = Buffer.from(encodeSet(this.set)).toString("hex");
    return {
      reading: { kind: "verified", chain },
      proofs: [],
      checkpoint,
      checkpointEpoch: this.set.epoch,
      checkpointTimeMs: this.nowMs,
    };
  }

  async submit(request: ChainRequest, bytes: Uint8Array): Promise<SubmitOutcome> {
    const decoded = decodeTransaction(bytes);
    if (!decoded.ok) throw new Error(decoded.error.fix);
    const transaction = decoded.value;
    this.submitted.push(transaction.kind);
    const said = this.answer?.(transaction.kind);
    if (said !== undefined) return said;
    await this.read(request);
    if (transaction.kind === "register-spare") {
      const { key, owner, networkKey } = transaction.registration;
      this.spares.push({ key, owner, fit: true, endorsed: false });
      this.#networkKeys.set(key, networkKey);
    }
    if (transaction.kind === "silence-record") {
      this.swap(transaction.member, "silence", transactionId(bytes));
    }
    return { kind: "executed", code: "OK", height: this.height };
  }

  /** The first spare takes the member's seat. */
  swap(leaver: string, cause: SwapRecord["cause"], proof = "aa".repeat(32)): void {
    const { set } = this;
    const seat = set?.members.find(({ key }) => key === leaver);
    const spare = this.spares.shift();
    if (set === undefined || seat === undefined || spare === undefined) throw new Error("no swap");
    const newcomer = {
      ...seat,
      key: spare.key,
      networkKey: this.#networkKeys.get(spare.key) ?? "",
    };
    const epoch = set.epoch + 1;
    this.set = validatorSet(epoch, [...set.members.filter((each) => each !== seat), newcomer]);
    this.silentMs.delete(leaver);
    this.swaps.push({
      epoch,
      height: this.height + 1,
      cause,
      leaver,
      newcomer: spare.key,
      proof,
      newcomerRegisteredAt: 1,
      power: seat.power,
    });
  }

  #view(chainId: string, keys: readonly string[]): ChainView {
    const { set } = this;
    if (set === undefined) throw new Error("unborn");
    const { silenceMs } = PRODUCTION.rotation;
    const gone = this.swaps.map(({ leaver }) => leaver);
    const there = [...set.members.map(({ key }) => key), ...this.spares.map(({ key }) => key)];
    return {
      chainId,
      parameters: PRODUCTION,
      height: this.height,
      timeMs: this.nowMs,
      sinceProgressMs: 0,
      set,
      setHash: validatorSetHash(set),
      liveness: new Map(
        set.members.map(({ key }) => {
          const msSilent = this.silentMs.get(key) ?? 100;
          const isSilent = msSilent >= silenceMs;
          const count = freshLiveness(1, this.nowMs - msSilent, 0);
          const isCondemned = this.condemned.has(key);
          return [key, { count, msSilent, isSilent, isAbsent: false, isCondemned }];
        }),
      ),
      spares: [...this.spares],
      known: new Set(keys.filter((key) => there.includes(key) || gone.includes(key))),
      swaps: [...this.swaps],
      coolDownMs: 0,
      protocol: this.protocol,
    };
  }
}
