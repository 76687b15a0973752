/* SPDX-License-Identifier: Apache-2.0 */
/* GPU products of a file, in the form of the one that is compiled in. */
#include "wire_internal.h"

enum {
  SCHEMA_VERSION = 1,
  PRODUCTS_MAX = 64,
  PROFILES_MAX = 64, /* of a product */
  NAMES_MAX = 64,    /* of a product */
  MEMORY_GIB_MAX = 9999,
  LABEL_LEN_MAX = 63,
};

/* 1 MiB, depth 32, 20,000 nodes: ten times what is compiled in. */
static const struct doc_limits file_limits = {1 << 20, 32, 20000};

static const struct wire_field file_fields[] = {
    {.name = "products", .is_read = true, .is_required = true, .kind = DOC_SEQUENCE},
    {.name = "schema_version", .is_read = true, .kind = DOC_NUMBER},
    {.name = "compiled"},
    {.name = "reading"},
    {.name = "rules"},
    {.name = "sources"},
};

static const struct wire_field product_fields[] = {
    {.name = "id", .is_read = true, .is_required = true, .kind = DOC_STRING},
    {.name = "memory_gib", .is_read = true, .is_required = true, .kind = DOC_NUMBER},
    {.name = "compute_slices", .is_read = true, .is_required = true, .kind = DOC_NUMBER},
    {.name = "memory_slices", .is_read = true, .kind = DOC_NUMBER},
    {.name = "names", .is_read = true, .kind = DOC_SEQUENCE},
    {.name = "placement_verified", .is_read = true, .kind = DOC_BOOL},
    {.name = "alternate_names", .is_read = true, .kind = DOC_MAPPING},
    {.name = "profiles", .is_read = true, .is_required = true, .kind = DOC_SEQUENCE},
    {.name = "architecture"},
    {.name = "min_driver"},
    {.name = "notes"},
    {.name = "pci_device_ids"},
};

static const struct wire_field name_fields[] = {
    {.name = "gfd_label", .is_read = true, .kind = DOC_STRING},
    {.name = "nvidia_smi"},
    {.name = "source"},
};

struct products_reader {
  struct arena *arena;
  struct err *err;
};

static bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A name that a node label can hold as its value: ids look like that, too. */
static bool is_label_value(struct str text) {
  if (text.len == 0 || text.len > LABEL_LEN_MAX || !is_alphanumeric(text.ptr[0]) ||
      !is_alphanumeric(text.ptr[text.len - 1]))
    return false;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.ptr[i];
    if (!is_alphanumeric(c) && c != '-' && c != '_' && c != '.')
      return false;
  }
  return true;
}

static bool check_count(const struct doc_node *list, unsigned max, const struct trail *trail,
                        struct err *reterr) {
  return list->count <= max ||
         wire_invalid(trail, list, reterr, "has %u items, at most %u are expected", list->count,
                      max);
}

/* ---- labels of nodes ------------------------------------------------------------------- */

static bool read_label(struct products_reader *r, const struct doc_node *item,
                       const struct trail *trail, struct gpu_product *product, struct str *labels) {
  if (!wire_fields_check(item, name_fields, SG_ARRAY_LEN(name_fields), trail, r->err))
    return false;
  const struct doc_node *label = doc_get_lit(item, "gfd_label");
  if (!doc_is(label, DOC_STRING))
    return true;
  struct trail here = {trail, STR_LIT("gfd_label"), 0};
  if (!is_label_value(label->text))
    return wire_invalid(&here, label, r->err,
                        "a value of the label nvidia.com/gpu.product was expected");
  labels[product->label_count++] = str_copy(r->arena, label->text);
  /* What a node appends to it is cut off before it is looked up. */
  struct gpu_product alone = {.labels = &labels[product->label_count - 1], .label_count = 1};
  return products_find_label(&alone, 1, label->text) ||
         wire_invalid(&here, label, r->err,
                      "has a suffix that nodes append when they share or split the GPU: leave "
                      "\"-SHARED\" and \"-MIG-...\" off");
}

static bool read_labels(struct products_reader *r, const struct doc_node *node,
                        const struct trail *trail, struct gpu_product *product) {
  const struct doc_node *list = doc_get_lit(node, "names");
  if (!doc_is(list, DOC_SEQUENCE) || list->count == 0)
    return true;
  struct trail here = {trail, STR_LIT("names"), 0};
  if (!check_count(list, NAMES_MAX, &here, r->err))
    return false;
  struct str *labels = arena_array(r->arena, list->count, sizeof(*labels));
  for (uint32_t i = 0; i < list->count; i++) {
    struct trail item = {&here, (struct str){NULL, 0}, i};
    if (!read_label(r, &list->items[i], &item, product, labels))
      return false;
  }
  product->labels = product->label_count ? labels : NULL;
  return true;
}

