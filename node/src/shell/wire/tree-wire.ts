import type * as wire from "@quorate/proto/consensus/v1/consensus";
import type { PeerBody } from "../../consensus/types.ts";
import { DecodeError } from "../../kernel/codec.ts";
import { isTreePath, treeNodeKind, treeNodeOf, treeNodeParts } from "../../kernel/tree-node.ts";
import { counter, hex32, list } from "./fields.ts";
import { bytesOf } from "./ledger-wire.ts";

type Kind<K extends PeerBody["kind"]> = Extract<PeerBody, { readonly kind: K }>;

function pathFromWire(path: string, field: string): string {
  if (isTreePath(path)) return path;
  throw new DecodeError(field, "is not a path of at most 256 characters 0 and 1");
}

export function stateRequestToWire({ height, path }: Kind<"state-request">): wire.StateRequest {
  return { height: BigInt(height), path };
}

export function stateRequestFromWire(value: wire.StateRequest): Kind<"state-request"> {
  return {
    kind: "state-request",
    height: counter(value.height, "state_request.height"),
    path: pathFromWire(value.path, "state_request.path"),
  };
}

export function stateResponseToWire(body: Kind<"state-response">): wire.StateResponse {
  return {
    height: BigInt(body.height),
    path: body.path,
    kind: treeNodeKind(body.node),
    parts: treeNodeParts(body.node).map(bytesOf),
  };
}

export function stateResponseFromWire(value: wire.StateResponse): Kind<"state-response"> {
  const parts = list(value.parts, "state_response.parts", 2, hex32);
  const node = treeNodeOf(value.kind, parts);
  if (node === undefined) throw new DecodeError("state_response.kind", "is no kind of tree node");
  return {
    kind: "state-response",
    height: counter(value.height, "state_response.height"),
    path: pathFromWire(value.path, "state_response.path"),
    node,
  };
}
