/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a list of nodes and, behind a line of three hyphens, a list of pods: read in small
 * pieces they give what they give at once, and what is read is in its ranges.
 */
#include "slicegate/simulate.h"
#include "tests/support/fuzz_main.h"

static void demand(bool holds) {
  if (!holds)
    __builtin_trap();
}

static bool read_list(struct sim_trace *trace, enum sim_list list, struct str text, size_t chunk,
                      struct err *err) {
  struct sim_reader *reader = sim_reader_new(trace, list);
  bool is_good = true;
  while (text.len && is_good) {
    size_t len = text.len < chunk ? text.len : chunk;
    is_good = sim_reader_feed(reader, (struct str){text.ptr, len}, err);
    text = str_skip(text, len);
  }
  is_good = is_good && sim_reader_end(reader, err);
  sim_reader_free(reader);
  return is_good;
}

static bool read_both(struct sim_trace *trace, struct str nodes, struct str pods, size_t chunk,
                      struct err *err) {
  return read_list(trace, SIM_NODES, nodes, chunk, err) &&
         read_list(trace, SIM_PODS, pods, chunk, err);
}

static void split(struct str all, struct str *ret_nodes, struct str *ret_pods) {
  const struct str mark = STR_LIT("\n---\n");
  *ret_nodes = all;
  *ret_pods = (struct str){NULL, 0};
  for (struct str rest = all; rest.len >= mark.len; rest = str_skip(rest, 1)) {
    if (!str_starts_with(rest, mark))
      continue;
    *ret_nodes = (struct str){all.ptr, (size_t)(rest.ptr - all.ptr)};
    *ret_pods = str_skip(rest, mark.len);
    return;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str nodes, pods;
  split((struct str){(const char *)data, size}, &nodes, &pods);
  struct sim_trace *whole = sim_trace_new(), *pieces = sim_trace_new();
  struct err first = {0}, second = {0};
  bool is_good = read_both(whole, nodes, pods, SIZE_MAX, &first);
  demand(read_both(pieces, nodes, pods, 1 + size % 7, &second) == is_good);
  demand(first.line == second.line && first.column == second.column);
  demand(strcmp(first.text, second.text) == 0);
  demand(is_good || (first.line > 0 && first.column > 0 && first.text[0]));
  for (const char *at = first.text; *at; at++)
    demand(*at >= 0x20 && *at < 0x7f);
  const struct sim_trace_facts *facts = sim_trace_facts(whole);
  demand(facts->nodes_hash == sim_trace_facts(pieces)->nodes_hash);
  demand(facts->pods_hash == sim_trace_facts(pieces)->pods_hash);
  demand(facts->capacity_milli == (int64_t)facts->gpus * PACK_MILLI);
  demand(facts->classes <= facts->pods && facts->pods_without_model <= facts->pods);
  demand(facts->pods_too_large + facts->pods_without_model <= facts->pods);
  demand(facts->requested_milli >= 0);
  demand(!is_good || (facts->nodes > 0 && facts->pods > 0));
  sim_trace_free(whole);
  sim_trace_free(pieces);
  return 0;
}
