/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource names that mean a GPU and are none. Kubernetes takes any name with a domain for
 * some device plugin's, so a typing error is no error there: the pod stays Pending.
 */
#include "src/admission/admission_internal.h"

/* Kubernetes' limit on both parts of a name; longer ones are nobody's typing error. */
enum { NAME_MAX_BYTES = 317 };

static const struct str shared_suffix = {".shared", 7};

/* Kubernetes' own names for "a device of this DeviceClass", by DRA (KEP-5004). */
static const struct str device_class_prefix = {"deviceclass.resource.kubernetes.io/", 35};

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static struct str lowered(struct arena *arena, struct str s) {
  char *out = arena_alloc(arena, s.len + 1);
  for (size_t i = 0; i < s.len; i++)
    out[i] = lower(s.ptr[i]);
  return (struct str){out, s.len};
}

/* ---- does it mean a GPU ---------------------------------------------------------------- */

/* `word` is in lower case. */
static bool contains(struct str s, struct str word) {
  for (size_t i = 0; i + word.len <= s.len; i++) {
    size_t k = 0;
    while (k < word.len && lower(s.ptr[i + k]) == word.ptr[k])
      k++;
    if (k == word.len)
      return true;
  }
  return false;
}

static bool sounds_like_gpu(struct str name) {
  return contains(name, STR_LIT("gpu")) || contains(name, STR_LIT("nvidia")) ||
         str_starts_with(name, STR_LIT("mig-"));
}

/* So many letters more, less or other, or neighbours swapped; case does not count. */
static bool is_within_edits(struct str a, struct str b, unsigned edits) {
  while (a.len && b.len && lower(a.ptr[0]) == lower(b.ptr[0])) {
    a = str_skip(a, 1);
    b = str_skip(b, 1);
  }
  if (a.len == 0 || b.len == 0)
    return a.len + b.len <= edits;
  if (edits == 0)
    return false;
  bool is_swapped = a.len > 1 && b.len > 1 && lower(a.ptr[0]) == lower(b.ptr[1]) &&
                    lower(a.ptr[1]) == lower(b.ptr[0]);
  return is_within_edits(str_skip(a, 1), b, edits - 1) ||
         is_within_edits(a, str_skip(b, 1), edits - 1) ||
         is_within_edits(str_skip(a, 1), str_skip(b, 1), edits - 1) ||
         (is_swapped && is_within_edits(str_skip(a, 2), str_skip(b, 2), edits - 1));
}

static bool is_same_word(struct str a, struct str b) {
  return a.len == b.len && contains(a, b);
}

/* "npu.intel.com" beside "gpu.intel.com": another product of the same vendor. A vendor of one
 * word, "nvidia.com", has no such neighbours. */
static bool is_sibling(struct str a, struct str b) {
  struct str a_parent = str_skip(a, str_find_char(a, '.'));
  struct str b_parent = str_skip(b, str_find_char(b, '.'));
  return a_parent.len && str_eq(a_parent, b_parent) &&
         str_find_char(str_skip(a_parent, 1), '.') + 1 < a_parent.len;
}

/* The vendor's prefix that was meant by "nvidia", "nvidea.com", "NVIDIA.com", by a quota's
 * "requests.nvidia.com", or by Kubernetes' own domain, under which there are no GPUs any
 * more; empty when none was. */
static struct str meant_vendor(const struct rule_context *ctx, struct str domain, struct str rest) {
  static const struct str quota_words[] = {{"requests.", 9}, {"limits.", 7}};
  const struct strings *vendors = &ctx->view->vendor_prefixes;
  for (size_t w = 0; w < SG_ARRAY_LEN(quota_words); w++)
    if (str_starts_with(domain, quota_words[w]))
      domain = str_skip(domain, quota_words[w].len);
  for (size_t i = 0; i < vendors->count; i++) {
    struct str vendor = {vendors->items[i].ptr, vendors->items[i].len - 1}; /* without the '/' */
    struct str first = {vendor.ptr, str_find_char(vendor, '.')};
    bool is_near = is_within_edits(domain, vendor, 1) && !is_sibling(domain, vendor);
    if (is_near || is_same_word(domain, first))
      return vendors->items[i];
  }
  bool is_native =
      str_is(domain, "kubernetes.io") || str_ends_with(domain, STR_LIT(".kubernetes.io"));
  return vendors->count && is_native && sounds_like_gpu(rest) ? vendors->items[0]
                                                              : (struct str){NULL, 0};
}

