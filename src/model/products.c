/* SPDX-License-Identifier: Apache-2.0 */
/* GPU products by the labels that nodes carry, and the names of MIG profiles. */
#include "model_internal.h"

static const struct str vendor_prefix = {"NVIDIA-", 7};
static const struct str resource_prefix = {"nvidia.com/mig-", 15};

const struct gpu_product *products_all(size_t *ret_count) {
  *ret_count = products_table_count;
  return products_table;
}

/* ---- labels ------------------------------------------------------------------------- */

/*
 * What GPU Feature Discovery puts behind a product: "-SHARED" under time-slicing or MPS,
 * "-MIG-1g.10gb" or "-MIG-INVALID" under the single MIG strategy; both in either order.
 */
static struct str without_suffix(struct str label) {
  static const struct str marks[] = {{"-SHARED", 7}, {"-MIG-", 5}};
  for (size_t i = 1; i < label.len; i++)
    for (size_t k = 0; k < SG_ARRAY_LEN(marks); k++)
      if (str_starts_with(str_skip(label, i), marks[k]))
        return (struct str){label.ptr, i};
  return label;
}

/* Old releases leave the vendor out: "A100-SXM4-40GB". */
static struct str without_prefix(struct str label) {
  return str_starts_with(label, vendor_prefix) ? str_skip(label, vendor_prefix.len) : label;
}

const struct gpu_product *products_find_label(const struct gpu_product *products, size_t count,
                                              struct str label) {
  struct str wanted = without_prefix(without_suffix(label));
  for (size_t i = 0; i < count; i++) {
    const struct gpu_product *product = &products[i];
    for (size_t k = 0; k < product->label_count; k++)
      if (str_eq(without_prefix(product->labels[k]), wanted))
        return product;
  }
  return NULL;
}

const struct gpu_product *product_by_label(struct str label) {
  return products_find_label(products_table, products_table_count, label);
}

/* ---- lists --------------------------------------------------------------------------- */

const struct gpu_product *products_find_id(const struct gpu_product *products, size_t count,
                                           struct str id) {
  for (size_t i = 0; i < count; i++) {
    if (str_eq(products[i].id, id))
      return &products[i];
  }
  return NULL;
}

/* Own ones first: a label that both know is theirs. */
const struct gpu_product *products_merge(struct arena *arena, const struct gpu_product *own,
                                         size_t own_count, const struct gpu_product *base,
                                         size_t base_count, size_t *ret_count) {
  struct gpu_product *merged = arena_array(arena, own_count + base_count, sizeof(*merged));
  size_t count = 0;
  for (size_t i = 0; i < own_count; i++)
    merged[count++] = own[i];
  for (size_t i = 0; i < base_count; i++) {
    if (!products_find_id(own, own_count, base[i].id))
      merged[count++] = base[i];
  }
  *ret_count = count;
  return merged;
}

/* ---- profiles ----------------------------------------------------------------------- */

/* "1g.24gb.me" of a resource is profile "1g.24gb+me". */
static bool is_written(struct str profile, struct str name) {
  if (profile.len != name.len)
    return false;
  for (size_t i = 0; i < name.len; i++) {
    bool is_separator = profile.ptr[i] == '+' || profile.ptr[i] == ',';
    if (name.ptr[i] != profile.ptr[i] && !(is_separator && name.ptr[i] == '.'))
      return false;
  }
  return true;
}

const struct mig_profile *product_find_profile(const struct gpu_product *product, struct str name) {
  if (name.len == 0)
    return NULL;
  for (size_t i = 0; i < product->profile_count; i++) {
    const struct mig_profile *profile = &product->profiles[i];
    if (str_eq(profile->name, name) || is_written(profile->alternate, name) ||
        str_eq(str_skip(profile->resource, resource_prefix.len), name))
      return profile;
  }
  return NULL;
}

/* Windows of one size: taking each that is free, in order, takes as many as can be. */
unsigned mig_profile_places(const struct mig_profile *profile) {
  unsigned places = 0, free_from = 0;
  for (size_t i = 0; i < profile->start_count; i++) {
    if (profile->starts[i] < free_from)
      continue;
    free_from = profile->starts[i] + (unsigned)profile->memory_slices;
    places++;
  }
  return places;
}

/* A decimal number of at most four digits, without leading zeros, and `unit` behind it. */
static bool take_number(struct str *rest, const char *unit, unsigned *ret) {
  enum { DIGITS_MAX = 4 };
  unsigned value = 0;
  size_t n = 0;
  while (n < rest->len && n < DIGITS_MAX && rest->ptr[n] >= '0' && rest->ptr[n] <= '9')
    value = value * 10 + (unsigned)(rest->ptr[n++] - '0');
  if (n == 0 || (n > 1 && rest->ptr[0] == '0') ||
      !str_starts_with(str_skip(*rest, n), str_of(unit)))
    return false;
  *rest = str_skip(*rest, n + strlen(unit));
  *ret = value;
  return true;
}

/* "me", "me.all", "gfx": words of lower-case letters and digits, one separator between. */
static bool are_attributes(struct str s) {
  bool in_word = false;
  for (size_t i = 0; i < s.len; i++) {
    char c = s.ptr[i];
    bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    bool is_separator = c == '.' || c == ',' || c == '+' || c == '-';
    if (!is_word && !(is_separator && in_word))
      return false;
    in_word = is_word;
  }
  return in_word;
}

bool mig_name_parse(struct str text, struct mig_name *ret) {
  struct mig_name made = {.text = text};
  struct str rest = text;
  unsigned compute_instance;
  /* A compute instance smaller than its GPU instance has a name, but never a resource. */
  (void)take_number(&rest, "c.", &compute_instance);
  if (!take_number(&rest, "g.", &made.compute) || made.compute == 0 ||
      !take_number(&rest, "gb", &made.memory_gib))
    return false;
  if (rest.len) {
    bool is_marked = rest.ptr[0] == '+' || rest.ptr[0] == '-' || rest.ptr[0] == '.';
    made.attributes = str_skip(rest, 1);
    if (!is_marked || !are_attributes(made.attributes))
      return false;
  }
  *ret = made;
  return true;
}

bool mig_memory_holds(unsigned memory_gib, int64_t need_bytes) {
  enum { GIB_SHIFT = 30 };
  return need_bytes <= i64_mul_sat((int64_t)memory_gib << GIB_SHIFT, 7) / 8;
}

/* "-me" is a slice without media engines, "+me" one with all of them. */
bool mig_same_attributes(const struct mig_name *a, const struct mig_name *b) {
  if (a->attributes.len == 0 || b->attributes.len == 0)
    return a->attributes.len == b->attributes.len;
  return str_eq(a->attributes, b->attributes) &&
         (a->attributes.ptr[-1] == '-') == (b->attributes.ptr[-1] == '-');
}

int64_t gpu_memory_need(struct str text) {
  enum { LEAST = 1 << 20 };
  struct quantity need;
  int64_t bytes = qty_parse(text, &need) ? qty_units_ceil(need) : 0;
  return bytes >= LEAST ? bytes : 0;
}
