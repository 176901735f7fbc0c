import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ed25519, isAdmitted, publicKeyOf, signEd25519 } from "./ed25519.ts";

interface EdgeCase {
  readonly name: string;
  readonly message: string;
  readonly publicKey: string;
  readonly signature: string;
}

/**
 * Chalkias, Garillot, Nikolaenko: "Taming the many EdDSAs" (SSR 2020), table 5: vectors 0 to 11.
 */
const edgeCases: readonly EdgeCase[] = JSON.parse(
  readFileSync(new URL("ed25519-edge-cases.json", import.meta.url), "utf8"),
);

/** RFC 8032 §7.1: TEST 1, TEST 2, TEST 3 and TEST SHA(abc). */
const published = [
  {
    seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    message: "",
    signature:
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  },
  {
    seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    message: "72",
    signature:
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  },
  {
    seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    key: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    message: "af82",
    signature:
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac" +
      "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  },
  {
    seed: "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
    key: "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    message:
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    signature:
      "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589" +
      "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
  },
];

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));

describe("rule ED25519", () => {
  test("rule ED25519: the vectors of RFC 8032 are made and accepted", () => {
    for (const { seed, key, message, signature } of published) {
      expect(publicKeyOf(bytes(seed))).toBe(key);
      expect(signEd25519(bytes(seed), bytes(message))).toEqual(bytes(signature));
      expect(ed25519.verify(key, bytes(message), bytes(signature))).toBe(true);
      expect(ed25519.verify(key, bytes(`${message}00`), bytes(signature))).toBe(false);
    }
  });

  test("rule ED25519: of the published edge cases only the mixed pair verifies", () => {
    const verdicts = edgeCases.map(({ publicKey, message, signature }) =>
      ed25519.verify(publicKey, bytes(message), bytes(signature)),
    );
    expect(edgeCases).toHaveLength(12);
    expect(verdicts).toEqual(edgeCases.map((_, index) => index === 3));
  });

  test("rule ED25519: form alone refuses small and non-canonical R and S above the order", () => {
    const admitted = edgeCases.map(({ signature }) => isAdmitted(bytes(signature)));
    // 1 and 3 to 5 have a sound R and S; 10 and 11 are refused for their A.
    const sound = new Set([1, 3, 4, 5, 10, 11]);
    expect(admitted).toEqual(edgeCases.map((_, index) => sound.has(index)));
  });

  test("rule ED25519: every encoding of a point of small order is refused as A and as R", () => {
    const seed = bytes(published[0]?.seed ?? "");
    const message = bytes("00");
    const sound = signEd25519(seed, message);
    const small = [
      "0100000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000080",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0000000000000000000000000000000000000000000000000000000000000080",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    // With A the identity, R = S·B passes the equation for every message: strictness alone refuses.
    for (const point of small) {
      const forged = new Uint8Array([...bytes(point), ...sound.subarray(32)]);
      expect(isAdmitted(forged)).toBe(false);
      expect(ed25519.verify(point, message, sound)).toBe(false);
      expect(
        ed25519.verify(
          point,
          message,
          new Uint8Array([...bytes(point), ...bytes("00".repeat(32))]),
        ),
      ).toBe(false);
    }
  });

  test("rule ED25519: adding the group order to S makes no second signature", () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (message) => {
        const seed = bytes(published[1]?.seed ?? "");
        const signature = signEd25519(seed, message);
        const big = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`);
        const hex = (big + order).toString(16).padStart(64, "0");
        const other = new Uint8Array([
          ...signature.subarray(0, 32),
          ...Buffer.from(hex, "hex").reverse(),
        ]);
        expect(isAdmitted(signature)).toBe(true);
        expect(isAdmitted(other)).toBe(false);
        expect(ed25519.verify(published[1]?.key ?? "", message, other)).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  test("a malformed key or signature does not verify and does not throw", () => {
    const { key = "", message = "", signature = "" } = published[0] ?? {};
    const keys = [
      "",
      "zz".repeat(32),
      key.toUpperCase(),
      key.slice(2),
      `${key}00`,
      "02".repeat(32),
    ];
    for (const wrong of keys) {
      expect(ed25519.verify(wrong, bytes(message), bytes(signature))).toBe(false);
    }
    for (const length of [0, 32, 63, 65]) {
      expect(ed25519.verify(key, bytes(message), new Uint8Array(length))).toBe(false);
    }
  });
});
