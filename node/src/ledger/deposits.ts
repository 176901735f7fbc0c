import type { Digest, MicroUsd } from "../kernel/scalars.ts";
import type { LedgerState } from "./state.ts";
import { custodianDepositSigningBytes } from "./transaction.ts";
import type { Transaction } from "./types.ts";
import { burnNonce, change, checkNonce, type Verdict, type Work } from "./work.ts";

function amountRefusal(state: LedgerState, amount: MicroUsd): Verdict {
  const { depositWindowMax } = state.genesis.parameters.margin;
  if (amount >= 1n && amount <= depositWindowMax) return undefined;
  const fix = `deposit 1 to ${depositWindowMax} micro-USD at once`;
  return { code: "AMOUNT_INVALID", field: "amount", fix };
}

/** MINT: the faucet works only where genesis is marked dev. */
export function applyFaucet(
  work: Work,
  { account, amount, nonce }: Extract<Transaction, { kind: "faucet" }>,
  id: Digest,
): Verdict {
  if (!work.state.genesis.dev) {
    const fix = "this chain's genesis is not marked dev: custodians deposit";
    return { code: "FAUCET_CLOSED", field: "kind", fix };
  }
  const scope = `faucet/${account}`;
  const refusal = amountRefusal(work.state, amount) ?? checkNonce(work, scope, nonce, id);
  if (refusal !== undefined) return refusal;
  burnNonce(work, scope, nonce, id);
  deposit(work, account, amount);
  return undefined;
}

function deposit(work: Work, account: string, amount: MicroUsd): void {
  work.deposits.push({ account, amount });
  change(work, { deposited: work.state.deposited + amount });
}

/** More than two thirds of the custodians. */
function custodianQuorum(count: number): number {
  return Math.floor((2 * count) / 3) + 1;
}

/** MINT: a quorum of the custodians deposits, at most `depositWindowMax` in a window. */
export function applyCustodianDeposit(
  work: Work,
  transaction: Extract<Transaction, { kind: "custodian-deposit" }>,
  id: Digest,
): Verdict {
  const { account, amount, nonce } = transaction;
  const refusal =
    amountRefusal(work.state, amount) ??
    checkNonce(work, "deposit", nonce, id) ??
    checkCustodians(work, transaction);
  if (refusal !== undefined) return refusal;
  const { depositWindowMs, depositWindowMax } = work.state.genesis.parameters.margin;
  const { depositWindow, clockMs } = work.state;
  const isOver = clockMs - depositWindow.fromMs >= depositWindowMs;
  const window = isOver ? { fromMs: clockMs, amount: 0n } : depositWindow;
  if (window.amount + amount > depositWindowMax) {
    const fix = `this window has ${window.amount} of ${depositWindowMax}: deposit in the next`;
    return { code: "DEPOSIT_WINDOW_FULL", field: "amount", fix };
  }
  burnNonce(work, "deposit", nonce, id);
  change(work, { depositWindow: { ...window, amount: window.amount + amount } });
  deposit(work, account, amount);
  return undefined;
}

function checkCustodians(
  work: Work,
  transaction: Extract<Transaction, { kind: "custodian-deposit" }>,
): Verdict {
  const { genesis, chainId } = work.state;
  const field = "signatures";
  const { signatures } = transaction;
  const isSorted = signatures.every(
    ({ author }, index) => index === 0 || (signatures[index - 1]?.author ?? "") < author,
  );
  if (!isSorted) {
    return { code: "CUSTODIAN_ORDER", field, fix: "sort by author, each custodian once" };
  }
  const stranger = signatures.find(({ author }) => !genesis.custodians.includes(author));
  if (stranger !== undefined) {
    const fix = `${stranger.author} is no custodian of the genesis`;
    return { code: "NOT_A_CUSTODIAN", field, fix };
  }
  const quorum = custodianQuorum(genesis.custodians.length);
  if (genesis.custodians.length === 0 || signatures.length < quorum) {
    const fix = `collect ${quorum} of ${genesis.custodians.length} custodians`;
    return { code: "CUSTODIANS_BELOW_QUORUM", field, fix };
  }
  const message = custodianDepositSigningBytes(chainId, transaction);
  const wrong = signatures.find(
    ({ author, signature }) => !work.scheme.verify(author, message, signature),
  );
  if (wrong === undefined) return undefined;
  const fix = `the signature of ${wrong.author} does not verify`;
  return { code: "BAD_SIGNATURE", field, fix };
}
