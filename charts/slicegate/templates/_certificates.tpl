{{- /* SPDX-License-Identifier: Apache-2.0 */}}
{{- /*
Certificates made by helm. A Secret that is there already is kept, so that an upgrade changes nothing under a running
server; what was made is held in .Values.generated, so that every template of one rendering sees the same.
*/}}

{{- /* Sets .into.authority: the one in the Secret .secret, or a new one. */}}
{{- define "slicegate.authority" -}}
{{- $old := (lookup "v1" "Secret" .root.Release.Namespace .secret).data | default dict -}}
{{- if and (index $old "ca.crt") (index $old "ca.key") -}}
{{- $_ := set .into "authority" (buildCustomCert (index $old "ca.crt") (index $old "ca.key")) -}}
{{- else -}}
{{- $_ := set .into "authority" (genCAWithKey .name 3650 (genPrivateKey "ecdsa")) -}}
{{- end -}}
{{- end }}

{{- /*
Sets .into.data and .into.annotations of the Secret .secret: its certificate while it is not due and for the same names
and of the same authority, or else a new one.
*/}}
{{- define "slicegate.certificate" -}}
{{- $days := int64 .root.Values.certificates.days -}}
{{- $now := now | unixEpoch | int64 -}}
{{- $names := join "," (concat .names .addresses) -}}
{{- $old := lookup "v1" "Secret" .root.Release.Namespace .secret -}}
{{- $data := $old.data | default dict -}}
{{- $annotations := ($old.metadata | default dict).annotations | default dict -}}
{{- $due := index $annotations "slicegate.dev/renew-after" | default "0" | int64 -}}
{{- $kept := and (index $data "tls.crt") (index $data "tls.key") (lt $now $due) -}}
{{- $kept = and $kept (eq (index $annotations "slicegate.dev/names" | default "") $names) -}}
{{- $kept = and $kept (eq (index $data "ca.crt" | default "") (.trusted | b64enc)) -}}
{{- if $kept -}}
{{- $_ := set .into "data" (pick $data "tls.crt" "tls.key" "ca.crt") -}}
{{- else -}}
{{- $made := genSignedCertWithKey (first .names) .addresses .names (int $days) .authority (genPrivateKey "ecdsa") -}}
{{- $_ := set .into "data" (dict "tls.crt" ($made.Cert | b64enc) "tls.key" ($made.Key | b64enc) "ca.crt" (.trusted | b64enc)) -}}
{{- $due = add $now (mul $days 57600) -}}
{{- end -}}
{{- $_ := set .into "annotations" (dict "slicegate.dev/names" $names "slicegate.dev/renew-after" (toString $due)) -}}
{{- end }}

{{- /*
Fills .Values.generated: ca and tls for serving, clientCA and client for the extender's caller. A client certificate comes
with the authority that it will trust, which is the serving one.
*/}}
{{- define "slicegate.generate" -}}
{{- if not (hasKey .Values "generated") -}}
{{- $name := include "slicegate.fullname" . -}}
{{- $generated := dict -}}
{{- $trusted := .Values.certificates.caBundle -}}
{{- if not .Values.certificates.secretName -}}
{{- $ca := dict -}}
{{- include "slicegate.authority" (dict "root" . "secret" (printf "%s-ca" $name) "name" "slicegate CA" "into" $ca) -}}
{{- $_ := set $generated "ca" $ca.authority -}}
{{- $trusted = $ca.authority.Cert -}}
{{- $names := list -}}
{{- range $service := list $name (printf "%s-scheduler" $name) -}}
{{- $host := printf "%s.%s.svc" $service $.Release.Namespace -}}
{{- $names = concat $names (list $host (printf "%s.cluster.local" $host)) -}}
{{- end -}}
{{- $tls := dict -}}
{{- include "slicegate.certificate" (dict "root" . "secret" (include "slicegate.tlsSecretName" .) "authority" $ca.authority "trusted" $trusted "names" (concat $names .Values.certificates.names) "addresses" .Values.certificates.addresses "into" $tls) -}}
{{- $_ := set $generated "tls" $tls -}}
{{- end -}}
{{- if and (include "slicegate.extends" .) (not .Values.certificates.clientCASecretName) -}}
{{- $ca := dict -}}
{{- include "slicegate.authority" (dict "root" . "secret" (include "slicegate.clientCASecretName" .) "name" "slicegate client CA" "into" $ca) -}}
{{- $_ := set $generated "clientCA" $ca.authority -}}
{{- $client := dict -}}
{{- include "slicegate.certificate" (dict "root" . "secret" (printf "%s-scheduler-client" $name) "authority" $ca.authority "trusted" $trusted "names" (list "system:kube-scheduler") "addresses" list "into" $client) -}}
{{- $_ := set $generated "client" $client -}}
{{- end -}}
{{- $_ := set $generated "trusted" $trusted -}}
{{- $_ := set .Values "generated" $generated -}}
{{- end -}}
{{- end }}
