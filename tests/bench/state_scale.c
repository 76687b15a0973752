/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state at the size of the issue: nodes of 8 GPUs with the labels of GPU Feature Discovery, pods
 * that fill them, and then what happens in a busy cluster. Prints one figure a line.
 *
 *   state_scale [NODES [PODS]]
 */
#include "slicegate/state.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LABELS = 50, LABELS_OF_GPUS = 4, NAME_MAX_BYTES = 64, GPU_PODS = 8 };

struct scale {
  struct state *state;
  size_t nodes, pods;
  char names[LABELS][NAME_MAX_BYTES];
};

/* Of this thread: others may be at work on the machine. */
static double now_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double resident_mib(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%*s %ld", &pages) != 1)
    pages = 0;
  if (file)
    (void)fclose(file);
  return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static void say(const char *what, double value, const char *unit) {
  (void)printf("%-58s %10.2f %s\n", what, value, unit);
}

static struct str name_of(char *into, const char *prefix, size_t number) {
  int len = snprintf(into, NAME_MAX_BYTES, "%s-%06zu", prefix, number);
  return (struct str){into, (size_t)len};
}

/* ---- objects ----------------------------------------------------------------------------- */

static struct resource_amount amount(const char *name, const char *text) {
  struct resource_amount made = {.name = str_of(name), .text = str_of(text)};
  made.is_valid = qty_parse(made.text, &made.amount);
  return made;
}

static void put_node(struct scale *scale, size_t number, bool is_restarting) {
  char name[NAME_MAX_BYTES];
  struct key_value labels[LABELS_OF_GPUS + LABELS] = {
      {STR_LIT("nvidia.com/gpu.product"), STR_LIT("NVIDIA-H100-80GB-HBM3")},
      {STR_LIT("nvidia.com/gpu.count"), STR_LIT("8")},
      {STR_LIT("nvidia.com/gpu.replicas"), STR_LIT("1")},
      {STR_LIT("nvidia.com/gpu.present"), STR_LIT("true")},
  };
  for (size_t i = 0; i < LABELS; i++)
    labels[LABELS_OF_GPUS + i] = (struct key_value){str_of(scale->names[i]), STR_LIT("true")};
  struct resource_amount allocatable[] = {
      amount("cpu", "191450m"),
      amount("ephemeral-storage", "1876543210000"),
      amount("hugepages-1Gi", "0"),
      amount("hugepages-2Mi", "0"),
      amount("memory", "2113124352Ki"),
      amount("nvidia.com/gpu", is_restarting ? "0" : "8"),
      amount("pods", "110"),
  };
  state_put_node(scale->state, &(struct node){.name = name_of(name, "gpu-node", number),
                                              .labels = labels,
                                              .label_count = SG_ARRAY_LEN(labels),
                                              .allocatable = allocatable,
                                              .allocatable_count = SG_ARRAY_LEN(allocatable)});
}

struct pod_text {
  char name[NAME_MAX_BYTES], uid[NAME_MAX_BYTES], ns[NAME_MAX_BYTES], node[NAME_MAX_BYTES];
  struct resource_request requests[4];
};

/* One of the pods of its node: the first ones ask for a GPU. */
static struct pod make_pod(const struct scale *scale, size_t number, bool is_bound,
                           struct pod_text *text) {
  bool is_gpu = number / scale->nodes < GPU_PODS;
  text->requests[0] = (struct resource_request){STR_LIT("cpu"), {0, 500000000}};
  text->requests[1] = (struct resource_request){STR_LIT("memory"), {INT64_C(1) << 30, 0}};
  text->requests[2] = (struct resource_request){STR_LIT("nvidia.com/gpu"), {1, 0}};
  struct pod made = {
      .ns = name_of(text->ns, "team", number % 200),
      .name = name_of(text->name, "workload-7d9f8b6c5d", number),
      .uid = name_of(text->uid, "6f1c2d3e-0000-4000-8000-000000", number),
      .resource_version = STR_LIT("123456789"),
      .scheduler_name = STR_LIT("default-scheduler"),
      .created = 1700000000 + (int64_t)number,
      .phase = is_bound ? PHASE_RUNNING : PHASE_PENDING,
      .controller = STR_LIT("ReplicaSet"),
      .requests = text->requests,
      .request_count = is_gpu ? 3 : 2,
  };
  if (is_bound)
    made.constraints.node_name = name_of(text->node, "gpu-node", number % scale->nodes);
  return made;
}

static void put_pod(struct scale *scale, size_t number, bool is_bound, enum pod_phase phase) {
  struct pod_text text;
  struct pod pod = make_pod(scale, number, is_bound, &text);
  pod.phase = phase;
  state_put_pod(scale->state, &pod);
}

static void drop_pod(struct scale *scale, size_t number) {
  struct pod_text text;
  struct pod pod = make_pod(scale, number, true, &text);
  state_drop_pod(scale->state, pod.ns, pod.name, pod.uid);
}

/* ---- what is measured -------------------------------------------------------------------- */

static void fill(struct scale *scale) {
  double start = now_ms();
  for (enum state_kind kind = 0; kind < STATE_KINDS; kind++)
    state_begin(scale->state, kind);
  for (size_t i = 0; i < scale->nodes; i++)
    put_node(scale, i, false);
  say("nodes, first listing", now_ms() - start, "ms");
  say("resident with nodes", resident_mib(), "MiB");
  start = now_ms();
  for (size_t i = 0; i < scale->pods; i++)
    put_pod(scale, i, true, PHASE_RUNNING);
  say("pods, first listing", now_ms() - start, "ms");
  for (enum state_kind kind = 0; kind < STATE_KINDS; kind++)
    state_synced(scale->state, kind);
  say("resident", resident_mib(), "MiB");
}

static void list_again(struct scale *scale) {
  double start = now_ms();
  state_begin(scale->state, STATE_PODS);
  for (size_t i = 0; i < scale->pods; i++)
    put_pod(scale, i, true, PHASE_RUNNING);
  say("pods, listed again, nothing new", now_ms() - start, "ms");
  start = now_ms();
  state_synced(scale->state, STATE_PODS);
  say("end of that listing", now_ms() - start, "ms");
}

/* Of 500 events: a pod's five states, the rest heartbeats of nodes and pods. */
static void live(struct scale *scale, size_t look_every) {
  enum { EVENTS = 50000 };
  const struct state_snapshot *held = state_snapshot(scale->state);
  double start = now_ms();
  for (size_t e = 0; e < EVENTS; e++) {
    size_t fresh = scale->pods + e / 10;
    switch (e % 10) {
    case 0:
      put_pod(scale, fresh % scale->nodes + scale->nodes * 1000, false, PHASE_PENDING);
      break;
    case 2:
      put_pod(scale, fresh % scale->nodes + scale->nodes * 1000, true, PHASE_PENDING);
      break;
    case 4:
      put_pod(scale, fresh % scale->nodes + scale->nodes * 1000, true, PHASE_RUNNING);
      break;
    case 6:
      put_pod(scale, fresh % scale->nodes + scale->nodes * 1000, true, PHASE_SUCCEEDED);
      break;
    case 8:
      drop_pod(scale, fresh % scale->nodes + scale->nodes * 1000);
      break;
    case 9:
      put_node(scale, e % scale->nodes, e % 1000 == 9);
      break;
    default:
      put_pod(scale, e * 7 % scale->pods, true, PHASE_RUNNING);
      break;
    }
    if (look_every && e % look_every == 0) {
      state_snapshot_unref(held);
      held = state_snapshot(scale->state);
    }
  }
  double each = (now_ms() - start) / EVENTS;
  state_snapshot_unref(held);
  char what[NAME_MAX_BYTES];
  if (look_every)
    (void)snprintf(what, sizeof(what), "an event, a look at every %zu", look_every);
  else
    (void)snprintf(what, sizeof(what), "an event");
  say(what, each * 1000, "us");
  say("  500 events a second", each * 500 / 10, "% of a core");
}

static void look(struct scale *scale) {
  enum { ROUNDS = 200 };
  double start = now_ms(), worst = 0;
  for (size_t i = 0; i < ROUNDS; i++) {
    put_pod(scale, i, true, PHASE_SUCCEEDED);
    double before = now_ms();
    const struct state_snapshot *snapshot = state_snapshot(scale->state);
    double took = now_ms() - before;
    worst = took > worst ? took : worst;
    state_snapshot_unref(snapshot);
    put_pod(scale, i, true, PHASE_RUNNING);
  }
  say("a snapshot after a change", (now_ms() - start) / ROUNDS * 1000, "us");
  say("  the longest", worst * 1000, "us");
  const struct state_snapshot *snapshot = state_snapshot(scale->state);
  char name[NAME_MAX_BYTES];
  struct str key = name_of(name, "gpu-node", scale->nodes / 2);
  size_t sum = 0;
  start = now_ms();
  for (size_t i = 0; i < 1000000; i++) {
    name[14] = (char)('0' + i % 10);
    sum += state_snapshot_find(snapshot, key, SIZE_MAX);
  }
  say("a node by its name", (now_ms() - start) + (sum == 1), "ns");
  state_snapshot_unref(snapshot);
  struct state_stats stats;
  start = now_ms();
  state_get_stats(scale->state, &stats);
  say("figures", (now_ms() - start) * 1000, "us");
  start = now_ms();
  size_t differed = state_verify(scale->state, scale->nodes);
  say("verified, a node", (now_ms() - start) / (double)scale->nodes * 1000, "us");
  say("  that differed", (double)differed, "nodes");
  say("bytes of objects", (double)stats.bytes / (1 << 20), "MiB");
  start = now_ms();
  struct arena *arena = arena_new(1 << 20);
  struct cluster cluster;
  state_record(scale->state, arena, &cluster);
  say("recorded", now_ms() - start, "ms");
  say("  takes", (double)arena_used(arena) / (1 << 20), "MiB");
  arena_free(arena);
}

static size_t argument(int argc, char **argv, int at, size_t otherwise) {
  int64_t number;
  return argc > at && i64_parse(str_of(argv[at]), &number) && number > 0 ? (size_t)number
                                                                         : otherwise;
}

int main(int argc, char **argv) {
  static struct scale scale;
  struct state_options options = {.products = products_builtin()};
  scale.nodes = argument(argc, argv, 1, 5000);
  scale.pods = argument(argc, argv, 2, 100000);
  scale.state = state_new(&options);
  for (size_t i = 0; i < LABELS; i++)
    (void)name_of(scale.names[i], "feature.node.kubernetes.io/cpu-cpuid", i);
  say("resident, empty", resident_mib(), "MiB");
  fill(&scale);
  list_again(&scale);
  live(&scale, 0);
  live(&scale, 10);
  live(&scale, 1);
  look(&scale);
  say("resident at the end", resident_mib(), "MiB");
  state_free(scale.state);
  return 0;
}
