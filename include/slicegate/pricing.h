/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pricing: what packing's decisions are priced with, learnt from the pods that arrive. Reads
 * arrivals, builds `struct pack_tables`: integers, versioned, swapped whole. Off the decision
 * path, so floating point is fine here; no I/O, no clock, no threads of its own. The same
 * arrivals give the same tables.
 *
 * A learner belongs to one thread; tables that it made may be read by many.
 */
#ifndef SLICEGATE_PRICING_H
#define SLICEGATE_PRICING_H

#include "slicegate/base.h"
#include "slicegate/packing.h"

/* ---- the learner (learner.c) ---------------------------------------------------------------- */

struct pricing_learner;
struct pricing_learner *pricing_learner_new(const struct pack_catalog *catalog) SG_MUST_CHECK;
void pricing_learner_free(struct pricing_learner *learner);
/* An independent one that has seen the same: what simulations that start alike begin with. */
struct pricing_learner *pricing_learner_copy(const struct pricing_learner *learner) SG_MUST_CHECK;
/*
 * What is known before the first arrival (a trace's list, the pods that run now): counts as
 * PRICING_HISTORY_PODS arrivals in these proportions, so that a wrong history fades.
 */
enum { PRICING_HISTORY_PODS = 1000 };
void pricing_learner_history(struct pricing_learner *learner, const struct pack_request *requests,
                             const uint32_t *counts, size_t count);
void pricing_learner_arrived(struct pricing_learner *learner, const struct pack_request *request);
/* A pod that was placed has ended. */
void pricing_learner_departed(struct pricing_learner *learner, const struct pack_request *request);
/* The request that arrived last was placed, or refused: slices offered and accepted tell how
 * heavy the load on MIG devices is. */
void pricing_learner_judged(struct pricing_learner *learner, const struct pack_request *request,
                            bool is_accepted);
/* Looked at once an arrival. At stated arrival counts (100, 300, 1000, 3000, then every 3000)
 * when the mix has drifted from the one of the last tables; and when a kind of pod with several
 * GPUs arrives that they do not know. */
bool pricing_learner_is_due(const struct pricing_learner *learner);
/* New tables for this cluster. Own the reference. Never NULL. */
struct pack_tables_ref *pricing_learner_tables(struct pricing_learner *learner,
                                               const struct pack_cluster *cluster) SG_MUST_CHECK;
/* For pack_scorer_set_conditions. */
struct pack_traffic pricing_learner_traffic(const struct pricing_learner *learner,
                                            const struct pack_cluster *cluster);

/* ---- bid prices of a divisible device (bid_prices.c)
 * --------------------------------------------- */

/*
 * Dual of the bin-packing LP: what a bin's remainder is worth to pods of these sizes. Sizes are
 * in 1..capacity (milli, or replicas), weights > 0. ret[r], r = 0..capacity, in micro-bins
 * (ret[capacity] is PACK_MICRO unless nothing is asked for). Also the share of capacity that the
 * LP leaves empty, in ppm. With no sizes: proportional prices, waste 0.
 */
void pricing_bid_prices(const uint16_t *sizes, const double *weights, size_t count,
                        uint16_t capacity, int32_t *ret, uint32_t *ret_waste_ppm);

/* ---- the market price of MIG layouts (mig_market.c)
 * ------------------------------------------------- */

/*
 * Values of all layouts of a product for pods of these profiles (weights[p], as many as
 * mig->profile_count; 0: not asked for; none above 0: all alike) on `gpus` such GPUs, one table
 * a load. Values are in micro-GPU, ret[load][layout]: the empty layout is PACK_MICRO, full ones
 * are about 0. Built by self-play and a contest in simulation, with fixed seeds: a quarter of a
 * second of CPU for an H100. The method is in docs/packing.md.
 */
void pricing_mig_values(const struct pack_mig *mig, const double *weights, uint32_t gpus,
                        int32_t *ret[PACK_LOADS]);
/*
 * The value table of one GPU alone: expected slices never used if random pods of the mix keep
 * arriving at it; exact, over occupancy masks. ret[layout] in slices.
 */
void pricing_mig_waste(const struct pack_mig *mig, const double *weights, double *ret);

/*
 * Proposes a MIG layout for `gpus` empty GPUs of one product and a demand mix: per GPU the
 * instances to create, ret[gpu * profile_count + p]. Instances are added in proportion to
 * weights[p], whatever is furthest behind first, until nothing that is asked for fits any more.
 * Every GPU's instances can be placed; GPUs that are cut alike stand together.
 */
void pricing_mig_layout(const struct pack_mig *mig, const double *weights, uint32_t gpus,
                        uint8_t *ret);

#endif
