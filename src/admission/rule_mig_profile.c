/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mig-profile: a slice is asked for by the name of a profile, one that some GPU can make.
 * A pod that asks for another stays Pending for ever and no event says why.
 *
 * How sure we are decides how loud we are:
 *   - no profile's name at all, or one that never becomes a resource: `deny`;
 *   - with a cluster whose products are all known, and none of them or of the node pools
 *     has the profile: it can never run, `deny`;
 *   - some product has it, or may have it, but no node offers it now (scaled to zero, its
 *     plugin restarting, another layout): `warn`;
 *   - without a cluster only a profile that no product of the table has: `warn`, because a
 *     newer product may. Node pools alone make no cluster: they say what may come, not
 *     what is there;
 *   - with a cluster that has not been heard of for too long: `warn` where a product that may
 *     have come meanwhile has the profile, `deny` where none has.
 */
#include "src/admission/mig_nearest.h"

static void report(struct rule_context *ctx, const struct gpu_request *gpu, enum severity cap,
                   struct str message, struct str remedy) {
  rule_report(ctx, RULE_MIG_PROFILE, cap,
              amount_field(ctx, gpu->container, gpu->list, gpu->amount->name), message, remedy);
}

/* What nodes showed. */
static void report_seen(struct rule_context *ctx, const struct gpu_request *gpu, enum severity cap,
                        struct str message, struct str remedy) {
  rule_report_seen(ctx, RULE_MIG_PROFILE, cap,
                   amount_field(ctx, gpu->container, gpu->list, gpu->amount->name), message,
                   remedy);
}

/* ---- the name ------------------------------------------------------------------------------ */

static bool has_char(struct str s, char c) {
  return str_find_char(s, c) < s.len;
}

/* False: it is the name of no resource. */
static bool judge_name(struct rule_context *ctx, const struct gpu_request *gpu, struct str profile,
                       struct mig_name *ret) {
  struct str text = shown(ctx, profile);
  if (!mig_name_parse(profile, ret)) {
    struct str nearest = nearest_spelling(ctx, profile);
    report(ctx, gpu, SEVERITY_DENY,
           str_printf(ctx->arena, "`%.*s` is not the name of a MIG profile", STR_FMT(text)),
           nearest.len ? str_printf(ctx->arena, "write `nvidia.com/mig-%.*s`", STR_FMT(nearest))
                       : STR_LIT("write `nvidia.com/mig-<slices>g.<memory>gb`, such as "
                                 "`nvidia.com/mig-1g.10gb`"));
    return false;
  }
  if (has_char(profile, '+') || has_char(profile, ',')) {
    report(ctx, gpu, SEVERITY_DENY,
           str_printf(ctx->arena, "a resource name cannot hold the + of profile `%.*s`",
                      STR_FMT(text)),
           str_printf(ctx->arena, "write `nvidia.com/mig-%.*s`",
                      STR_FMT(mig_as_resource_writes(ctx->arena, text))));
    return false;
  }
  if (str_find_char(profile, 'c') < str_find_char(profile, 'g')) {
    struct str rest = str_skip(profile, str_find_char(profile, '.') + 1);
    report(ctx, gpu, SEVERITY_DENY,
           str_printf(ctx->arena,
                      "`%.*s` is a compute instance inside a slice, which no device plugin hands "
                      "out",
                      STR_FMT(text)),
           str_printf(ctx->arena, "ask for a slice: `nvidia.com/mig-%.*s`, or a smaller one",
                      STR_FMT(shown(ctx, rest))));
    return false;
  }
  return true;
}

/* ---- who has the profile ----------------------------------------------------------------- */

/* A slice's number follows the total of memory that the driver reports:
 * round(slices / axis x total). A driver keeps some of the memory back, up to a fortieth more or
 * less than the one that the table was made with, and never has more than the stacks hold, which
 * come in multiples of 8 GiB. H100 80GB: totals 78 to 80, so 7g.79gb and 3g.39gb, but neither
 * 3g.41gb nor 3g.42gb. GB200: 182 to 190, so 1g.23gb and 1g.24gb. */
