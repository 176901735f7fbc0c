export const NAMESPACE = "conformance";
export const CRD = "sprockets.conformance.quorate.dev";

export const NAMESPACE_YAML = `
apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
`;

/** One of everything that a structural schema of ours uses. */
export const CRD_YAML = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: ${CRD}
spec:
  group: conformance.quorate.dev
  scope: Namespaced
  names:
    kind: Sprocket
    listKind: SprocketList
    plural: sprockets
    singular: sprocket
    shortNames: [spk]
    categories: [quorate-conformance]
  versions:
    - name: v1alpha1
      served: true
      storage: true
      subresources:
        status: {}
        scale:
          specReplicasPath: .spec.replicas
          statusReplicasPath: .status.replicas
          labelSelectorPath: .status.selector
      additionalPrinterColumns:
        - name: Size
          type: integer
          jsonPath: .spec.size
        - name: Ready
          type: string
          jsonPath: .status.conditions[?(@.type=="Ready")].status
        - name: Colour
          type: string
          jsonPath: .spec.colour
          priority: 1
        - name: Age
          type: date
          jsonPath: .metadata.creationTimestamp
      schema:
        openAPIV3Schema:
          description: A sprocket has the shapes that the API of Quorate uses.
          type: object
          required: [spec]
          properties:
            spec:
              description: What is wanted.
              type: object
              required: [size]
              x-kubernetes-validations:
                - rule: "!has(self.limit) || self.size <= self.limit"
                  message: size must be at most limit
                - rule: "self.replicas >= 3 * self.faults + 1"
                  messageExpression: "self.faults > 0 ? 'replicas: 3 * faults + 1' : 'replicas: 1'"
                  fieldPath: .replicas
                  reason: FieldValueForbidden
              properties:
                size:
                  description: Number of parts.
                  type: integer
                  minimum: 1
                  maximum: 100
                limit:
                  type: integer
                  format: int32
                replicas:
                  type: integer
                  default: 4
                faults:
                  type: integer
                  default: 0
                owner:
                  description: For ever.
                  type: string
                  minLength: 1
                  maxLength: 63
                  default: nobody
                  x-kubernetes-validations:
                    - rule: self == oldSelf
                      message: owner is immutable
                colour:
                  type: string
                  enum: [red, green]
                  default: red
                key:
                  type: string
                  pattern: ^[0-9a-f]{8}$
                tags:
                  type: array
                  maxItems: 4
                  x-kubernetes-list-type: set
                  items:
                    type: string
                ports:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [name]
                  items:
                    type: object
                    required: [name]
                    properties:
                      name:
                        type: string
                      port:
                        type: integer
                        default: 80
                steps:
                  type: array
                  items:
                    type: string
                limits:
                  type: object
                  additionalProperties:
                    type: string
                share:
                  x-kubernetes-int-or-string: true
                note:
                  type: string
                  nullable: true
                free:
                  type: object
                  x-kubernetes-preserve-unknown-fields: true
            status:
              type: object
              properties:
                replicas:
                  type: integer
                selector:
                  type: string
                phase:
                  type: string
                conditions:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [type]
                  items:
                    type: object
                    required: [type, status]
                    properties:
                      type:
                        type: string
                      status:
                        type: string
                        enum: ["True", "False", Unknown]
                      reason:
                        type: string
                      message:
                        type: string
`;

/** A sprocket with the fields given as YAML of two blanks below `spec`. */
export function sprocket(name: string, spec: string, metadata = ""): string {
  return `
apiVersion: conformance.quorate.dev/v1alpha1
kind: Sprocket
metadata:
  name: ${name}${indented(metadata, 2)}
spec:${indented(spec, 2)}
`;
}

export function configMap(name: string, data: string, metadata = ""): string {
  return `
apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}${indented(metadata, 2)}
data:${indented(data, 2)}
`;
}

function indented(text: string, blanks: number): string {
  if (text === "") return "";
  return text
    .split("\n")
    .map((line) => `\n${" ".repeat(blanks)}${line}`)
    .join("");
}
