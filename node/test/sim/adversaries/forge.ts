import { encodeBatch, encodeBlock, openBatch, openBlock } from "../../../src/consensus/codec.ts";
import type { Batch, Block, SignedBatch, SignedBlock } from "../../../src/consensus/types.ts";
import { sha256Hex } from "../../../src/crypto/sha256.ts";
import type { Digest, PublicKey } from "../../../src/kernel/scalars.ts";
import {
  type SignedStatement,
  type Statement,
  signingBytes,
} from "../../../src/kernel/statements.ts";
import type { Keyring } from "../schemes.ts";

/** Signs anything with one key: no journal, no rule. */
export interface Forge {
  readonly key: PublicKey;
  sign(statement: Statement): SignedStatement;
  block(block: Block): SignedBlock;
  batch(batch: Batch): SignedBatch;
}

export function createForge(keyring: Keyring, chainId: Digest, key: PublicKey): Forge {
  const sign = (statement: Statement): SignedStatement => {
    const signature = keyring.sign(key, signingBytes(chainId, statement));
    return { statement, author: key, signature };
  };
  return {
    key,
    sign,
    block(block) {
      const bytes = encodeBlock(block);
      const { epoch, round } = block;
      const { signature } = sign({ kind: "proposal", epoch, round, blockId: sha256Hex(bytes) });
      return openBlock(bytes, signature);
    },
    batch(batch) {
      const bytes = encodeBatch(batch);
      const { sequence } = batch;
      const { signature } = sign({ kind: "batch", sequence, digest: sha256Hex(bytes) });
      return openBatch(bytes, signature);
    },
  };
}