static bool may_be_called(const struct gpu_product *product, const struct mig_profile *profile,
                          unsigned memory_gib) {
  unsigned axis = 0, slices = profile->memory_slices, total = product->memory_gib;
  if (slices == 0)
    return profile->memory_gib == memory_gib;
  for (size_t i = 0; i < product->profile_count; i++)
    if (product->profiles[i].memory_slices > axis)
      axis = product->profiles[i].memory_slices;
  unsigned least = (total * 39 + 39) / 40, most = total * 41 / 40, held = (total + 7) / 8 * 8;
  for (unsigned t = least; t <= most && t <= held; t++)
    if ((2 * slices * t + axis) / (2 * axis) == memory_gib)
      return true;
  return false;
}

static bool product_may_have(const struct gpu_product *product, const struct mig_name *name) {
  if (product_find_profile(product, name->text))
    return true;
  for (size_t i = 0; i < product->profile_count; i++) {
    const struct mig_profile *profile = &product->profiles[i];
    struct mig_name other;
    if (mig_name_parse(mig_tail(profile->resource), &other) && name->compute == other.compute &&
        mig_same_attributes(name, &other) && may_be_called(product, profile, name->memory_gib))
      return true;
  }
  return false;
}

/* Pools write profiles as nvidia-smi does or as resources do. */
static bool declares(const struct rule_context *ctx, const struct strings *profiles,
                     struct str profile) {
  for (size_t i = 0; i < profiles->count; i++)
    if (str_eq(mig_as_resource_writes(ctx->arena, profiles->items[i]), profile))
      return true;
  return false;
}

/* Where not even the sizes of slices are attested, other drivers may list other profiles (two
 * editions of NVIDIA's guide disagree on the RTX PRO 5000). */
static bool is_fully_known(const struct gpu_product *product) {
  for (size_t i = 0; i < product->profile_count; i++)
    if (product->profiles[i].memory_slices == 0)
      return false;
  return true;
}

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

static enum answer slot_has(const struct rule_context *ctx, const struct cluster_product *slot,
                            const struct mig_name *name) {
  if (declares(ctx, &slot->declared_profiles, name->text))
    return ANSWER_YES;
  bool may_come = slot->is_present || (slot->is_declared && !slot->declares_no_mig);
  if (slot->product && may_come) {
    if (product_may_have(slot->product, name))
      return ANSWER_YES;
    return is_fully_known(slot->product) ? ANSWER_NO : ANSWER_UNKNOWN;
  }
  if (slot->product)
    return ANSWER_NO;
  /* Not in the table: the policy or the node itself may say what it can. */
  if (slot->is_declared)
    return slot->declared_profiles.count || slot->declares_no_mig ? ANSWER_NO : ANSWER_UNKNOWN;
  return slot->is_mig_incapable ? ANSWER_NO : ANSWER_UNKNOWN;
}

static bool is_in_table(const struct mig_name *name) {
  size_t count;
  const struct gpu_product *products = products_all(&count);
  for (size_t i = 0; i < count; i++)
    if (product_may_have(&products[i], name))
      return true;
  return false;
}

static bool is_in_some_pool(const struct rule_context *ctx, const struct mig_name *name) {
  for (size_t i = 0; i < ctx->view->node_pool_count; i++)
    if (declares(ctx, &ctx->view->node_pools[i].profiles, name->text))
      return true;
  return false;
}

/* ---- what the cluster has, in words -------------------------------------------------------- */

