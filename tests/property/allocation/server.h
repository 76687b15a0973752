/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an API server holds, as plain arrays, and the checker that looks at nothing else: which
 * card of which node a pod has is read from the annotations that its Binding wrote.
 */
#ifndef SLICEGATE_TESTS_ALLOCATION_SERVER_H
#define SLICEGATE_TESTS_ALLOCATION_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SERVER_NODES = 8,
  SERVER_PODS = 48,
  SERVER_CARDS = 4,
  SERVER_TEXT_MAX = 32,
  SERVER_EVENTS_MAX = 512,
};

/* What one pod asks for, and one kind of node lists. MIG nodes list both profiles. */
enum server_resource {
  SERVER_MILLI, /* slicegate.dev/gpu-milli: the card is chosen at bind */
  SERVER_MEM,   /* aliyun.com/gpu-mem: so is this */
  SERVER_GPU,   /* counted, and the plugin picks */
  SERVER_MIG_SMALL,
  SERVER_MIG_LARGE,
  SERVER_RESOURCES
};
extern const char *const server_names[SERVER_RESOURCES];

/* Its devices never change: what it lists of them may, as a plugin restarts. */
struct server_node {
  bool is_there, lists_nothing;
  int cards;
  int64_t amounts[SERVER_RESOURCES]; /* in all; 0: not of this kind */
};

struct server_pod {
  bool is_there, is_over;
  uint64_t uid;
  enum server_resource resource;
  int64_t amount;
  int node;                    /* -1: waits */
  char cards[SERVER_TEXT_MAX]; /* as annotated: "0,2" */
  char part[SERVER_TEXT_MAX];  /* of the card, where the protocol writes it down */
};

/* What a watch tells of one object: as it was then. */
struct server_event {
  bool is_pod, is_gone;
  int index;
  struct server_node node;
  struct server_pod pod;
};

struct server {
  struct server_node nodes[SERVER_NODES];
  struct server_pod pods[SERVER_PODS];
  uint64_t last_uid;
  struct server_event events[SERVER_EVENTS_MAX]; /* not told yet, oldest first */
  size_t event_count;
  uint64_t bindings, conflicts, doubles;
};

void server_put_node(struct server *server, int index, const struct server_node *node);
void server_drop_node(struct server *server, int index);
void server_create_pod(struct server *server, int index, enum server_resource resource,
                       int64_t amount);
void server_end_pod(struct server *server, int index);
void server_drop_pod(struct server *server, int index);
/* Takes out the oldest event of the object that the event at `at` is about. */
struct server_event server_take_event(struct server *server, size_t at);

/* POST .../binding: false is a conflict: no such pod of this uid, or it has a node. */
struct server_binding {
  int pod, node;
  uint64_t uid;
  char cards[SERVER_TEXT_MAX], part[SERVER_TEXT_MAX];
};
bool server_bind(struct server *server, const struct server_binding *binding);

/*
 * The checker: on how many nodes pods that have not ended have more of a card than it has, or more
 * of a resource than there is, or a card that there is not, or none where one must be named.
 */
size_t server_doubles(const struct server *server);

#endif
