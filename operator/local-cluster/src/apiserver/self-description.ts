import { methodNotAllowed } from "./failures.ts";
import { type ApiAnswer, decodeObject, jsonAnswer } from "./request.ts";
import type { Request } from "./request-options.ts";

/** `GET /version`: the release whose behaviour is the model. */
export const VERSION = {
  major: "1",
  minor: "34",
  gitVersion: "v1.34.4",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "",
  compiler: "node",
  platform: `${process.platform}/${process.arch}`,
};

const ALLOWED: Readonly<Record<string, object>> = {
  selfsubjectaccessreviews: { allowed: true },
  selfsubjectrulesreviews: {
    resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
    incomplete: false,
  },
};

/** `kubectl auth can-i`: whoever has the token may do everything; undefined for another path. */
export function reviewAccess({ call, path }: Request): ApiAnswer | undefined {
  const status = ALLOWED[path.plural];
  if (path.group !== "authorization.k8s.io" || status === undefined) return undefined;
  if (call.method !== "POST") throw methodNotAllowed();
  return jsonAnswer(201, { ...decodeObject(call), status });
}