/* "H100 80GB" of h100-80gb. */
static struct str product_words(const struct rule_context *ctx,
                                const struct cluster_product *slot) {
  if (!slot->product)
    return shown(ctx, slot->label);
  struct str copy = str_copy(ctx->arena, slot->product->id);
  char *at = (char *)(uintptr_t)copy.ptr;
  for (size_t i = 0; i < copy.len; i++) {
    if (at[i] == '-')
      at[i] = ' ';
    else if (at[i] >= 'a' && at[i] <= 'z')
      at[i] = (char)(at[i] - 'a' + 'A');
  }
  return copy;
}

static bool is_offered_by(const struct cluster_resource *resource,
                          const struct cluster_product *slot) {
  for (size_t i = 0; i < resource->node_products.count; i++)
    if (str_eq(product_base_label(resource->node_products.items[i]), slot->label))
      return true;
  return false;
}

static void append_profile(struct buf *out, size_t *count, struct str profile) {
  enum { LISTED_MAX = 8 };
  if (*count < LISTED_MAX)
    buf_printf(out, "%s%.*s", *count ? ", " : "", STR_FMT(profile));
  else if (*count == LISTED_MAX)
    buf_append_cstr(out, ", ...");
  (*count)++;
}

/* "H100 80GB nodes offer 1g.10gb, 3g.40gb"; empty when the product has no slices. */
static bool append_product(const struct rule_context *ctx, const struct cluster_product *slot,
                           struct buf *out) {
  CLEANUP_BUF struct buf list;
  buf_init(&list, 1024);
  size_t count = 0;
  const char *verb = "nodes offer";
  for (size_t i = 0; i < ctx->cluster->resource_count; i++) {
    const struct cluster_resource *resource = &ctx->cluster->resources[i];
    if (is_mig_slice(resource->name) && is_offered_by(resource, slot))
      append_profile(&list, &count, shown(ctx, mig_tail(resource->name)));
  }
  if (count == 0 && slot->declared_profiles.count) {
    verb = "nodes may offer";
    for (size_t i = 0; i < slot->declared_profiles.count; i++)
      append_profile(&list, &count, shown(ctx, slot->declared_profiles.items[i]));
  } else if (count == 0 && slot->product && !(slot->declares_no_mig && !slot->is_present)) {
    verb = "nodes can be cut into";
    for (size_t i = 0; i < slot->product->profile_count; i++)
      append_profile(&list, &count, slot->product->profiles[i].name);
  }
  if (count == 0)
    return false;
  buf_printf(out, "; %.*s %s %.*s", STR_FMT(product_words(ctx, slot)), verb,
             STR_FMT(buf_str(&list)));
  return true;
}

static struct str products_in_words(const struct rule_context *ctx) {
  enum { PRODUCTS_TOLD = 3 };
  if (!may_look_for_nearest(ctx))
    return (struct str){NULL, 0};
  CLEANUP_BUF struct buf out;
  buf_init(&out, 4096);
  size_t told = 0;
  for (size_t i = 0; i < ctx->cluster->product_count && told < PRODUCTS_TOLD; i++)
    told += append_product(ctx, &ctx->cluster->products[i], &out);
  return str_copy(ctx->arena, buf_str(&out));
}

/* Under the single strategy a slice is called nvidia.com/gpu, and the product says which. */
static struct str single_strategy_label(const struct rule_context *ctx, struct str profile) {
  const struct strings *labels = &ctx->cluster->node_products;
  for (size_t i = 0; i < labels->count; i++) {
    struct str label = labels->items[i];
    size_t base = product_base_label(label).len;
    struct str suffix = str_skip(label, base);
    if (str_starts_with(suffix, STR_LIT("-MIG-")) && str_eq(str_skip(suffix, 5), profile))
      return label;
  }
  return (struct str){NULL, 0};
}

/* ---- with a cluster, and without --------------------------------------------------------------
 */

