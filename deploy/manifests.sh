#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the chart's objects for those who install without helm:  manifests.sh HELM
# Certificates and webhook configurations are not among them: slicegate makes both (docs/install.md).
set -eu

helm=${1:?usage: manifests.sh HELM}
chart=$(CDPATH='' cd -- "$(dirname -- "$0")/../charts/slicegate" && pwd)

cat <<'EOF'
# SPDX-License-Identifier: Apache-2.0
# Written by `make manifests` from charts/slicegate with its default values.
EOF
"$helm" template slicegate "$chart" --namespace slicegate-system \
  --set webhook.enabled=false,certificates.secretName=slicegate-tls,certificates.clientCASecretName=slicegate-client-ca |
  sed -e '/^ *helm\.sh\/chart: /d' -e '/^ *app\.kubernetes\.io\/managed-by: /d'
