/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the recorded nodes a pod may go to, by spec.nodeName, nodeSelector and required
 * node affinity as kube-scheduler reads them (k8s.io/component-helpers scheduling/corev1/
 * nodeaffinity), and what those nodes offer it.
 */
#include "src/admission/admission_internal.h"

static const struct str product_key = {"nvidia.com/gpu.product", 22};

/* Real pods have a handful of either. Beyond this a node is not compared, and matches nothing:
 * a hostile object must not cost its size times the cluster's. */
enum { SELECTORS_MAX = 64, TERM_VALUES_MAX = 512 };

/* ---- one node ----------------------------------------------------------------------------- */

static bool meets_term(const struct node *node, const struct node_selector_term *term) {
  for (size_t i = 0; i < term->requirement_count; i++)
    if (!node_meets(node, &term->requirements[i]))
      return false;
  return true;
}

static bool may_go_to(const struct pod_spec *spec, const struct node *node) {
  if (spec->node_name.len && !str_eq(spec->node_name, node->name))
    return false;
  for (size_t i = 0; i < spec->node_selector_count; i++) {
    const struct key_value *wanted = &spec->node_selector[i];
    const struct str *value = kv_find(node->labels, node->label_count, wanted->key);
    if (!value || !str_eq(*value, wanted->value))
      return false;
  }
  for (size_t i = 0; i < spec->affinity_term_count; i++)
    if (meets_term(node, &spec->affinity_terms[i]))
      return true;
  return spec->affinity_term_count == 0;
}

static bool is_too_much(const struct pod_spec *spec) {
  size_t values = 0;
  for (size_t i = 0; i < spec->affinity_term_count && values <= TERM_VALUES_MAX; i++) {
    const struct node_selector_term *term = &spec->affinity_terms[i];
    values += 1 + term->requirement_count;
    for (size_t k = 0; k < term->requirement_count && values <= TERM_VALUES_MAX; k++)
      values += term->requirements[k].value_count;
  }
  return values > TERM_VALUES_MAX || spec->node_selector_count > SELECTORS_MAX;
}

/* ---- what they offer --------------------------------------------------------------------------
 */

static bool is_tolerated(const struct pod_spec *spec, const struct taint *taint) {
  for (size_t i = 0; i < spec->toleration_count; i++)
    if (toleration_tolerates(&spec->tolerations[i], taint))
      return true;
  return taint->effect == EFFECT_PREFER_NO_SCHEDULE;
}

/* The first taint that keeps the pod away, of those about GPUs or of the others. */
static const struct taint *barrier(const struct rule_context *ctx, const struct node *node,
                                   bool is_about_gpus) {
  for (size_t i = 0; i < node->taint_count; i++)
    if (policy_is_gpu_taint(ctx->view, node->taints[i].key) == is_about_gpus &&
        !is_tolerated(&ctx->tmpl->spec, &node->taints[i]))
      return &node->taints[i];
  return NULL;
}

static void add_product(struct arena *arena, struct offer *offer, struct str label) {
  for (const struct offer_product *at = offer->products; at; at = at->next)
    if (str_eq(at->label, label))
      return;
  struct offer_product *made = arena_alloc(arena, sizeof(*made));
  *made = (struct offer_product){.label = label, .next = offer->products};
  offer->products = made;
}

static void add_node(const struct rule_context *ctx, struct offer *offers,
                     const struct node *node) {
  const struct str *label = kv_find(node->labels, node->label_count, product_key);
  const struct taint *missing = barrier(ctx, node, true);
  bool is_barred = barrier(ctx, node, false) != NULL;
  for (size_t i = 0; i < node->allocatable_count; i++) {
    const struct resource_amount *amount = &node->allocatable[i];
    const struct cluster_resource *resource =
        amount->is_valid && amount->amount.units > 0
            ? cluster_find_resource(ctx->cluster, amount->name)
            : NULL;
    if (!resource)
      continue;
    struct offer *offer = &offers[resource - ctx->cluster->resources];
    offer->is_open = offer->is_open || !missing;
    offer->missing = offer->missing ? offer->missing : missing;
    if (!is_barred)
      add_product(ctx->arena, offer, label ? *label : (struct str){"", 0});
  }
}

static bool has_gpu_resource(const struct rule_context *ctx, const struct node *node) {
  for (size_t i = 0; i < node->allocatable_count; i++)
    if (cluster_find_resource(ctx->cluster, node->allocatable[i].name))
      return true;
  return false;
}

const struct offer *find_offer(const struct rule_context *ctx,
                               const struct cluster_resource *resource) {
  if (!ctx->destinations->is_known) {
    const struct cluster *cluster = ctx->cluster->cluster;
    const struct pod_spec *spec = &ctx->tmpl->spec;
    struct offer *offers = arena_array(ctx->arena, ctx->cluster->resource_count, sizeof(*offers));
    memset(offers, 0, ctx->cluster->resource_count * sizeof(*offers));
    bool is_nowhere = is_too_much(spec);
    for (size_t i = 0; !is_nowhere && i < cluster->node_count; i++)
      if (has_gpu_resource(ctx, &cluster->nodes[i]) && may_go_to(spec, &cluster->nodes[i]))
        add_node(ctx, offers, &cluster->nodes[i]);
    *ctx->destinations = (struct destinations){.is_known = true, .offers = offers};
  }
  return &ctx->destinations->offers[resource - ctx->cluster->resources];
}

/* ---- what is asked beside the product -------------------------------------------------------- */

static bool is_only_product(const struct node_selector_term *term) {
  return term->requirement_count == 1 && term->requirements[0].op == SELECT_IN &&
         str_eq(term->requirements[0].key, product_key);
}

static bool asks_more(const struct pod_spec *spec) {
  if (spec->node_name.len)
    return true;
  for (size_t i = 0; i < spec->node_selector_count; i++)
    if (!str_eq(spec->node_selector[i].key, product_key))
      return true;
  for (size_t i = 0; i < spec->affinity_term_count; i++)
    if (spec->node_selector_count || !is_only_product(&spec->affinity_terms[i]))
      return true;
  return false;
}

bool selects_beyond_product(const struct rule_context *ctx) {
  return asks_more(&ctx->tmpl->spec);
}

bool destinations_are_described(const struct rule_context *ctx) {
  const struct pod_spec *own = &ctx->tmpl->spec;
  /* A term of which only matchFields was written, which are not read. */
  for (size_t i = 0; i < own->affinity_term_count; i++)
    if (own->affinity_terms[i].requirement_count == 0)
      return false;
  if (has_pod_spec(ctx->tmpl))
    return true;
  for (size_t i = 0; i < ctx->workload->template_count; i++) {
    const struct pod_spec *spec = &ctx->workload->templates[i].spec;
    if (spec->node_selector_count || spec->affinity_term_count || spec->node_name.len)
      return false;
  }
  return true;
}