static void report_not_now(struct rule_context *ctx, const struct gpu_request *gpu,
                           const struct mig_name *name, const struct cluster_product *owner) {
  struct str text = shown(ctx, name->text);
  struct str single = single_strategy_label(ctx, name->text);
  struct str nearest = nearest_in_cluster(ctx, name);
  if (single.len) {
    report_seen(
        ctx, gpu, SEVERITY_WARN,
        str_printf(ctx->arena,
                   "no node offers `mig-%.*s` by that name: nodes with product %.*s hand these "
                   "slices out as nvidia.com/gpu",
                   STR_FMT(text), STR_FMT(shown(ctx, single))),
        str_printf(ctx->arena,
                   "ask for nvidia.com/gpu with the nodeSelector nvidia.com/gpu.product: %.*s",
                   STR_FMT(shown(ctx, single))));
    return;
  }
  struct str why = owner ? str_printf(ctx->arena, "%.*s GPUs can be cut into it",
                                      STR_FMT(product_words(ctx, owner)))
                         : STR_LIT("whether its GPUs have this profile is not known here");
  struct str remedy =
      nearest.len && !str_eq(nearest, name->text) &&
              cluster_find_resource(ctx->cluster,
                                    str_printf(ctx->arena, "nvidia.com/mig-%.*s", STR_FMT(nearest)))
          ? str_printf(ctx->arena,
                       "have nodes cut for it, or take the nearest that is offered: "
                       "`nvidia.com/mig-%.*s`",
                       STR_FMT(shown(ctx, nearest)))
          : STR_LIT("have nodes cut for it, or expect the pod to wait");
  report_seen(
      ctx, gpu, SEVERITY_WARN,
      str_printf(ctx->arena, "no node offers `mig-%.*s` now; %.*s", STR_FMT(text), STR_FMT(why)),
      remedy);
}

/* A plugin restarts, or the GPU is being cut. */
static void report_none_left(struct rule_context *ctx, const struct gpu_request *gpu) {
  report_seen(ctx, gpu, SEVERITY_WARN,
              str_printf(ctx->arena, "nodes list %.*s, and have 0 of it now",
                         STR_FMT(shown(ctx, gpu->amount->name))),
              STR_LIT("look after the device plugin there, or expect the pod to wait"));
}

/* A share where nodes hand out the slice itself. */
static void report_unshared(struct rule_context *ctx, const struct gpu_request *gpu) {
  struct str base = shown(ctx, gpu->base_name);
  report_seen(
      ctx, gpu, SEVERITY_WARN,
      str_printf(ctx->arena, "no node offers %.*s now: %.*s is not shared here",
                 STR_FMT(shown(ctx, gpu->amount->name)), STR_FMT(base)),
      str_printf(ctx->arena, "ask for the slice itself, `%.*s`, or have it shared", STR_FMT(base)));
}

static void report_never(struct rule_context *ctx, const struct gpu_request *gpu,
                         const struct mig_name *name) {
  struct str nearest = nearest_in_cluster(ctx, name);
  bool has_whole = cluster_find_resource(ctx->cluster, STR_LIT("nvidia.com/gpu")) != NULL;
  struct str remedy = has_whole ? STR_LIT("ask for a whole GPU, nvidia.com/gpu")
                                : STR_LIT("have nodes added that can be cut for it");
  if (nearest.len)
    remedy = str_printf(ctx->arena, "nearest: `nvidia.com/mig-%.*s`", STR_FMT(shown(ctx, nearest)));
  bool may_have_come = is_in_table(name) || is_in_some_pool(ctx, name);
  (may_have_come ? report_seen : report)(
      ctx, gpu, SEVERITY_DENY,
      str_printf(ctx->arena, "no node in this cluster can ever provide `mig-%.*s`%.*s",
                 STR_FMT(shown(ctx, name->text)), STR_FMT(products_in_words(ctx))),
      remedy);
}