/* ---- profiles ---------------------------------------------------------------------------- */

/* The name up to its attributes: alternates are listed by it. */
static struct str size_of_name(struct str name) {
  size_t plus = str_find_char(name, '+'), minus = str_find_char(name, '-');
  return (struct str){name.ptr, plus < minus ? plus : minus};
}

/* The one other name: the file may list several, we know of no product that needs them. */
static bool read_other_name(const struct doc_node *list, const struct mig_name *name,
                            struct str *ret) {
  struct mig_name other;
  if (list->kind != DOC_SEQUENCE || list->count != 1)
    return false;
  *ret = doc_text(&list->items[0]);
  return ret->len <= LABEL_LEN_MAX && mig_name_parse(*ret, &other) && other.attributes.len == 0 &&
         other.compute == name->compute;
}

static bool read_alternate(struct products_reader *r, const struct doc_pair *pair,
                           const struct mig_name *name, const struct trail *trail,
                           const struct gpu_product *product, struct mig_profile *profiles) {
  struct str other;
  bool is_used = false;
  if (!read_other_name(&pair->value, name, &other))
    return wire_invalid(trail, &pair->value, r->err,
                        "a list of one name such as [%ug.24gb] was expected", name->compute);
  for (size_t i = 0; i < product->profile_count; i++) {
    struct str size = size_of_name(profiles[i].name);
    if (!str_eq(size, pair->key))
      continue;
    struct str whole = str_printf(r->arena, "%.*s%.*s", STR_FMT(other),
                                  STR_FMT(str_skip(profiles[i].name, size.len)));
    if (product_find_profile(product, whole))
      return wire_invalid(trail, &pair->value, r->err, "%.*s names a profile here already",
                          STR_FMT(whole));
    profiles[i].alternate = whole;
    is_used = true;
  }
  return is_used || wire_invalid(trail, &pair->value, r->err, "the product has no such profile");
}

static bool read_alternates(struct products_reader *r, const struct doc_node *node,
                            const struct trail *trail, const struct gpu_product *product,
                            struct mig_profile *profiles) {
  const struct doc_node *mapping = doc_get_lit(node, "alternate_names");
  if (!doc_is(mapping, DOC_MAPPING))
    return true;
  struct trail here = {trail, STR_LIT("alternate_names"), 0};
  if (!check_count(mapping, PROFILES_MAX, &here, r->err))
    return false;
  for (uint32_t i = 0; i < mapping->count; i++) {
    const struct doc_pair *pair = &mapping->pairs[i];
    if (str_is(pair->key, "source") || doc_get_pair(mapping, pair->key) != pair)
      continue;
    struct mig_name name;
    const struct doc_node at_key = {.line = pair->line, .column = pair->column};
    if (pair->key.len > LABEL_LEN_MAX || !mig_name_parse(pair->key, &name))
      return wire_invalid(&here, &at_key, r->err, "a profile name was expected before the ':'");
    struct trail item = {&here, pair->key, 0};
    if (!read_alternate(r, pair, &name, &item, product, profiles))
      return false;
  }
  return true;
}

static bool read_profiles(struct products_reader *r, const struct doc_node *node,
                          const struct trail *trail, struct gpu_product *product) {
  const struct doc_node *list = doc_get_lit(node, "profiles");
  struct trail here = {trail, STR_LIT("profiles"), 0};
  if (!check_count(list, PROFILES_MAX, &here, r->err))
    return false;
  struct mig_profile *profiles = arena_array(r->arena, list->count, sizeof(*profiles));
  for (uint32_t i = 0; i < list->count; i++) {
    struct trail item = {&here, (struct str){NULL, 0}, i};
    if (!wire_mig_profile_decode(r->arena, &list->items[i], product->memory_slices, &item,
                                 &profiles[i], r->err))
      return false;
    if (profiles[i].compute_slices > product->compute_slices)
      return wire_invalid(&item, &list->items[i], r->err, "%.*s is too large for %u compute slices",
                          STR_FMT(profiles[i].name), product->compute_slices);
    for (uint32_t k = 0; k < i; k++) {
      if (str_eq(profiles[k].resource, profiles[i].resource))
        return wire_invalid(&item, &list->items[i], r->err,
                            "%.*s is there already, as profiles[%u]", STR_FMT(profiles[i].name), k);
    }
  }
  product->profiles = profiles;
  product->profile_count = list->count;
  return read_alternates(r, node, trail, product, profiles);
}

/* ---- products ---------------------------------------------------------------------------- */

