/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spot: capacity that is taken away at short notice is for work that says it checkpoints,
 * and not for production inference. A selector or required affinity chooses spot; a
 * toleration only allows it, so it never does more than warn.
 */
#include "src/admission/admission_internal.h"

static const struct str checkpoint_key = {"slicegate.dev/checkpoint", 24};

#define VALUES(...)                                                                                \
  {                                                                                                \
    (const struct str[]){__VA_ARGS__},                                                             \
        sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str)                             \
  }
#define TEXT(s)                                                                                    \
  { s, sizeof(s) - 1 }

/*
 * How the providers mark spot nodes: labels and taints as their documentation of spot node
 * pools gives them (GKE "Spot VMs", EKS managed node groups, AKS spot node pools, Karpenter
 * well-known labels). The policy adds further rows.
 */
static const struct capacity_mark built_in_marks[] = {
    {TEXT("gke"), TEXT("cloud.google.com/gke-spot"), VALUES(TEXT("true")), false},
    {TEXT("gke"), TEXT("cloud.google.com/gke-preemptible"), VALUES(TEXT("true")), false},
    {TEXT("gke"), TEXT("cloud.google.com/gke-provisioning"),
     VALUES(TEXT("spot"), TEXT("preemptible")), false},
    {TEXT("gke"), TEXT("cloud.google.com/gke-spot"), VALUES(TEXT("true")), true},
    {TEXT("gke"), TEXT("cloud.google.com/gke-preemptible"), VALUES(TEXT("true")), true},
    {TEXT("eks"), TEXT("eks.amazonaws.com/capacityType"), VALUES(TEXT("SPOT")), false},
    {TEXT("aks"), TEXT("kubernetes.azure.com/scalesetpriority"), VALUES(TEXT("spot")), false},
    {TEXT("aks"), TEXT("kubernetes.azure.com/scalesetpriority"), VALUES(TEXT("spot")), true},
    {TEXT("karpenter"), TEXT("karpenter.sh/capacity-type"), VALUES(TEXT("spot")), false},
};

static bool marks(const struct capacity_mark *mark, bool is_taint, struct str key,
                  const struct str *value) {
  return mark->is_taint == is_taint && str_eq(mark->key, key) &&
         (!value || mark->spot_values.count == 0 || strings_match(&mark->spot_values, *value));
}

/* value NULL: any (a toleration with operator Exists). */
static bool is_spot(const struct rule_context *ctx, bool is_taint, struct str key,
                    const struct str *value) {
  for (size_t i = 0; i < SG_ARRAY_LEN(built_in_marks); i++)
    if (marks(&built_in_marks[i], is_taint, key, value))
      return true;
  const struct param_value *further = ctx->effective->params[P_SPOT_CAPACITY];
  for (size_t i = 0; i < further->capacity.count; i++)
    if (marks(&further->capacity.items[i], is_taint, key, value))
      return true;
  return false;
}

/* ---- how the pod comes to spot ------------------------------------------------------ */

enum reach { REACH_NONE, REACH_ALLOWED, REACH_CHOSEN };

struct way {
  enum reach reach;
  struct str field;
  struct str what;       /* "cloud.google.com/gke-spot: true" */
  const char *otherwise; /* what to do instead, when it only allows spot */
};

static enum reach term_reach(const struct rule_context *ctx, const struct node_selector_term *term,
                             size_t index, struct way *way) {
  for (size_t i = 0; i < term->requirement_count; i++) {
    const struct node_requirement *requirement = &term->requirements[i];
    if (requirement->op != SELECT_IN)
      continue;
    size_t spot = 0;
    const struct str *named = NULL;
    for (size_t v = 0; v < requirement->value_count; v++) {
      if (!is_spot(ctx, false, requirement->key, &requirement->values[v]))
        continue;
      spot++;
      named = &requirement->values[v];
    }
    if (spot == 0)
      continue;
    if (way->reach == REACH_NONE) {
      way->field =
          spec_field(ctx, "%s[%zu].matchExpressions[%zu]", REQUIRED_AFFINITY_PATH, index, i);
      way->what = str_printf(ctx->arena, "%.*s: %.*s", STR_FMT(shown(ctx, requirement->key)),
                             STR_FMT(shown(ctx, *named)));
      way->reach = REACH_ALLOWED;
    }
    return spot == requirement->value_count ? REACH_CHOSEN : REACH_ALLOWED;
  }
  return REACH_NONE;
}

