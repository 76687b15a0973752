#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the review that the figures are taken with: a Pod of 4 KiB that asks for a whole
# GPU and keeps every rule of tests/bench/policy.yaml, as kube-apiserver would send it.
set -eu
jq -cn '
  {apiVersion: "v1", kind: "Pod",
   metadata: {name: "train-7f", namespace: "research-a", uid: "b4a1d2f0-1111-2222-3333-444455556666",
     labels: ({"slicegate.dev/team": "vision", "slicegate.dev/environment": "dev",
               "slicegate.dev/workload-type": "training"}
              + ([range(8) | {("app.kubernetes.io/label-\(.)"): "value-\(.)"}] | add)),
     annotations: ([range(9) | {("example.com/annotation-\(.)"): ("x" * 60)}] | add)},
   spec: {
     activeDeadlineSeconds: 14400, restartPolicy: "Never", serviceAccountName: "default",
     nodeSelector: {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
     containers: [range(2) | {
       name: "c\(.)", image: "registry.example.com/team/image:1.2.3",
       command: ["python", "train.py", "--epochs", "100"],
       env: [range(15) | {name: "ENV_\(.)", value: "some value here \(.)"}],
       resources: (if . == 0
         then {limits: {cpu: "8", memory: "64Gi", "nvidia.com/gpu": "1"},
               requests: {cpu: "8", memory: "64Gi", "nvidia.com/gpu": "1"}}
         else {limits: {cpu: "1", memory: "1Gi"}, requests: {cpu: "1", memory: "1Gi"}} end),
       volumeMounts: [{name: "kube-api-access-abcde",
         mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true}],
       terminationMessagePath: "/dev/termination-log", imagePullPolicy: "IfNotPresent"}],
     tolerations: [
       {key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule"},
       {key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300},
       {key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300}]}}
  | . as $pod
  | {kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", request: {
      uid: "705ab4f5-6393-11e8-b7cc-42010a800002",
      kind: {group: "", version: "v1", kind: "Pod"}, resource: {group: "", version: "v1", resource: "pods"},
      requestKind: {group: "", version: "v1", kind: "Pod"},
      requestResource: {group: "", version: "v1", resource: "pods"},
      name: "train-7f", namespace: "research-a", operation: "CREATE",
      userInfo: {username: "alice", groups: ["ml", "system:authenticated"]},
      object: $pod, oldObject: null, dryRun: false,
      options: {kind: "CreateOptions", apiVersion: "meta.k8s.io/v1"}}}'
