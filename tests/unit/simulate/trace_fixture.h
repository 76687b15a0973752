/* SPDX-License-Identifier: Apache-2.0 */
/* A small trace for tests: rows of pods "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec". */
#ifndef SLICEGATE_TESTS_TRACE_FIXTURE_H
#define SLICEGATE_TESTS_TRACE_FIXTURE_H

#include "src/simulate/simulate_internal.h"

#include <check.h>

static inline void trace_fixture_read(struct sim_trace *trace, enum sim_list list,
                                      const char *header, const char *rows) {
  struct err err = {0};
  struct sim_reader *reader = sim_reader_new(trace, list);
  bool is_good = sim_reader_feed(reader, str_of(header), &err) &&
                 sim_reader_feed(reader, str_of(rows), &err) && sim_reader_end(reader, &err);
  ck_assert_msg(is_good, "%u: %s", err.line, err.text);
  sim_reader_free(reader);
}

static inline struct sim_trace *trace_fixture(const char *pods) {
  struct sim_trace *trace = sim_trace_new();
  trace_fixture_read(trace, SIM_NODES, "sn,cpu_milli,memory_mib,gpu,model\n",
                     "n0,96000,786432,8,G2\n");
  trace_fixture_read(trace, SIM_PODS, "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n",
                     pods);
  return trace;
}

#endif
