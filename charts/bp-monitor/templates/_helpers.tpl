{{/* Names, labels and images that the templates share. */}}

{{- define "bp-monitor.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 45 | trimSuffix "-" -}}
{{- end -}}

{{/* The beginning of every name: the release's name, which has the chart's in it. */}}
{{- define "bp-monitor.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "bp-monitor.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "bp-monitor.operator" -}}
{{- printf "%s-operator" (include "bp-monitor.fullname" .) -}}
{{- end -}}

{{- define "bp-monitor.serviceAccount" -}}
{{- if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else if .Values.serviceAccount.create -}}
{{- include "bp-monitor.operator" . -}}
{{- else -}}
{{- fail "serviceAccount.create is false, so serviceAccount.name must say which one there is" -}}
{{- end -}}
{{- end -}}

{{- define "bp-monitor.selector" -}}
app.kubernetes.io/name: {{ include "bp-monitor.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* The labels of everything; those that select win over values'. */}}
{{- define "bp-monitor.labels" -}}
{{- $labels := dict "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_")
      "app.kubernetes.io/version" .Chart.AppVersion
      "app.kubernetes.io/managed-by" .Release.Service
      "app.kubernetes.io/part-of" "bp-monitor" -}}
{{- $own := include "bp-monitor.selector" . | fromYaml -}}
{{- merge (dict) $own $labels .Values.commonLabels | toYaml -}}
{{- end -}}

{{/* An image: by digest where there is one. Takes a list of the root and the image's values. */}}
{{- define "bp-monitor.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $registry := default $root.Values.image.registry $image.registry -}}
{{- $name := $image.repository -}}
{{- if $registry -}}
{{- $name = printf "%s/%s" (trimSuffix "/" $registry) $image.repository -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (coalesce $image.tag $root.Values.image.tag $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The operator's rules: its ClusterRole's in files/rbac.yaml (the first document), or its Role's for the Lease (the second). */}}
{{- define "bp-monitor.rules" -}}
{{- $root := index . 0 -}}
{{- $documents := splitList "\n---\n" ($root.Files.Get "files/rbac.yaml") -}}
{{- (index $documents (index . 1) | fromYaml).rules | toYaml -}}
{{- end -}}

{{/* All namespaces that the operator has rights in, as a YAML list; empty where it is all of them. */}}
{{- define "bp-monitor.namespacesWithRights" -}}
{{- if .Values.namespaces -}}
{{- concat .Values.namespaces .Values.referencedNamespaces | uniq | sortAlpha | toYaml -}}
{{- end -}}
{{- end -}}
