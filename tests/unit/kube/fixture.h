/* SPDX-License-Identifier: Apache-2.0 */
/* A client of a scripted server, and a sink that writes down what it is told. */
#ifndef SLICEGATE_TESTS_KUBE_FIXTURE_H
#define SLICEGATE_TESTS_KUBE_FIXTURE_H

#include "slicegate/kube.h"
#include "tests/support/api_server.h"
#include "tests/support/temp_dir.h"

#include <pthread.h>

extern struct temp_dir fixture_dir; /* of each test */
void fixture_setup(void);
void fixture_teardown(void);

/* One line per call of the sink; objects by name. */
struct recorder {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  char *text; /* "begin\nobject a\nsynced\n" */
  size_t len;
  int64_t longest_retry_ms; /* of the errors */
};
void recorder_init(struct recorder *recorder);
void recorder_done(struct recorder *recorder);
struct kube_sink recorder_sink(struct recorder *recorder);
/* Waits until `line` has been written `times` times, 10 s at most. */
bool recorder_wait(struct recorder *recorder, const char *line, int times);
/* What has been written; the caller's to free. */
char *recorder_text(struct recorder *recorder);

struct rig {
  struct api_server *server;
  struct kube_config *config;
  struct kube_client *client;
  struct recorder recorder;
};
/* Follows the steps; the user's token is "secret". */
void rig_start(struct rig *rig, const struct api_step *steps, size_t count);
/* The same with these lines of a user ("token: x"), and a server that is there already. */
void rig_connect(struct rig *rig, const char *cluster_lines, const char *user_lines);
void rig_stop(struct rig *rig);
#define RIG(rig, steps) rig_start(&(rig), (steps), SG_ARRAY_LEN(steps))

/* Watches pods with short waits; tells rig->recorder. */
struct kube_watch *watch_begin(struct rig *rig, bool is_streaming);
/* The same with other limits; kind, waits and seed are as above unless set. */
struct kube_watch *watch_begin_with(struct rig *rig, struct kube_watch_options options);
/* Stops watch and rig; demands what has been recorded. */
void watch_end(struct rig *rig, struct kube_watch *watch, const char *wanted);

/* Writes a file of the test's folder; its path stays until the next 8 calls. */
const char *fixture_file(const char *name, const char *text);

#endif