/* Every term must lead to spot for the pod to be bound to it; one suffices to allow it. */
static struct way affinity_way(const struct rule_context *ctx) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  struct way way = {.reach = REACH_NONE, .otherwise = "take it out of the required node affinity"};
  size_t chosen = 0;
  for (size_t i = 0; i < spec->affinity_term_count; i++)
    chosen += term_reach(ctx, &spec->affinity_terms[i], i, &way) == REACH_CHOSEN;
  if (chosen && chosen == spec->affinity_term_count)
    way.reach = REACH_CHOSEN;
  return way;
}

static struct way selector_way(const struct rule_context *ctx) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  for (size_t i = 0; i < spec->node_selector_count; i++) {
    const struct key_value *pair = &spec->node_selector[i];
    if (is_spot(ctx, false, pair->key, &pair->value))
      return (struct way){REACH_CHOSEN, spec_field(ctx, "nodeSelector[%.*s]", STR_FMT(pair->key)),
                          str_printf(ctx->arena, "%.*s: %.*s", STR_FMT(shown(ctx, pair->key)),
                                     STR_FMT(shown(ctx, pair->value))),
                          NULL};
  }
  return (struct way){.reach = REACH_NONE};
}

static struct way toleration_way(const struct rule_context *ctx) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  for (size_t i = 0; i < spec->toleration_count; i++) {
    const struct toleration *toleration = &spec->tolerations[i];
    if (toleration->key.len &&
        is_spot(ctx, true, toleration->key, toleration->is_exists ? NULL : &toleration->value))
      return (struct way){REACH_ALLOWED, spec_field(ctx, "tolerations[%zu]", i),
                          shown(ctx, toleration->key), "drop the toleration"};
  }
  return (struct way){.reach = REACH_NONE};
}

/* ---- the two complaints ------------------------------------------------------------- */

static bool says_it_checkpoints(const struct rule_context *ctx) {
  const struct str *said = find_declared(ctx, checkpoint_key);
  return said && str_is(*said, "true");
}

/* KServe's objects serve whatever their labels say. */
static bool is_inference(const struct rule_context *ctx) {
  if (ctx->workload_type.len)
    return str_is(ctx->workload_type, "inference");
  return str_is(ctx->workload->group, "serving.kserve.io");
}

void rule_spot(struct rule_context *ctx) {
  struct way way = selector_way(ctx);
  if (way.reach == REACH_NONE)
    way = affinity_way(ctx);
  if (way.reach == REACH_NONE)
    way = toleration_way(ctx);
  if (way.reach == REACH_NONE)
    return;
  bool is_chosen = way.reach == REACH_CHOSEN;
  const char *verb = is_chosen ? "chooses" : "may land on";
  enum severity cap = is_chosen ? SEVERITY_DENY : SEVERITY_WARN;
  const struct strings *environments = &ctx->effective->params[P_SPOT_ENVIRONMENTS]->strings;
  if (is_inference(ctx) && ctx->environment.len && strings_match(environments, ctx->environment))
    rule_report(ctx, RULE_SPOT, cap, way.field,
                str_printf(ctx->arena,
                           "inference of environment %.*s %s spot capacity (%.*s), which is taken "
                           "away at short notice",
                           STR_FMT(shown(ctx, ctx->environment)), verb, STR_FMT(way.what)),
                STR_LIT("let it run on on-demand or reserved nodes"));
  else if (!says_it_checkpoints(ctx))
    rule_report(ctx, RULE_SPOT, cap, way.field,
                str_printf(ctx->arena,
                           "%s spot capacity (%.*s), which is taken away at short notice, and does "
                           "not say that it checkpoints",
                           verb, STR_FMT(way.what)),
                str_printf(ctx->arena,
                           "annotate the pod with slicegate.dev/checkpoint: \"true\" if it "
                           "resumes where it stopped, or %s",
                           is_chosen ? "choose on-demand nodes" : way.otherwise));
}