static void judge_in_cluster(struct rule_context *ctx, const struct gpu_request *gpu,
                             const struct mig_name *name) {
  const struct adm_cluster *cluster = ctx->cluster;
  if (gpu->form == GPU_SHARED && cluster_find_resource(cluster, gpu->base_name)) {
    report_unshared(ctx, gpu);
    return;
  }
  /* A cluster that shows no GPU at all may have all of them scaled to zero. */
  bool is_unknown = cluster->has_unnamed_products || cluster->product_count == 0;
  bool is_listed = cluster_lists_resource(cluster, gpu->base_name);
  for (size_t i = 0; i < cluster->product_count; i++) {
    enum answer answer = slot_has(ctx, &cluster->products[i], name);
    if (answer == ANSWER_YES) {
      report_not_now(ctx, gpu, name, &cluster->products[i]);
      return;
    }
    is_unknown = is_unknown || answer == ANSWER_UNKNOWN;
  }
  if (is_unknown || is_listed)
    report_not_now(ctx, gpu, name, NULL);
  else
    report_never(ctx, gpu, name);
}

static void judge_without_cluster(struct rule_context *ctx, const struct gpu_request *gpu,
                                  const struct mig_name *name) {
  if (is_in_table(name) || is_in_some_pool(ctx, name))
    return;
  struct str nearest = nearest_in_table(ctx, name);
  report(ctx, gpu, SEVERITY_WARN,
         str_printf(ctx->arena, "no GPU product that is known here has a MIG profile `%.*s`",
                    STR_FMT(shown(ctx, name->text))),
         nearest.len ? str_printf(ctx->arena, "nearest: `nvidia.com/mig-%.*s`", STR_FMT(nearest))
                     : STR_LIT("write a profile that nvidia-smi mig -lgip lists on the GPU"));
}

/* ---- how many ------------------------------------------------------------------------------- */

static void judge_count(struct rule_context *ctx, const struct gpu_request *gpu,
                        const struct cluster_resource *offered) {
  int64_t count = gpu_count_asked(gpu);
  int64_t most = ctx->effective->params[P_MIG_MAX_PER_CONTAINER]->number;
  if (gpu->form != GPU_MIG) /* shares are counted by `sharing` */
    return;
  if (most > 0 && count > most)
    report(
        ctx, gpu, SEVERITY_DENY,
        str_printf(ctx->arena, "%lld slices in one container, and at most %lld are allowed",
                   (long long)count, (long long)most),
        str_printf(ctx->arena, "ask for at most %lld, or for a larger profile", (long long)most));
  else if (offered && count > offered->max_on_a_node)
    report_seen(ctx, gpu, SEVERITY_WARN,
                str_printf(ctx->arena,
                           "%lld slices for one pod, and no node offers more than %lld now",
                           (long long)count, (long long)offered->max_on_a_node),
                STR_LIT("ask for fewer, or for a larger profile"));
  else if (most == 0 && count > 1)
    report(ctx, gpu, SEVERITY_WARN,
           str_printf(ctx->arena,
                      "a CUDA process uses one slice: %lld of them help only a program of several "
                      "processes",
                      (long long)count),
           STR_LIT("ask for 1, or for one larger profile"));
}

void rule_mig_profile(struct rule_context *ctx) {
  for (size_t i = 0; i < ctx->gpu_count; i++) {
    const struct gpu_request *gpu = &ctx->gpus[i];
    struct mig_name name;
    if (!gpu->is_mig)
      continue;
    const struct cluster_resource *offered = cluster_find_resource(ctx->cluster, gpu->amount->name);
    judge_count(ctx, gpu, offered);
    if (offered)
      continue;
    if (cluster_lists_resource(ctx->cluster, gpu->amount->name)) {
      report_none_left(ctx, gpu);
      continue;
    }
    if (!judge_name(ctx, gpu, mig_tail(gpu->base_name), &name))
      continue;
    if (ctx->cluster)
      judge_in_cluster(ctx, gpu, &name);
    else
      judge_without_cluster(ctx, gpu, &name);
  }
}
