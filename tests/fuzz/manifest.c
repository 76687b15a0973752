/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest as `slicegate check` reads it: YAML or JSON, decoded, judged, located. */
#include "slicegate/admission.h"
#include "slicegate/wire.h"
#include "tests/support/fuzz_main.h"

static void judge(const struct doc_node *object, const struct policy_view *view,
                  struct arena *arena) {
  struct workload workload;
  const struct workload_kind *row;
  struct err err;
  if (!wire_workload_decode(arena, object, view, &workload, &row, &err) || !row)
    return;
  struct adm_request request = {
      .operation = ADM_CREATE, .object = &workload, .is_changed = true, .now_seconds = 1767225600};
  struct adm_verdict verdict;
  adm_validate(view, NULL, &request, arena, &verdict);
  for (size_t i = 0; i < verdict.finding_count; i++) {
    uint32_t line, column;
    bool found;
    doc_locate(object, verdict.findings[i].field, &line, &column, &found);
    if (line == 0)
      __builtin_trap();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct policy *policy;
  if (!policy)
    policy = policy_builtin();
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct doc_stream stream;
  struct err err;
  /* Small limits keep one input quick; the limits themselves are reached this way too. */
  static const struct doc_limits limits = {1 << 20, 100, 50000};
  if (doc_parse_manifest(arena, (struct str){(const char *)data, size}, &limits, &stream, &err)) {
    for (size_t i = 0; i < stream.count; i++)
      judge(stream.documents[i], policy_get(policy), arena);
  }
  return 0;
}
