/* SPDX-License-Identifier: Apache-2.0 */
#include "src/simulate/pods.h"

const char *const pod_kind_names[POD_KINDS] = {"cpu", "share", "1", "2", "4", "8"};

enum pod_kind pod_kind_of(const struct pack_request *request) {
  const struct pack_form *form = &request->forms[0];
  if (form->kind == PACK_CPU)
    return POD_CPU_ONLY;
  if (form->kind != PACK_WHOLE)
    return POD_SHARE;
  return form->count >= 8   ? POD_EIGHT
         : form->count >= 4 ? POD_FOUR
         : form->count >= 2 ? POD_TWO
                            : POD_ONE;
}

double pod_mean_milli(const struct sim_trace *trace) {
  return (double)trace->facts.requested_milli / (double)trace->facts.pods;
}

bool pod_list_check(const struct sim_trace *trace, double capacities, struct err *reterr) {
  const double arrivals_max = 20e6;
  const struct sim_trace_facts *facts = &trace->facts;
  if (facts->capacity_milli == 0)
    return err_set(reterr, ERR_INVALID, "no node has a GPU: there is nothing to fill");
  if (facts->requested_milli == 0)
    return err_set(reterr, ERR_INVALID, "no pod asks for a GPU: the cluster would never be full");
  double arrivals = capacities * (double)facts->capacity_milli / pod_mean_milli(trace);
  if (arrivals > arrivals_max)
    return err_set(reterr, ERR_LIMIT,
                   "pods of %.1f milli-GPU in the mean: %.0f of them would have to arrive, more "
                   "than %.0f",
                   pod_mean_milli(trace), arrivals, arrivals_max);
  return true;
}
