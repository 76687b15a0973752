/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cluster that is asked about: a recording, or the one that a kubeconfig names, read once. Of
 * a live one the pods that are over are left out: they hold nothing and there may be many.
 */
#include "src/cli/explain_cmd.h"

#include "slicegate/kube.h"
#include "slicegate/wire.h"
#include "src/cli/load.h"

#include <stdlib.h>

struct explain_cluster {
  struct arena *arena;
  struct loaded_cluster *loaded; /* of a recording */
  struct kube_config *config;    /* of a live one, with the rest */
  struct kube_client *client;
  struct cluster cluster;
};

void explain_cluster_free(struct explain_cluster *cluster) {
  if (!cluster)
    return;
  loaded_cluster_free(cluster->loaded);
  kube_client_free(cluster->client);
  kube_config_free(cluster->config);
  arena_free(cluster->arena);
  free(cluster);
}

void explain_cluster_free_ptr(struct explain_cluster **cluster) {
  explain_cluster_free(*cluster);
}

const struct cluster *explain_cluster_get(const struct explain_cluster *cluster) {
  return &cluster->cluster;
}

struct str explain_cluster_namespace(const struct explain_cluster *cluster) {
  return cluster->config ? kube_config_namespace(cluster->config) : STR_LIT("default");
}

/* ---- lists of a live cluster ------------------------------------------------------------- */

/* A growing list of one kind. */
struct gathering {
  struct explain_cluster *into;
  enum { GATHER_NODES, GATHER_NAMESPACES, GATHER_PODS, GATHER_SLICES } what;
  char *items;
  size_t size, count, cap, bytes;
};

static void begin(void *ctx) {
  struct gathering *g = ctx;
  g->count = g->bytes = 0; /* what the arena has of it stays there, unused */
}

static bool read_object(struct gathering *g, struct str json, void *ret, struct err *reterr) {
  struct arena *arena = g->into->arena;
  switch (g->what) {
  case GATHER_NODES:
    return wire_node_read(arena, json, ret, reterr);
  case GATHER_NAMESPACES:
    return wire_namespace_read(arena, json, ret, reterr);
  case GATHER_PODS:
    return wire_pod_read(arena, json, ret, reterr);
  case GATHER_SLICES:
    return wire_dra_read(arena, json, ret, reterr);
  }
  return false;
}

static bool take(void *ctx, struct str json, struct err *reterr) {
  struct gathering *g = ctx;
  g->bytes += json.len;
  if (g->bytes > EXPLAIN_LIVE_MAX_BYTES)
    return err_set(reterr, ERR_LIMIT, "more than %d bytes of objects", EXPLAIN_LIVE_MAX_BYTES);
  if (g->count == g->cap) {
    g->cap = g->cap ? g->cap * 2 : 256;
    g->items = mem_realloc(g->items, g->cap * g->size);
  }
  /* What is read views the text, which is the page's. */
  return read_object(g, str_copy(g->into->arena, json), g->items + g->count++ * g->size, reterr);
}

static bool gather(struct gathering *g, const struct kube_kind *kind, struct str field_selector,
                   struct err *reterr) {
  const struct kube_list_request request = {.kind = kind,
                                            .field_selector = field_selector,
                                            .max_objects = EXPLAIN_LIVE_MAX_PODS,
                                            .ctx = g,
                                            .begin = begin,
                                            .object = take};
  return kube_list(g->into->client, &request, reterr);
}

/* The list in the arena, as long as it is. */
static void *settle(struct gathering *g) {
  void *made = arena_array(g->into->arena, g->count, g->size);
  if (g->count)
    memcpy(made, g->items, g->count * g->size);
  free(g->items);
  g->items = NULL;
  return made;
}

static int by_node(const void *a, const void *b) {
  return str_cmp(((const struct wire_dra *)a)->node, ((const struct wire_dra *)b)->node);
}

/* Which nodes have devices of a DRA driver. Older clusters have no such lists, and not everybody
 * may read them: the answer is for the nodes as they are without, then. */
static void read_slices(struct explain_cluster *cluster, struct node *nodes, size_t count,
                        FILE *err) {
  struct gathering g = {.into = cluster, .what = GATHER_SLICES, .size = sizeof(struct wire_dra)};
  struct err why = {0};
  bool is_read = gather(&g, &kube_resource_slices, (struct str){NULL, 0}, &why);
  struct wire_dra *slices = settle(&g);
  if (!is_read && why.code != ERR_NOT_FOUND)
    (void)fprintf(err, "slicegate: devices of DRA drivers are not known: %s\n", why.text);
  if (!is_read || g.count == 0)
    return;
  qsort(slices, g.count, sizeof(*slices), by_node);
  for (size_t n = 0, s = 0; n < count; n++) {
    while (s < g.count && str_cmp(slices[s].node, nodes[n].name) < 0)
      s++;
    for (; s < g.count && str_eq(slices[s].node, nodes[n].name); s++)
      nodes[n].has_dra |= slices[s].devices > 0;
  }
}

static bool read_nodes(struct explain_cluster *ret, FILE *err, struct err *reterr) {
  struct gathering g = {.into = ret, .what = GATHER_NODES, .size = sizeof(struct node)};
  bool is_read = gather(&g, &kube_nodes, (struct str){NULL, 0}, reterr);
  struct node *nodes = settle(&g);
  nodes_sort(nodes, g.count);
  if (is_read)
    read_slices(ret, nodes, g.count, err);
  ret->cluster.nodes = nodes;
  ret->cluster.node_count = g.count;
  ret->cluster.has_nodes = is_read;
  return is_read;
}

