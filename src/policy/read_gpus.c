/* SPDX-License-Identifier: Apache-2.0 */
/* What is a GPU here: spec.gpuResources, spec.gpuNodes and spec.nodePools. */
#include "policy_internal.h"

#include <stddef.h>

/* ---- gpuResources -------------------------------------------------------------------- */

const char *const gpu_form_names[] = {"whole", "mig", "shared", "other", "aux", "none"};

static void read_form(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                      const struct key_row *row, void *target) {
  (void)row;
  struct gpu_resource *resource = target;
  struct str words[GPU_FORM_COUNT];
  for (size_t i = 0; i < GPU_FORM_COUNT; i++)
    words[i] = str_of(gpu_form_names[i]);
  size_t index = 0;
  if (!reader_word(r, at, &pair->value, words, GPU_FORM_COUNT, &index))
    return;
  resource->is_excluded = index == GPU_FORM_NONE;
  resource->form = resource->is_excluded ? GPU_OTHER : (enum gpu_resource_form)index;
}

static const struct key_row gpu_resource_rows[] = {
    {.key = "name",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "a resource name such as nvidia.com/gpu",
     .read = read_text_key,
     .offset = offsetof(struct gpu_resource, pattern),
     .extra = &form_resource_glob,
     .help = "Name of the extended resource (pattern)."},
    {.key = "form",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "whole, mig, shared, other, aux or none",
     .read = read_form,
     .help = "whole: a GPU; mig: nvidia.com/mig-<profile>; shared: one of several users of a "
             "device; other: any other countable device; aux: how much of a device, not which; "
             "none: no GPU, though the name looks like one."},
};
const struct key_table gpu_resource_keys = {gpu_resource_rows, SG_ARRAY_LEN(gpu_resource_rows)};

/* The file's rows stand before the ones that were there: the first match counts. */
void read_gpu_resources(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                        const struct key_row *row, void *target) {
  (void)row;
  struct policy_view *view = target;
  size_t total = pair->value.count + view->gpu_resource_count;
  struct gpu_resource *items = arena_array(r->arena, total, sizeof(*items));
  size_t count = 0;
  for (size_t i = 0; i < pair->value.count; i++) {
    struct field_path path = {.parent = at, .index = i};
    if (reader_mapping(r, &path, &pair->value.items[i], gpu_resource_keys, &items[count]))
      count++;
  }
  if (view->gpu_resource_count)
    memcpy(items + count, view->gpu_resources, view->gpu_resource_count * sizeof(*items));
  view->gpu_resources = items;
  view->gpu_resource_count += count;
}

/* ---- gpuNodes ------------------------------------------------------------------------- */

static const struct key_row gpu_nodes_rows[] = {
    {.key = "taints",
     .kind = DOC_SEQUENCE,
     .may_be_empty = true,
     .expected = "a list of taint keys such as [nvidia.com/gpu]",
     .read = read_texts_key,
     .offset = offsetof(struct gpu_nodes, taint_keys),
     .extra = &form_label_key_glob,
     .help = "Keys of taints that only GPU nodes have (patterns); the list replaces the "
             "built-in one."},
    {.key = "labels",
     .kind = DOC_SEQUENCE,
     .may_be_empty = true,
     .expected = "a list of label keys such as [\"nvidia.com/gpu.*\"]",
     .read = read_texts_key,
     .offset = offsetof(struct gpu_nodes, labels),
     .extra = &form_label_key_glob,
     .help = "Keys of labels that only GPU nodes have (patterns); the list replaces the built-in "
             "one."},
};
const struct key_table gpu_nodes_keys = {gpu_nodes_rows, SG_ARRAY_LEN(gpu_nodes_rows)};

void read_gpu_nodes(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                    const struct key_row *row, void *target) {
  (void)row;
  struct policy_view *view = target;
  reader_mapping(r, at, &pair->value, gpu_nodes_keys, &view->gpu_nodes);
}

/* ---- nodePools -------------------------------------------------------------------------- */

static void read_profiles(struct reader *r, const struct field_path *at,
                          const struct doc_pair *pair, const struct key_row *row, void *target) {
  struct node_pool *pool = target;
  read_texts_key(r, at, pair, row, target);
  pool->has_profiles = true;
}

