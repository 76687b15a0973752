/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/explain/asked.h"

#include "slicegate/wire.h"

#include <check.h>

void asked_init(struct asked *asked, const char *yaml) {
  struct err err = {0};
  *asked = (struct asked){.arena = arena_new(4096)};
  ck_assert_msg(wire_cluster_decode_pods(asked->arena, str_of(yaml), &asked->cluster, &err),
                "%u:%u: %s", err.line, err.column, err.text);
  asked->scene = explain_scene_new(&asked->cluster, products_builtin(), &err);
  ck_assert_msg(asked->scene != NULL, "%s", err.text);
}

void asked_done(struct asked *asked) {
  explain_scene_free(asked->scene);
  arena_free(asked->arena);
}

const struct pod *asked_pod(struct asked *asked, const char *name) {
  for (size_t i = 0; i < asked->cluster.pod_count; i++)
    if (str_is(asked->cluster.pods[i].name, name))
      return &asked->cluster.pods[i];
  ck_abort_msg("no pod %s", name);
  return NULL;
}

const struct explain_answer *asked_question(struct asked *asked,
                                            const struct explain_question *question) {
  explain_pod(asked->scene, question, asked->arena, &asked->answer);
  return &asked->answer;
}

const struct explain_answer *asked_about(struct asked *asked, const char *pod) {
  const struct explain_question question = {.pod = asked_pod(asked, pod)};
  return asked_question(asked, &question);
}
