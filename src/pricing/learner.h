/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the learner: kinds of pod, traffic, and the tables made of them. */
#ifndef SLICEGATE_PRICING_LEARNER_H
#define SLICEGATE_PRICING_LEARNER_H

#include "slicegate/pricing.h"

/* One kind of pod, and how often it was seen. */
struct kind {
  struct pack_request request;
  double count;
  double share_in_tables; /* of all pods, when tables were made last */
  bool is_in_tables;
};

/* ---- traffic.c: moving averages of arrivals, departures, slices offered and accepted -------- */

struct traffic {
  double window;            /* arrivals that would fill the MIG devices: what averages go over */
  double departures;        /* of MIG pods per arrival */
  double offered, accepted; /* milli-GPU */
};
void traffic_init(struct traffic *traffic);
/* The window follows the devices there are and what a MIG pod asks for in the mean. */
void traffic_set_window(struct traffic *traffic, const struct pack_cluster *cluster,
                        double milli_per_pod);
void traffic_arrived(struct traffic *traffic, const struct pack_request *request);
void traffic_departed(struct traffic *traffic, const struct pack_request *request);
void traffic_judged(struct traffic *traffic, const struct pack_catalog *catalog,
                    const struct pack_request *request, bool is_accepted);
struct pack_traffic traffic_get(const struct traffic *traffic, const struct pack_cluster *cluster);

/* ---- build_tables.c ----------------------------------------------------------------------------
 */

struct pack_tables_ref *build_tables(const struct pack_catalog *catalog,
                                     const struct pack_cluster *cluster, const struct kind *kinds,
                                     size_t count, double counted, uint32_t version) SG_MUST_CHECK;

/* Milli-GPU that MIG pods ask for in the mean; 0: there are none. */
double mig_milli_per_pod(const struct pack_catalog *catalog, const struct kind *kinds,
                         size_t count);

#endif