static const struct key_row node_pool_rows[] = {
    {.key = "name",
     .kind = KIND_ANY,
     .is_required = true,
     .expected = "a word for messages, such as h100",
     .read = read_text_key,
     .offset = offsetof(struct node_pool, name),
     .extra = &form_any,
     .help = "A word for messages."},
    {.key = "products",
     .kind = DOC_SEQUENCE,
     .is_required = true,
     .expected = "a list such as [NVIDIA-H100-80GB-HBM3]",
     .read = read_texts_key,
     .offset = offsetof(struct node_pool, products),
     .extra = &form_label_value,
     .help = "GPU products of its nodes, as nvidia.com/gpu.product names them."},
    {.key = "profiles",
     .kind = DOC_SEQUENCE,
     .may_be_empty = true,
     .expected = "a list of MIG profiles such as [1g.10gb, 3g.40gb]",
     .read = read_profiles,
     .offset = offsetof(struct node_pool, profiles),
     .extra = &form_any,
     .help = "MIG profiles that its nodes may offer: without it every one of its products, [] is "
             "none. Needed for a product that is not known here."},
};
const struct key_table node_pool_keys = {node_pool_rows, SG_ARRAY_LEN(node_pool_rows)};

/* "1g.10gb+me" as nvidia-smi says it, or "1g.10gb.me" as the resource name does. */
static const struct mig_profile *find_profile(const struct gpu_product *product, struct str name) {
  const struct mig_profile *profile = product_find_profile(product, name);
  for (size_t i = 0; !profile && i < product->profile_count; i++) {
    struct str resource = product->profiles[i].resource;
    if (str_starts_with(resource, STR_LIT("nvidia.com/mig-")) &&
        str_eq(str_skip(resource, sizeof("nvidia.com/mig-") - 1), name))
      profile = &product->profiles[i];
  }
  return profile;
}

/* The profile with as many compute slices, else with as much memory, else of a near name. */
static struct str nearest_profile(const struct mig_name *wanted, const struct str *names,
                                  size_t count) {
  struct str same_memory = {NULL, 0};
  for (size_t i = 0; i < count; i++) {
    struct mig_name name;
    if (!mig_name_parse(names[i], &name) || name.attributes.len)
      continue;
    if (name.compute == wanted->compute)
      return names[i];
    if (name.memory_gib == wanted->memory_gib)
      same_memory = names[i];
  }
  return same_memory.len ? same_memory : str_nearest(wanted->text, names, count);
}

/* "1g.10gb, 3g.40gb" of every known product of the pool, each once. */
static void list_profiles(struct buf *out, const struct node_pool *pool,
                          const struct mig_name *wanted, struct str *ret_nearest) {
  struct str names[128];
  size_t count = 0;
  for (size_t p = 0; p < pool->products.count; p++) {
    const struct gpu_product *product = product_by_label(pool->products.items[p]);
    for (size_t i = 0; product && i < product->profile_count; i++) {
      struct str name = product->profiles[i].name;
      bool is_listed = false;
      for (size_t k = 0; k < count; k++)
        is_listed = is_listed || str_eq(names[k], name);
      if (is_listed || count == SG_ARRAY_LEN(names))
        continue;
      buf_printf(out, "%s%.*s", count ? ", " : "", STR_FMT(name));
      names[count++] = name;
    }
  }
  *ret_nearest = nearest_profile(wanted, names, count);
}