static bool has_vendor_prefix(const struct rule_context *ctx, struct str name) {
  const struct strings *vendors = &ctx->view->vendor_prefixes;
  for (size_t i = 0; i < vendors->count; i++)
    if (str_starts_with(name, vendors->items[i]))
      return true;
  return false;
}

/* A share is as good as what it is a share of: patterns such as "nvidia.com/?*.shared" match
 * "nvidia.com/gpus.shared" too. */
static bool is_known(const struct rule_context *ctx, struct str name) {
  if (strings_match(&ctx->effective->params[P_LIMITS_KNOWN_NAMES]->strings, name) ||
      cluster_lists_resource(ctx->cluster, name))
    return true;
  return policy_knows_resource(ctx->view, name) &&
         (!str_ends_with(name, shared_suffix) ||
          policy_knows_resource(ctx->view, gpu_base_name(name)));
}

/* ---- what was meant ----------------------------------------------------------------------- */

struct names {
  struct str *items;
  size_t count;
};

static bool is_pattern(struct str s) {
  return str_find_char(s, '*') < s.len || str_find_char(s, '?') < s.len;
}

/* The names of GPUs that the policy spells out, those of all profiles, and what nodes offer. */
static struct names candidates(const struct rule_context *ctx) {
  const struct policy_view *view = ctx->view;
  size_t product_count, max = view->gpu_resource_count;
  const struct gpu_product *products = products_all(&product_count);
  for (size_t i = 0; i < product_count; i++)
    max += products[i].profile_count;
  if (ctx->cluster)
    max += ctx->cluster->resource_count;
  struct names names = {arena_array(ctx->arena, max ? max : 1, sizeof(struct str)), 0};
  for (size_t i = 0; i < view->gpu_resource_count; i++)
    if (!is_pattern(view->gpu_resources[i].pattern) && !view->gpu_resources[i].is_excluded)
      names.items[names.count++] = view->gpu_resources[i].pattern;
  for (size_t i = 0; ctx->cluster && i < ctx->cluster->resource_count; i++)
    if (has_vendor_prefix(ctx, ctx->cluster->resources[i].name))
      names.items[names.count++] = ctx->cluster->resources[i].name;
  for (size_t i = 0; i < product_count; i++)
    for (size_t k = 0; k < products[i].profile_count; k++)
      names.items[names.count++] = products[i].profiles[k].resource;
  return names;
}

bool may_look_for_nearest(const struct rule_context *ctx) {
  enum { FINDINGS_READ = 100 };
  return ctx->found.count < FINDINGS_READ;
}

static struct str nearest_name(const struct rule_context *ctx, struct str name) {
  if (is_known(ctx, name))
    return name;
  struct names names = candidates(ctx);
  if (!str_ends_with(name, shared_suffix))
    return str_nearest(lowered(ctx->arena, name), names.items, names.count);
  struct str base = str_nearest(lowered(ctx->arena, gpu_base_name(name)), names.items, names.count);
  return base.len ? str_printf(ctx->arena, "%.*s.shared", STR_FMT(base)) : base;
}

