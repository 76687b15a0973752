/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cli/live_lab.h"

#include "slicegate/wire.h"
#include "tests/support/sleep.h"

#include <check.h>

void live_lab_init(struct live_lab *lab, api_decide_fn *decide, void *ctx) {
  char text[1024];
  struct err err = {0};
  *lab = (struct live_lab){.arena = arena_new(4096), .dir = temp_dir_make()};
  lab->server = api_server_start_deciding(decide, ctx);
  lab->kubeconfig = temp_path(&lab->dir, "config");
  (void)snprintf(text, sizeof(text),
                 "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                 "contexts:\n- name: c\n  context: {cluster: c, user: u}\n"
                 "clusters:\n- name: c\n  cluster: {server: \"http://127.0.0.1:%u\"}\n"
                 "users:\n- name: u\n  user: {token: our-own}\n",
                 api_server_port(lab->server));
  temp_write(lab->kubeconfig.text, text);
  lab->live =
      live_new(&(struct live_config){.kubeconfig = lab->kubeconfig.text, .gives_hami = true}, &err);
  ck_assert_msg(lab->live != NULL, "%s", err.text);
  live_lab_put_node(lab, "a", "1", NULL);
}

void live_lab_done(struct live_lab *lab) {
  live_free(lab->live);
  api_server_stop(lab->server);
  temp_dir_remove(&lab->dir);
  arena_free(lab->arena);
}

void live_lab_sync(struct live_lab *lab) {
  for (size_t i = 0; i < STATE_KINDS; i++)
    state_synced(live_state(lab->live), (enum state_kind)i);
}

void live_lab_put_node(struct live_lab *lab, const char *name, const char *gpus,
                       const char *taint) {
  struct node node;
  struct err err = {0};
  struct str json = str_printf(
      lab->arena,
      "{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"taints\":[%s%s%s]},\"status\":{\"allocatable\":{"
      "\"cpu\":\"8\",\"memory\":\"8Gi\",\"pods\":\"9\",\"nvidia.com/gpu\":\"%s\"}}}",
      name, taint ? "{\"effect\":\"NoSchedule\",\"key\":\"" : "", taint ? taint : "",
      taint ? "\"}" : "", gpus);
  ck_assert_msg(wire_node_read(lab->arena, json, &node, &err), "%s", err.text);
  state_put_node(live_state(lab->live), &node);
}

struct pod_shape {
  const char *name, *node, *gpus, *version, *status;
};

static void put_shape(struct live_lab *lab, const struct pod_shape *shape) {
  struct pod pod;
  struct err err = {0};
  struct str json = str_printf(
      lab->arena,
      "{\"metadata\":{\"namespace\":\"ml\",\"name\":\"%s\",\"uid\":\"%s-uid\","
      "\"resourceVersion\":\"%s\",\"creationTimestamp\":\"1970-01-02T00:00:00Z\"},"
      "\"spec\":{\"nodeName\":\"%s\",\"containers\":[{\"name\":\"m\",\"resources\":{\"limits\":{"
      "\"nvidia.com/gpu\":\"%s\"}}}]},\"status\":{\"phase\":\"%s\",%s}}",
      shape->name, shape->name, shape->version, shape->node ? shape->node : "", shape->gpus,
      shape->node ? "Running" : "Pending", shape->status);
  ck_assert_msg(wire_pod_read(lab->arena, json, &pod, &err), "%s", err.text);
  state_put_pod(live_state(lab->live), &pod);
}

static void put_pod(struct live_lab *lab, const char *name, const char *node, const char *gpus,
                    const char *status) {
  put_shape(lab, &(struct pod_shape){name, node, gpus, "3", status});
}

void live_lab_put_pod(struct live_lab *lab, const char *name, const char *node, const char *gpus) {
  put_pod(lab, name, node, gpus, "\"conditions\":[]");
}

void live_lab_put_rejected(struct live_lab *lab, const char *name, const char *gpus) {
  put_pod(lab, name, NULL, gpus,
          "\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":"
          "\"Unschedulable\"}]");
}

void live_lab_put_nominated(struct live_lab *lab, const char *name, const char *node,
                            const char *version) {
  struct str status = str_printf(lab->arena, "\"nominatedNodeName\":\"%s\"", node);
  put_shape(lab, &(struct pod_shape){name, NULL, "1", version, status.ptr});
}

struct placer *live_lab_start_placer(struct live_lab *lab, size_t best) {
  struct err err = {0};
  struct placer *placer = placer_new(live_state(lab->live), best);
  ck_assert_msg(placer_start(placer, &err), "%s", err.text);
  for (int i = 0; i < 1000 && !placer_is_ready(placer); i++)
    sleep_for(10);
  return placer;
}

struct fence *live_lab_start_fence(struct live_lab *lab) {
  struct err err = {0};
  const struct fence_config config = {.live = lab->live, .identity = STR_LIT("me"), .retry_ms = 10};
  struct fence *fence = fence_start(&config, &err);
  ck_assert_msg(fence != NULL, "%s", err.text);
  return fence;
}

void live_lab_assert_metric(const struct live_metrics_of *of, const char *line) {
  CLEANUP_BUF struct buf page;
  struct sys_metrics *registry = sys_metrics_new("slicegate");
  struct live_metrics *metrics = live_metrics_new(registry);
  buf_init(&page, 1 << 20);
  live_metrics_refresh(metrics, of);
  sys_metrics_write(registry, &page);
  ck_assert_msg(memmem(page.ptr, page.len, line, strlen(line)) != NULL, "%s", line);
  live_metrics_free(metrics);
  sys_metrics_free(registry);
}
