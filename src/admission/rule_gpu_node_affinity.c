/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpu-node-affinity: a pod with whole GPUs says which product (or class) it means, one that
 * its team may use and that is there. MIG slices name their size already, and replicas are
 * `sharing`'s business.
 */
#include "src/admission/admission_internal.h"

static const struct str product_key = {"nvidia.com/gpu.product", 22};

static const struct gpu_request *first_whole(const struct rule_context *ctx) {
  for (size_t i = 0; i < ctx->gpu_count; i++)
    if (ctx->gpus[i].form == GPU_WHOLE && !is_virtual_gpu(ctx, &ctx->gpus[i]))
      return &ctx->gpus[i];
  return NULL;
}

/* ---- what the team may use ------------------------------------------------------ */

/* Teams that no row matches may name everything; of several rows any one permits. */
static bool is_restricted(const struct rule_context *ctx) {
  const struct param_value *products = ctx->effective->params[P_AFFINITY_PRODUCTS];
  for (size_t i = 0; i < products->products.count; i++)
    if (str_glob(products->products.items[i].team, ctx->team))
      return true;
  return false;
}

static bool may_use(const struct rule_context *ctx, struct str product) {
  const struct param_value *products = ctx->effective->params[P_AFFINITY_PRODUCTS];
  /* Rows speak of products; how a node shares or slices one does not change which it is. */
  struct str base = product_base_label(product);
  for (size_t i = 0; i < products->products.count; i++) {
    const struct team_products *row = &products->products.items[i];
    if (str_glob(row->team, ctx->team) &&
        (strings_match(&row->products, product) || strings_match(&row->products, base)))
      return true;
  }
  return false;
}

static bool may_use_all_known(const struct rule_context *ctx) {
  if (!ctx->cluster || ctx->cluster->product_count == 0)
    return false;
  for (size_t i = 0; i < ctx->cluster->product_count; i++)
    if (!may_use(ctx, ctx->cluster->products[i].label))
      return false;
  return true;
}

enum { NAMEABLE_MAX = 64 };

/*
 * Products that this pod could name, as nodes label them: a selector is compared with the
 * whole label, "-SHARED" and "-MIG-..." included. Those of nodes that offer what it asks for,
 * and what pools may bring that is not there yet.
 */
static size_t nameable_here(const struct rule_context *ctx, bool is_limited, struct str *items) {
  const struct adm_cluster *cluster = ctx->cluster;
  const struct cluster_resource *offered =
      cluster_find_resource(cluster, first_whole(ctx)->amount->name);
  size_t count = 0;
  if (!cluster)
    return 0;
  const struct strings *there =
      offered && offered->node_products.count ? &offered->node_products : &cluster->node_products;
  for (size_t i = 0; i < there->count && count < NAMEABLE_MAX; i++)
    if (!is_limited || may_use(ctx, there->items[i]))
      items[count++] = there->items[i];
  for (size_t i = 0; i < cluster->product_count && count < NAMEABLE_MAX; i++)
    if (!cluster->products[i].is_present &&
        (!is_limited || may_use(ctx, cluster->products[i].label)))
      items[count++] = cluster->products[i].label;
  return count;
}

/* The same in words; where nothing is known of the cluster, the rows of its team. */
static struct str nameable(const struct rule_context *ctx, bool is_limited) {
  struct str items[NAMEABLE_MAX];
  size_t count = nameable_here(ctx, is_limited, items);
  const struct param_value *products = ctx->effective->params[P_AFFINITY_PRODUCTS];
  for (size_t i = 0; is_limited && count == 0 && i < products->products.count; i++) {
    const struct team_products *row = &products->products.items[i];
    for (size_t k = 0; str_glob(row->team, ctx->team) && k < row->products.count; k++)
      if (count < NAMEABLE_MAX)
        items[count++] = row->products.items[k];
  }
  return shown_list(ctx, items, count, "or");
}

static struct str whose(const struct rule_context *ctx) {
  if (ctx->team.len == 0)
    return STR_LIT("a workload without a slicegate.dev/team label");
  return str_printf(ctx->arena, "team %.*s", STR_FMT(shown(ctx, ctx->team)));
}

/* ---- the three complaints ---------------------------------------------------------- */

static void report_unnamed(struct rule_context *ctx, bool is_limited) {
  struct str choice = nameable(ctx, is_limited);
  struct str message =
      is_limited
          ? str_printf(ctx->arena,
                       "asks for a whole GPU without naming a product, so it may land on "
                       "one that %.*s may not use",
                       STR_FMT(whose(ctx)))
          : STR_LIT("asks for a whole GPU without naming a product, so it lands on whichever "
                    "is free, the dearest included");
  struct str remedy =
      choice.len ? str_printf(ctx->arena, "set nodeSelector nvidia.com/gpu.product to %.*s",
                              STR_FMT(choice))
                 : STR_LIT("set nodeSelector nvidia.com/gpu.product to the product it needs");
  rule_report(ctx, RULE_GPU_NODE_AFFINITY, SEVERITY_DENY, spec_field(ctx, "nodeSelector"), message,
              remedy);
}

