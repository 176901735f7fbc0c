{{/* One operator a namespace: lease, account and Secret have fixed names in it. */}}
{{- define "quorate.name" -}}quorate-operator{{- end }}

{{/* Objects of the whole cluster: the namespace tells two operators apart. */}}
{{- define "quorate.clusterName" -}}
{{- printf "quorate-operator-%s" .Release.Namespace | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "quorate.selector" -}}
app.kubernetes.io/name: quorate-operator
{{- end }}

{{- define "quorate.labels" -}}
{{ include "quorate.selector" . }}
app.kubernetes.io/part-of: quorate
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "quorate.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag }}{{- end -}}
{{- end -}}
{{- end }}

{{- define "quorate.priorityClass" -}}
{{- with .Values.priorityClass -}}
{{- if .name -}}{{ .name }}{{- else if .create -}}{{ include "quorate.clusterName" $ }}{{- end -}}
{{- end -}}
{{- end }}

{{- define "quorate.account" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "quorate.name" . }}
{{- end }}

{{/* Restricted pod security, for the pod and for its container. */}}
{{- define "quorate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "quorate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Its kinds are Prometheus operator's: say so before the API server refuses them. */}}
{{- define "quorate.needsPrometheusOperator" -}}
{{- if not (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") -}}
{{- fail "monitoring: the cluster has no monitoring.coreos.com/v1; install Prometheus operator, or leave monitoring.monitors.enabled and monitoring.rules.enabled false" -}}
{{- end -}}
{{- end }}