static bool is_alnum(char c) {
  c = lower(c);
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* "gpu-mem" and "GPUmem": what is left when separators and case are taken away. */
static bool has_same_letters(struct str a, struct str b) {
  size_t i = 0, k = 0;
  for (;;) {
    while (i < a.len && !is_alnum(a.ptr[i]))
      i++;
    while (k < b.len && !is_alnum(b.ptr[k]))
      k++;
    if (i == a.len || k == b.len)
      return i == a.len && k == b.len;
    if (lower(a.ptr[i++]) != lower(b.ptr[k++]))
      return false;
  }
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* "gpu2" beside "gpu", "ibs1" beside "ibs0": one more of a series, where "i951" beside "i915"
 * has the same digits. */
static bool is_of_series(struct str a, struct str b) {
  int balance[10] = {0};
  size_t i = 0, k = 0;
  for (;;) {
    for (; i < a.len && is_digit(a.ptr[i]); i++)
      balance[a.ptr[i] - '0']++;
    for (; k < b.len && is_digit(b.ptr[k]); k++)
      balance[b.ptr[k] - '0']--;
    if (i == a.len || k == b.len)
      break;
    if (a.ptr[i++] != b.ptr[k++])
      return false;
  }
  bool has_other_digits = false;
  for (size_t d = 0; d < SG_ARRAY_LEN(balance); d++)
    has_other_digits = has_other_digits || balance[d] != 0;
  return i == a.len && k == b.len && has_other_digits;
}

/* Kubernetes takes no other characters behind the slash. */
static bool can_be_a_name(struct str tail) {
  for (size_t i = 0; i < tail.len; i++)
    if (!is_alnum(tail.ptr[i]) && tail.ptr[i] != '-' && tail.ptr[i] != '_' && tail.ptr[i] != '.')
      return false;
  return true;
}

/* Is `name`, under the vendor's own domain, `meant` with a slip of the hand? Other names are
 * given by whoever sets up a device plugin, and near enough is not enough to refuse them. */
static bool is_misspelling(struct str name, struct str meant) {
  enum { LONG_NAME = 8 };
  if (meant.len == 0)
    return false;
  struct str tail = gpu_base_name(str_skip(name, str_find_char(name, '/') + 1));
  struct str known = gpu_base_name(str_skip(meant, str_find_char(meant, '/') + 1));
  struct mig_name profile;
  if (!can_be_a_name(tail) || has_same_letters(tail, known) || mig_name_parse(tail, &profile))
    return true;
  return !is_of_series(tail, known) && is_within_edits(tail, known, known.len >= LONG_NAME ? 2 : 1);
}

/* The name in the vendor's domain, put right; at worst the vendor's whole GPU. */
static struct str meant_name(const struct rule_context *ctx, struct str vendor, struct str rest) {
  struct str nearest =
      nearest_name(ctx, str_printf(ctx->arena, "%.*s%.*s", STR_FMT(vendor), STR_FMT(rest)));
  for (size_t i = 0; nearest.len == 0 && i < ctx->view->gpu_resource_count; i++) {
    const struct gpu_resource *row = &ctx->view->gpu_resources[i];
    if (row->form == GPU_WHOLE && !row->is_excluded && !is_pattern(row->pattern) &&
        str_starts_with(row->pattern, vendor))
      nearest = row->pattern;
  }
  return nearest;
}

/* ---- together ------------------------------------------------------------------------------- */

bool is_mistaken_gpu_name(const struct rule_context *ctx, struct str name,
                          struct str *ret_nearest) {
  const struct strings *vendors = &ctx->view->vendor_prefixes;
  size_t slash = str_find_char(name, '/');
  struct str vendor = {NULL, 0}, rest = name;
  if (name.len > NAME_MAX_BYTES || str_starts_with(name, device_class_prefix))
    return false;
  if (slash == name.len) {
    if (!sounds_like_gpu(name))
      return false;
    vendor = vendors->count ? vendors->items[0] : vendor;
  } else if (has_vendor_prefix(ctx, name)) {
    if (is_known(ctx, name))
      return false;
    struct str nearest = ret_nearest ? nearest_name(ctx, name) : (struct str){NULL, 0};
    if (ret_nearest)
      *ret_nearest = is_misspelling(name, nearest) ? nearest : (struct str){NULL, 0};
    return true;
  } else {
    rest = str_skip(name, slash + 1);
    vendor = meant_vendor(ctx, (struct str){name.ptr, slash}, rest);
    if (vendor.len == 0 || is_known(ctx, name))
      return false;
  }
  if (ret_nearest)
    *ret_nearest = vendor.len ? meant_name(ctx, vendor, rest) : (struct str){NULL, 0};
  return true;
}

static bool has_mistaken_name(const struct rule_context *ctx, const struct resource_amount *list,
                              size_t count) {
  for (size_t i = 0; i < count; i++)
    if (is_mistaken_gpu_name(ctx, list[i].name, NULL))
      return true;
  return false;
}

bool asks_by_mistaken_name(const struct rule_context *ctx) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  for (size_t i = 0; i < spec->container_count; i++) {
    const struct container *container = &spec->containers[i];
    if (has_mistaken_name(ctx, container->limits, container->limit_count) ||
        has_mistaken_name(ctx, container->requests, container->request_count))
      return true;
  }
  return false;
}

static bool has_device_class(const struct resource_amount *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (str_starts_with(list[i].name, device_class_prefix))
      return true;
  return false;
}

bool claims_devices(const struct rule_context *ctx) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  for (size_t i = 0; i < spec->container_count; i++) {
    const struct container *container = &spec->containers[i];
    if (has_device_class(container->limits, container->limit_count) ||
        has_device_class(container->requests, container->request_count))
      return true;
  }
  return spec->has_claims;
}
