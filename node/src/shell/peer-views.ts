import type { PeerView } from "@quorate/proto/query/v1/query";
import type { PublicKey } from "../kernel/scalars.ts";
import type { ReplicaStatus } from "../replica/queries.ts";

/** Every other member and spare, as this node reaches and hears it. */
export function peerViews(
  { seats, spares, self }: Pick<ReplicaStatus, "seats" | "spares" | "self">,
  peering: { isConnected(networkKey: PublicKey): boolean },
  observer: { silenceMs(key: PublicKey): number | undefined },
): PeerView[] {
  return [...seats, ...spares]
    .filter(({ key }) => key !== self)
    .map(({ key, networkKey, address }) => ({
      key: Buffer.from(key, "hex"),
      address,
      connected: peering.isConnected(networkKey),
      lastHeardMs: BigInt(Math.max(1, observer.silenceMs(key) ?? 0)),
    }));
}