static void report_forbidden(struct rule_context *ctx, const struct alternative *named) {
  struct str choice = nameable(ctx, true);
  /* Rows are written in products; a class such as a cloud's accelerator name may stand for a
   * permitted one, which nobody can tell from here. */
  enum severity cap = str_eq(named->key, product_key) ? SEVERITY_DENY : SEVERITY_WARN;
  rule_report(ctx, RULE_GPU_NODE_AFFINITY, cap, named->field,
              str_printf(ctx->arena, "%.*s is not among the GPU products that %.*s may use",
                         STR_FMT(shown(ctx, named->value)), STR_FMT(whose(ctx))),
              choice.len ? str_printf(ctx->arena, "name %.*s", STR_FMT(choice))
                         : STR_LIT("ask for a MIG slice instead: this team may use no whole GPU"));
}

/* A selector is compared with the label as the node carries it, suffixes included; a pool
 * that is not there yet is known by its product only. */
static bool is_there(const struct adm_cluster *cluster, struct str value) {
  if (strings_have(&cluster->node_products, value))
    return true;
  struct str base = product_base_label(value);
  for (size_t i = 0; i < cluster->product_count; i++)
    if (cluster->products[i].is_declared && str_eq(cluster->products[i].label, base))
      return true;
  return false;
}

static void report_absent(struct rule_context *ctx, const struct alternative *named,
                          bool is_limited) {
  struct str there[NAMEABLE_MAX];
  size_t count = nameable_here(ctx, is_limited, there);
  struct str nearest = str_nearest(named->value, there, count);
  struct str choice = nearest.len ? shown(ctx, nearest) : shown_list(ctx, there, count, "or");
  /* A node that does not name its GPUs yet may turn out to have it. */
  enum severity cap = ctx->cluster->has_unnamed_products ? SEVERITY_WARN : SEVERITY_DENY;
  rule_report_seen(ctx, RULE_GPU_NODE_AFFINITY, cap, named->field,
                   str_printf(ctx->arena, "no node of this cluster has nvidia.com/gpu.product %.*s",
                              STR_FMT(shown(ctx, named->value))),
                   choice.len
                       ? str_printf(ctx->arena,
                                    "name %.*s, or declare the product in the policy's nodePools "
                                    "if autoscaling brings it",
                                    STR_FMT(choice))
                       : STR_LIT("declare the product in the policy's nodePools if autoscaling "
                                 "brings it"));
}

/* Any of these may be the one that the pod gets. */
static void judge_alternatives(struct rule_context *ctx, const struct alternative *named,
                               size_t count, bool is_limited) {
  size_t absent = 0;
  for (size_t i = 0; i < count; i++) {
    if (ctx->cluster && str_eq(named[i].key, product_key) &&
        !is_there(ctx->cluster, named[i].value))
      absent++;
    if (is_limited && !may_use(ctx, named[i].value))
      report_forbidden(ctx, &named[i]);
  }
  /* One that is there is enough for the pod to run. */
  if (absent == count)
    report_absent(ctx, &named[0], is_limited);
}

void rule_gpu_node_affinity(struct rule_context *ctx) {
  if (!first_whole(ctx))
    return;
  const struct strings *labels = &ctx->effective->params[P_AFFINITY_LABELS]->strings;
  const struct pod_spec *spec = &ctx->tmpl->spec;
  bool is_limited = is_restricted(ctx), is_named = false;
  /* Beside a product a class adds nothing that the team's rows could be asked about. */
  bool names_product = kv_find(spec->node_selector, spec->node_selector_count, product_key) != NULL;
  for (size_t i = 0; i < spec->node_selector_count; i++) {
    const struct key_value *pair = &spec->node_selector[i];
    if (!strings_match(labels, pair->key))
      continue;
    const struct alternative only = {pair->key, pair->value,
                                     spec_field(ctx, "nodeSelector[%.*s]", STR_FMT(pair->key))};
    judge_alternatives(ctx, &only, 1,
                       is_limited && (!names_product || str_eq(pair->key, product_key)));
    is_named = true;
  }
  const struct alternative *alternatives;
  size_t count = is_named ? 0 : affinity_alternatives(ctx, labels, &alternatives);
  if (count)
    judge_alternatives(ctx, alternatives, count, is_limited);
  else if (!is_named && (ctx->effective->params[P_AFFINITY_REQUIRED]->truth ||
                         (is_limited && !may_use_all_known(ctx))))
    report_unnamed(ctx, is_limited && !may_use_all_known(ctx));
}
