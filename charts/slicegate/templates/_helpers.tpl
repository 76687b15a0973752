{{- /* SPDX-License-Identifier: Apache-2.0 */}}

{{- define "slicegate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "slicegate.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "slicegate.labels" -}}
{{ include "slicegate.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "slicegate.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "slicegate.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "slicegate.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{- define "slicegate.policy" -}}
{{- .Values.policy | default (.Files.Get "files/policy.yaml") -}}
{{- end }}

{{- /* "true" or nothing: the extender decides on the live cluster. */}}
{{- define "slicegate.extends" -}}
{{- if and .Values.live.enabled .Values.extender.enabled -}}true{{- end -}}
{{- end }}

{{- define "slicegate.tlsSecretName" -}}
{{- .Values.certificates.secretName | default (printf "%s-tls" (include "slicegate.fullname" .)) -}}
{{- end }}

{{- define "slicegate.clientCASecretName" -}}
{{- .Values.certificates.clientCASecretName | default (printf "%s-client-ca" (include "slicegate.fullname" .)) -}}
{{- end }}
