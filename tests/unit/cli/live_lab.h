/* SPDX-License-Identifier: Apache-2.0 */
/* A live cluster whose API server is scripted, and whose content the test puts into the state
 * itself: namespace "ml", node "a" with one GPU. */
#ifndef SLICEGATE_TESTS_CLI_LIVE_LAB_H
#define SLICEGATE_TESTS_CLI_LIVE_LAB_H

#include "src/cli/fence.h"
#include "src/cli/live_metrics.h"
#include "tests/support/api_server.h"
#include "tests/support/temp_dir.h"

struct live_lab {
  struct api_server *server;
  struct temp_dir dir;
  struct temp_path kubeconfig;
  struct live *live;
  struct arena *arena;
};
void live_lab_init(struct live_lab *lab, api_decide_fn *decide, void *ctx);
void live_lab_done(struct live_lab *lab);
void live_lab_put_node(struct live_lab *lab, const char *name, const char *gpus, const char *taint);
/* With the uid "<name>-uid", created in 1970; `node` NULL: it waits. */
void live_lab_put_pod(struct live_lab *lab, const char *name, const char *node, const char *gpus);
/* Waiting; kube-scheduler has found no node for it. */
void live_lab_put_rejected(struct live_lab *lab, const char *name, const char *gpus);
/* Waiting, as it is read back once it has been advised on, with this resource version. */
void live_lab_put_nominated(struct live_lab *lab, const char *name, const char *node,
                            const char *version);
void live_lab_sync(struct live_lab *lab);
/* Of a lab that is synced: ready to decide. The caller stops and frees it. */
struct placer *live_lab_start_placer(struct live_lab *lab, size_t best);
/* Of this process, "me"; down. The caller stops it. */
struct fence *live_lab_start_fence(struct live_lab *lab);
/* /metrics has this text. */
void live_lab_assert_metric(const struct live_metrics_of *of, const char *line);

#endif
