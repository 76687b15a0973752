# SPDX-License-Identifier: Apache-2.0
# A recorded cluster of the size of the figures:  awk -v nodes=5000 -v pods=100000 -f cluster.awk
# Nodes have 8 H100 each; of the pods the first six a node hold a GPU, the others none.
function node(name) {
  printf "{\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\",\"labels\":{\"kubernetes.io/hostname\":\"%s\",\"nvidia.com/gpu.present\":\"true\",\"nvidia.com/gpu.product\":\"NVIDIA-H100-80GB-HBM3\",\"nvidia.com/gpu.count\":\"8\",\"nvidia.com/gpu.replicas\":\"1\",\"nvidia.com/mig.capable\":\"true\"}},\"spec\":{},\"status\":{\"allocatable\":{\"cpu\":\"192\",\"memory\":\"2Ti\",\"pods\":\"110\",\"nvidia.com/gpu\":\"8\"}}}", name, name
}
function pod(i, name, gpu) {
  gpu = int(i / nodes) < 6 ? "\"nvidia.com/gpu\":\"1\"," : ""
  printf "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"pod-%06d\",\"namespace\":\"team-%02d\",\"uid\":\"%08d-1111-4000-8000-000000000000\",\"creationTimestamp\":\"2026-11-20T10:00:00Z\"},\"spec\":{\"nodeName\":\"%s\",\"containers\":[{\"name\":\"main\",\"image\":\"example.org/app:1\",\"resources\":{\"limits\":{%s\"cpu\":\"%d\",\"memory\":\"8Gi\"},\"requests\":{%s\"cpu\":\"%d\",\"memory\":\"8Gi\"}}}]},\"status\":{\"phase\":\"Running\"}}", i, i % 40, i, name, gpu, 1 + i % 4, gpu, 1 + i % 4
}
BEGIN {
  printf "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":["
  printf "{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"load\"}}"
  for (i = 0; i < nodes; i++) {
    printf ","
    node(sprintf("gpu-node-%05d", i))
  }
  for (i = 0; i < pods; i++) {
    printf ","
    pod(i, sprintf("gpu-node-%05d", (i * 7919) % nodes))
  }
  printf "]}\n"
}
