/* SPDX-License-Identifier: Apache-2.0 */
/* How heavy the traffic of MIG pods is: filling up, or coming and going, and how much of it. */
#include "src/pricing/learner.h"

static bool is_mig(const struct pack_request *request) {
  for (uint32_t f = 0; f < request->form_count; f++)
    if (request->forms[f].kind == PACK_SLICES)
      return true;
  return false;
}

void traffic_init(struct traffic *traffic) {
  const double window = 300;
  *traffic = (struct traffic){.window = window};
}

void traffic_set_window(struct traffic *traffic, const struct pack_cluster *cluster,
                        double milli_per_pod) {
  double milli = (double)pack_cluster_totals(cluster)->modes[PACK_MODE_MIG].milli;
  if (milli <= 0 || milli_per_pod <= 0)
    return;
  const double least = 20;
  double window = milli / milli_per_pod;
  traffic->window = window > least ? window : least;
}

void traffic_arrived(struct traffic *traffic, const struct pack_request *request) {
  if (is_mig(request))
    traffic->departures *= 1 - 1 / traffic->window;
}

void traffic_departed(struct traffic *traffic, const struct pack_request *request) {
  if (is_mig(request))
    traffic->departures += 1 / traffic->window;
}

void traffic_judged(struct traffic *traffic, const struct pack_catalog *catalog,
                    const struct pack_request *request, bool is_accepted) {
  if (!is_mig(request))
    return;
  const double slower = 0.3; /* than the average of departures: acceptance moves in jumps */
  double fade = 1 - slower / traffic->window;
  double milli = (double)pack_request_milli(catalog, request, 0);
  traffic->offered = traffic->offered * fade + milli;
  traffic->accepted = traffic->accepted * fade + (is_accepted ? milli : 0);
}

struct pack_traffic traffic_get(const struct traffic *traffic, const struct pack_cluster *cluster) {
  const struct pack_mode_totals *mig = &pack_cluster_totals(cluster)->modes[PACK_MODE_MIG];
  const double ppm = 1e6;
  double load = 0;
  if (mig->milli > 0 && traffic->accepted > 0) {
    double used = 1 - (double)mig->milli_left / (double)mig->milli;
    load = used * traffic->offered / traffic->accepted;
  }
  const double most = 10; /* times: beyond it nothing changes any more */
  return (struct pack_traffic){
      .departures_ppm = (uint32_t)((traffic->departures < most ? traffic->departures : most) * ppm),
      .mig_load_ppm = (uint32_t)((load < most ? load : most) * ppm)};
}
