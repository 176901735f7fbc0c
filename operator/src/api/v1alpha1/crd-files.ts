import { stringify } from "yaml";
import { customResourceDefinitions } from "./crds.ts";

/** File name in charts/quorate/files/crds to content. */
export function crdFiles(): ReadonlyMap<string, string> {
  const note = "# Written by `npm run gen` from operator/src/api/v1alpha1: change it there.\n";
  return new Map(
    customResourceDefinitions().map((crd) => {
      const { name } = crd["metadata"] as { name: string };
      const text = stringify(crd, { lineWidth: 100, aliasDuplicateObjects: false });
      return [`${name.split(".")[0]}.yaml`, note + text];
    }),
  );
}