static void check_profile(struct reader *r, const struct field_path *at,
                          const struct doc_node *node, const struct node_pool *pool) {
  struct mig_name parsed;
  struct str name = doc_text(node);
  if (name.len == 0)
    return; /* said already: no string */
  bool has_unknown_product = false;
  for (size_t i = 0; i < pool->products.count; i++) {
    const struct gpu_product *product = product_by_label(pool->products.items[i]);
    if (product && find_profile(product, name))
      return;
    has_unknown_product = has_unknown_product || !product;
  }
  if (!mig_name_parse(name, &parsed)) {
    reader_error_value(r, at, node, "is \"%.*s\", expected a MIG profile such as \"1g.10gb\"",
                       STR_FMT(name));
    return;
  }
  if (has_unknown_product || pool->products.count == 0)
    return; /* may be a profile of a product that is newer than we are */
  CLEANUP_BUF struct buf list;
  buf_init(&list, 1500);
  struct str nearest;
  list_profiles(&list, pool, &parsed, &nearest);
  if (nearest.len)
    reader_error_value(r, at, node,
                       "is \"%.*s\", which no product of this pool has, did you mean \"%.*s\"? "
                       "Expected one of %.*s",
                       STR_FMT(name), STR_FMT(nearest), STR_FMT(buf_str(&list)));
  else
    reader_error_value(r, at, node,
                       "is \"%.*s\", which no product of this pool has, expected one of %.*s",
                       STR_FMT(name), STR_FMT(buf_str(&list)));
}

static void check_product(struct reader *r, const struct field_path *at,
                          const struct doc_node *node, bool has_profiles) {
  struct str label = doc_text(node);
  if (label.len == 0 || !form_label_value.is_valid(label) || has_profiles ||
      product_by_label(label))
    return;
  struct str names[512];
  size_t count = 0, product_count;
  const struct gpu_product *products = products_all(&product_count);
  for (size_t i = 0; i < product_count; i++) {
    for (size_t k = 0; k < products[i].label_count && count < SG_ARRAY_LEN(names); k++)
      names[count++] = products[i].labels[k];
  }
  struct str nearest = str_nearest(label, names, count);
  if (nearest.len)
    reader_error_value(r, at, node,
                       "is \"%.*s\", which is not known here, did you mean \"%.*s\"? For a product "
                       "with other or no MIG profiles add \"profiles\" to the pool ([] for none)",
                       STR_FMT(label), STR_FMT(nearest));
  else
    reader_error_value(r, at, node,
                       "is \"%.*s\", which is not known here: add \"profiles\" to the pool, the "
                       "MIG profiles that it may offer ([] for none)",
                       STR_FMT(label));
}

/* Products times profiles are compared below. */
enum { MAX_POOL_ITEMS = 64 };

static bool is_small(struct reader *r, const struct field_path *at, const struct doc_node *list) {
  if (list_count(list) <= MAX_POOL_ITEMS)
    return true;
  reader_error_value(r, at, list, "has %u items, expected at most %d", list->count, MAX_POOL_ITEMS);
  return false;
}

static void check_pool(struct reader *r, const struct field_path *at, const struct doc_node *node,
                       const struct node_pool *pool) {
  const struct doc_node *products = doc_get_lit(node, "products");
  const struct doc_node *profiles = doc_get_lit(node, "profiles");
  struct field_path path = {.parent = at, .key = STR_LIT("products")};
  if (!is_small(r, &path, products))
    return;
  for (size_t i = 0; i < list_count(products); i++) {
    struct field_path item = {.parent = &path, .index = i};
    check_product(r, &item, &products->items[i], profiles != NULL);
  }
  path.key = STR_LIT("profiles");
  if (!is_small(r, &path, profiles))
    return;
  for (size_t i = 0; i < list_count(profiles); i++) {
    struct field_path item = {.parent = &path, .index = i};
    check_profile(r, &item, &profiles->items[i], pool);
  }
}

void read_node_pools(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                     const struct key_row *row, void *target) {
  (void)row;
  struct policy_view *view = target;
  struct node_pool *pools = arena_array(r->arena, pair->value.count, sizeof(*pools));
  size_t count = 0;
  for (size_t i = 0; i < pair->value.count; i++) {
    const struct doc_node *node = &pair->value.items[i];
    struct field_path path = {.parent = at, .index = i};
    struct node_pool *pool = &pools[count];
    if (!reader_mapping(r, &path, node, node_pool_keys, pool))
      continue;
    check_pool(r, &path, node, pool);
    for (size_t k = 0; k < count; k++) {
      if (pool->name.len && str_eq(pools[k].name, pool->name))
        reader_error_value(r, &path, node, "is the second pool of the name \"%.*s\"",
                           STR_FMT(pool->name));
    }
    count++;
  }
  view->node_pools = pools;
  view->node_pool_count = count;
}
