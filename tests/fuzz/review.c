/* SPDX-License-Identifier: Apache-2.0 */
/* An AdmissionReview through the whole engine, as /validate and /mutate do. */
#include "slicegate/admission.h"
#include "slicegate/wire.h"
#include "tests/support/fuzz_main.h"

static const char cluster_text[] =
    "{\"kind\":\"List\",\"items\":[{\"kind\":\"Node\",\"metadata\":{\"name\":\"a\",\"labels\":"
    "{\"nvidia.com/gpu.product\":\"NVIDIA-H100-80GB-HBM3\",\"nvidia.com/gpu.replicas\":\"4\"}},"
    "\"spec\":{\"taints\":[{\"key\":\"nvidia.com/gpu\",\"effect\":\"NoSchedule\"}]},\"status\":"
    "{\"allocatable\":{\"nvidia.com/gpu\":\"8\",\"nvidia.com/mig-1g.10gb\":\"7\"}}},"
    "{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"research\",\"labels\":{\"tier\":\"free\"}}}]"
    "}";

static struct policy *policy;
static struct cluster cluster;
static struct adm_cluster *facts;

static void set_up(void) {
  static struct arena *arena;
  struct err err;
  arena = arena_new(0);
  policy = policy_builtin();
  if (!wire_cluster_decode(arena, str_of(cluster_text), &cluster, &err))
    __builtin_trap();
  facts = adm_cluster_new(&cluster, policy_get(policy));
}

static void encode(const struct wire_review *review, const struct adm_request *request,
                   struct arena *arena) {
  struct adm_verdict verdict;
  struct adm_mutation mutation;
  CLEANUP_BUF struct buf out;
  buf_init(&out, 64 << 20);
  adm_validate(policy_get(policy), facts, request, arena, &verdict);
  adm_mutate(policy_get(policy), facts, request, arena, &mutation);
  adm_message(verdict.findings, verdict.finding_count, SEVERITY_DENY, 16384, &out);
  struct wire_response response = {
      .uid = review->uid,
      .is_allowed = verdict.is_allowed,
      .message = str_copy(arena, buf_str(&out)),
      .warnings = adm_warnings(verdict.findings, verdict.finding_count, arena),
      .patch = wire_patch_encode(arena, review->object, mutation.patches, mutation.patch_count)};
  buf_clear(&out);
  wire_response_encode(&response, &out);
  /* Whatever was asked, the answer is one that an API server can read. */
  const struct doc_node *answer;
  struct err err;
  if (!doc_parse_json(arena, buf_str(&out), &doc_limits_cluster, &answer, &err))
    __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!policy)
    set_up();
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct wire_review review;
  struct adm_request request;
  const struct workload_kind *row;
  struct err err;
  if (wire_review_decode(arena, (struct str){(const char *)data, size}, &review, &err) &&
      wire_request(arena, &review, policy_get(policy), &cluster, &request, &row, &err) && row) {
    request.now_seconds = 1767225600;
    encode(&review, &request, arena);
  }
  return 0;
}