static bool read_pods(struct explain_cluster *ret, struct err *reterr) {
  struct gathering g = {.into = ret, .what = GATHER_PODS, .size = sizeof(struct pod)};
  bool is_read =
      gather(&g, &kube_pods, STR_LIT("status.phase!=Succeeded,status.phase!=Failed"), reterr);
  struct pod *pods = settle(&g);
  pods_sort(pods, g.count);
  ret->cluster.pods = pods;
  ret->cluster.pod_count = g.count;
  ret->cluster.has_pods = is_read;
  return is_read;
}

static bool read_namespaces(struct explain_cluster *ret, struct err *reterr) {
  struct gathering g = {
      .into = ret, .what = GATHER_NAMESPACES, .size = sizeof(struct k8s_namespace)};
  bool is_read = gather(&g, &kube_namespaces, (struct str){NULL, 0}, reterr);
  struct k8s_namespace *namespaces = settle(&g);
  namespaces_sort(namespaces, g.count);
  ret->cluster.namespaces = namespaces;
  ret->cluster.namespace_count = g.count;
  ret->cluster.has_namespaces = is_read;
  return is_read;
}

static bool read_live(const struct explain_source *source, struct explain_cluster *ret, FILE *err,
                      struct err *reterr) {
  const struct kube_config_request request = {.kubeconfig = source->kubeconfig,
                                              .context = source->context};
  ret->config = kube_config_load(&request, reterr);
  if (!ret->config)
    return false;
  ret->client = kube_client_new(ret->config, &(struct kube_client_options){0}, reterr);
  return ret->client && read_nodes(ret, err, reterr) && read_pods(ret, reterr) &&
         (!source->wants_namespaces || read_namespaces(ret, reterr));
}

struct explain_cluster *explain_cluster_read(const struct explain_source *source, FILE *err) {
  struct explain_cluster *made = mem_zalloc(sizeof(*made));
  struct err why = {0};
  made->arena = arena_new(1 << 20);
  if (source->recorded) {
    made->loaded = cli_load_cluster_pods(source->recorded, err);
    if (made->loaded) {
      made->cluster = *loaded_cluster_get(made->loaded);
      return made;
    }
  } else if (read_live(source, made, err, &why)) {
    return made;
  } else {
    (void)fprintf(err, "slicegate: %s\n", why.text);
    if (why.code == ERR_NOT_FOUND && !made->config)
      (void)fputs("A recorded cluster does as well: --cluster FILE\n", err);
  }
  explain_cluster_free(made);
  return NULL;
}

/* ---- one pod ----------------------------------------------------------------------------- */

void explain_say_missing(const struct cluster *cluster, struct str ns, struct str name,
                         struct buf *out) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct str *names = arena_array(arena, cluster->pod_count, sizeof(*names));
  size_t count = 0;
  const struct pod *elsewhere = NULL;
  for (size_t i = 0; i < cluster->pod_count; i++) {
    if (str_eq(cluster->pods[i].ns, ns))
      names[count++] = cluster->pods[i].name;
    else if (!elsewhere && str_eq(cluster->pods[i].name, name))
      elsewhere = &cluster->pods[i];
  }
  struct str nearest = str_nearest(name, names, count);
  buf_printf(out, "no pod %.*s/%.*s", STR_FMT(ns), STR_FMT(name));
  if (elsewhere)
    buf_printf(out, ", did you mean %.*s/%.*s?", STR_FMT(elsewhere->ns), STR_FMT(name));
  else if (nearest.len)
    buf_printf(out, ", did you mean %.*s/%.*s?", STR_FMT(ns), STR_FMT(nearest));
  else if (count == 0)
    buf_printf(out, "; there are no pods in namespace %.*s", STR_FMT(ns));
}

static void print_missing(const struct explain_cluster *cluster, struct str ns, struct str name,
                          FILE *err) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4096);
  buf_append_cstr(&text, "slicegate: ");
  explain_say_missing(&cluster->cluster, ns, name, &text);
  buf_append_char(&text, '\n');
  cli_print_lines(buf_str(&text), err);
}

/* One that is over is not in the lists. NULL: there is none either. */
static const struct pod *get_live(struct explain_cluster *cluster, struct str ns, struct str name) {
  CLEANUP_BUF struct buf path;
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  struct err why = {0};
  struct pod *pod = arena_alloc(cluster->arena, sizeof(*pod));
  buf_init(&path, 4096);
  if (!kube_path(&kube_pods, ns, name, NULL, &path, &why))
    return NULL;
  const struct kube_request request = {.method = KUBE_GET, .path = buf_str(&path)};
  if (!kube_call(cluster->client, &request, &response, &why) ||
      !wire_pod_read(cluster->arena, str_copy(cluster->arena, buf_str(&response.body)), pod, &why))
    return NULL;
  return pod;
}

const struct pod *explain_cluster_find(struct explain_cluster *cluster, struct str ns,
                                       struct str name, FILE *err) {
  for (size_t i = 0; i < cluster->cluster.pod_count; i++)
    if (str_eq(cluster->cluster.pods[i].name, name) && str_eq(cluster->cluster.pods[i].ns, ns))
      return &cluster->cluster.pods[i];
  const struct pod *found = cluster->client ? get_live(cluster, ns, name) : NULL;
  if (!found)
    print_missing(cluster, ns, name, err);
  return found;
}