static bool read_product(struct products_reader *r, const struct doc_node *node,
                         const struct trail *trail, struct gpu_product *ret) {
  *ret = (struct gpu_product){0};
  int64_t memory_gib = 0, axis = 0, compute = 0;
  if (!wire_fields_check(node, product_fields, SG_ARRAY_LEN(product_fields), trail, r->err))
    return false;
  const struct doc_node *id = doc_get_lit(node, "id");
  struct trail here = {trail, STR_LIT("id"), 0};
  if (!is_label_value(id->text))
    return wire_invalid(&here, id, r->err,
                        "at most %d letters, digits, '-', '_' and '.' were expected, a letter or "
                        "digit first and last",
                        LABEL_LEN_MAX);
  if (!wire_child_number(node, "memory_gib", trail, 0, MEMORY_GIB_MAX, &memory_gib, r->err) ||
      !wire_child_number(node, "memory_slices", trail, 1, MIG_AXIS_MAX, &axis, r->err) ||
      !wire_child_number(node, "compute_slices", trail, 1, MIG_AXIS_MAX, &compute, r->err))
    return false;
  ret->id = str_copy(r->arena, id->text);
  ret->memory_gib = (uint16_t)memory_gib;
  ret->memory_slices = (uint8_t)axis;
  ret->compute_slices = (uint8_t)compute;
  ret->is_placement_verified = doc_is_true(doc_get_lit(node, "placement_verified"));
  return read_labels(r, node, trail, ret) && read_profiles(r, node, trail, ret);
}

/* What names a product names no other. */
static bool check_is_new(struct products_reader *r, const struct doc_node *node,
                         const struct trail *trail, const struct gpu_product *products,
                         size_t count) {
  const struct gpu_product *product = &products[count];
  const struct gpu_product *same = products_find_id(products, count, product->id);
  if (same)
    return wire_invalid(trail, doc_get_lit(node, "id"), r->err,
                        "id %.*s is there already, in products[%zu]", STR_FMT(product->id),
                        (size_t)(same - products));
  for (size_t i = 0; i < product->label_count; i++) {
    same = products_find_label(products, count, product->labels[i]);
    if (same)
      return wire_invalid(trail, node, r->err, "the label %.*s is in products[%zu] already",
                          STR_FMT(product->labels[i]), (size_t)(same - products));
  }
  return true;
}

static bool check_version(const struct doc_node *node, struct err *reterr) {
  int64_t version;
  if (!node || node->kind == DOC_NULL || (doc_int(node, &version) && version == SCHEMA_VERSION))
    return true;
  struct trail here = {NULL, STR_LIT("schema_version"), 0};
  return wire_invalid(&here, node, reterr, "only version %d is known", SCHEMA_VERSION);
}

static bool read_file(struct products_reader *r, const struct doc_node *root,
                      const struct gpu_product **ret, size_t *ret_count) {
  if (!wire_fields_check(root, file_fields, SG_ARRAY_LEN(file_fields), NULL, r->err) ||
      !check_version(doc_get_lit(root, "schema_version"), r->err))
    return false;
  const struct doc_node *list = doc_get_lit(root, "products");
  struct trail here = {NULL, STR_LIT("products"), 0};
  if (list->count == 0)
    return wire_invalid(&here, list, r->err, "is empty, at least one product was expected");
  if (!check_count(list, PRODUCTS_MAX, &here, r->err))
    return false;
  struct gpu_product *products = arena_array(r->arena, list->count, sizeof(*products));
  for (uint32_t i = 0; i < list->count; i++) {
    struct trail item = {&here, (struct str){NULL, 0}, i};
    if (!read_product(r, &list->items[i], &item, &products[i]) ||
        !check_is_new(r, &list->items[i], &item, products, i))
      return false;
  }
  *ret = products;
  *ret_count = list->count;
  return true;
}

bool wire_products_decode(struct arena *arena, struct str text, const struct gpu_product **ret,
                          size_t *ret_count, struct err *reterr) {
  CLEANUP_ARENA struct arena *tree = arena_new(0);
  struct doc_stream stream;
  if (!doc_parse_manifest(tree, text, &file_limits, &stream, reterr))
    return false;
  if (stream.problem_count)
    return err_set_at(reterr, ERR_INVALID, stream.problems[0].line, stream.problems[0].column,
                      "this key is there twice");
  if (stream.count == 0)
    return err_set_at(reterr, ERR_INVALID, 1, 1,
                      "the file is empty, a mapping with \"products\" "
                      "was expected");
  if (stream.count > 1)
    return wire_invalid(NULL, stream.documents[1], reterr, "a further document, one was expected");
  struct products_reader r = {.arena = arena, .err = reterr};
  return read_file(&r, stream.documents[0], ret, ret_count);
}
