/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/doc.h"
#include "slicegate/model.h"
#include "tests/unit/model/cases.h"

#include <stdio.h>

/* ---- the table against its source ---------------------------------------------------- */

/* Tests run in the repository's root. */
static const struct doc_node *read_source(struct arena *arena) {
  enum { SOURCE_MAX = 1 << 20 };
  const char *path = "src/model/mig-profiles.json";
  FILE *file = fopen(path, "rb");
  ck_assert_msg(file != NULL, "%s cannot be opened", path);
  char *text = arena_alloc(arena, SOURCE_MAX);
  size_t len = fread(text, 1, SOURCE_MAX, file);
  fclose(file);
  const struct doc_node *root;
  struct err err;
  ck_assert_msg(doc_parse_json(arena, (struct str){text, len}, &doc_limits_review, &root, &err),
                "%s:%u:%u: %s", path, err.line, err.column, err.text);
  return root;
}

static int64_t number_at(const struct doc_node *node, const char *key) {
  int64_t value = 0; /* null: not known */
  doc_int(doc_get_lit(node, key), &value);
  return value;
}

static void compare_profile(const struct gpu_product *product, const struct doc_node *source,
                            const struct doc_node *alternates) {
  struct str name = doc_text_at(source, "name");
  const struct mig_profile *profile = product_find_profile(product, name);
  ck_assert_msg(profile != NULL && str_eq(profile->name, name), "%s has no %.*s", product->id.ptr,
                STR_FMT(name));
  ck_assert(str_eq(profile->resource, doc_text_at(source, "resource_mixed")));
  ck_assert_int_eq(profile->compute_slices, number_at(source, "compute_slices"));
  ck_assert_int_eq(profile->memory_slices, number_at(source, "placement_size"));
  ck_assert_int_eq(profile->max_instances, number_at(source, "max_instances"));
  const struct doc_node *starts = doc_get_lit(source, "placement_starts");
  ck_assert_uint_eq(profile->start_count, doc_is(starts, DOC_SEQUENCE) ? starts->count : 0);
  ck_assert_uint_eq(profile->starts != NULL, profile->start_count > 0);
  for (uint8_t i = 0; i < profile->start_count; i++) {
    int64_t start;
    ck_assert(doc_int(&starts->items[i], &start));
    ck_assert_int_eq(profile->starts[i], start);
  }
  struct mig_name parsed;
  ck_assert_msg(mig_name_parse(name, &parsed), "%.*s", STR_FMT(name));
  ck_assert_uint_eq(parsed.compute, profile->compute_slices);
  ck_assert_uint_eq(parsed.memory_gib, profile->memory_gib);
  /* The source lists sizes; what stands behind them stays. */
  size_t size_len = 0;
  while (size_len < name.len && name.ptr[size_len] != '+' && name.ptr[size_len] != '-')
    size_len++;
  const struct doc_node *others = doc_get(alternates, (struct str){name.ptr, size_len});
  ck_assert_uint_eq(profile->alternate.len > 0, doc_is(others, DOC_SEQUENCE));
  if (profile->alternate.len) {
    ck_assert_uint_eq(others->count, 1);
    ck_assert(str_starts_with(profile->alternate, doc_text(&others->items[0])));
    ck_assert(str_ends_with(profile->alternate, str_skip(name, size_len)));
    ck_assert_ptr_eq(product_find_profile(product, profile->alternate), profile);
  }
}

static void compare_labels(const struct gpu_product *product, const struct doc_node *names) {
  size_t count = 0;
  for (uint32_t i = 0; i < names->count; i++) {
    struct str label = doc_text_at(&names->items[i], "gfd_label");
    if (label.len == 0)
      continue;
    ck_assert_msg(product_by_label(label) == product, "%.*s", STR_FMT(label));
    ck_assert(str_eq(product->labels[count], label));
    count++;
  }
  ck_assert_uint_eq(product->label_count, count);
}

START_TEST(table_is_its_source) {
  CLEANUP_ARENA struct arena *arena = arena_new(1 << 16);
  const struct doc_node *source = doc_get_lit(read_source(arena), "products");
  size_t count;
  const struct gpu_product *products = products_all(&count);
  ck_assert(doc_is(source, DOC_SEQUENCE));
  ck_assert_uint_eq(count, source->count);
  for (size_t i = 0; i < count; i++) {
    const struct doc_node *product = &source->items[i];
    const struct doc_node *profiles = doc_get_lit(product, "profiles");
    ck_assert(str_eq(products[i].id, doc_text_at(product, "id")));
    ck_assert_int_eq(products[i].memory_gib, number_at(product, "memory_gib"));
    ck_assert_int_eq(products[i].memory_slices, number_at(product, "memory_slices"));
    ck_assert_int_eq(products[i].compute_slices, number_at(product, "compute_slices"));
    const struct doc_node *verified = doc_get_lit(product, "placement_verified");
    ck_assert(doc_is(verified, DOC_BOOL));
    ck_assert(products[i].is_placement_verified == verified->truth);
    compare_labels(&products[i], doc_get_lit(product, "names"));
    ck_assert_uint_eq(products[i].profile_count, profiles->count);
    for (uint32_t k = 0; k < profiles->count; k++)
      compare_profile(&products[i], &profiles->items[k], doc_get_lit(product, "alternate_names"));
  }
}
END_TEST

/* The rule of names: "nvidia.com/mig-" and the profile, every '+' a '.', '-' kept. */
START_TEST(resources_follow_from_names) {
  size_t count;
  const struct gpu_product *products = products_all(&count);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < products[i].profile_count; k++) {
      const struct mig_profile *profile = &products[i].profiles[k];
      char expected[64];
      snprintf(expected, sizeof(expected), "nvidia.com/mig-%s", profile->name.ptr);
      for (char *c = expected; *c; c++)
        if (*c == '+')
          *c = '.';
      ck_assert_str_eq(profile->resource.ptr, expected);
      ck_assert_ptr_eq(product_find_profile(&products[i], str_of(expected + 15)), profile);
    }
}
END_TEST

/* ---- labels ---------------------------------------------------------------------------- */

static const struct {
  const char *label;
  const char *id; /* NULL: none */
} labels[] = {
    {"NVIDIA-A100-SXM4-40GB", "a100-40gb"},
    {"A100-SXM4-40GB", "a100-40gb"},
    {"NVIDIA-A100-SXM4-40GB-SHARED", "a100-40gb"},
    {"NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "a100-40gb"},
    {"NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED", "a100-40gb"},
    {"NVIDIA-A100-SXM4-40GB-SHARED-MIG-1g.5gb", "a100-40gb"},
    {"NVIDIA-H100-80GB-HBM3-MIG-INVALID", "h100-80gb"},
    {"A100-SXM4-40GB-MIG-1g.5gb.me", "a100-40gb"},
    {"NVIDIA-GB200", "gb200-186gb"},
    {"Tesla-T4", NULL},
    {"NVIDIA-A100", NULL},
    {"nvidia-a100-sxm4-40gb", NULL},
    {"NVIDIA-NVIDIA-A30", NULL},
    {"NVIDIA-", NULL},
    {"-SHARED", NULL},
    {"", NULL},
};

START_TEST(product_is_found_by_label) {
  const struct gpu_product *product = product_by_label(str_of(labels[_i].label));
  if (!labels[_i].id)
    ck_assert_msg(product == NULL, "%s is %s", labels[_i].label, product ? product->id.ptr : "");
  else
    ck_assert_msg(product && str_is(product->id, labels[_i].id), "%s", labels[_i].label);
}
END_TEST

START_TEST(profile_is_found_by_each_of_its_names) {
  const struct gpu_product *product = product_by_label(STR_LIT("NVIDIA-GB200"));
  ck_assert(str_is(product_find_profile(product, STR_LIT("1g.23gb"))->name, "1g.23gb"));
  ck_assert(str_is(product_find_profile(product, STR_LIT("1g.24gb"))->name, "1g.23gb"));
  ck_assert(str_is(product_find_profile(product, STR_LIT("1g.23gb+me"))->name, "1g.23gb+me"));
  ck_assert(str_is(product_find_profile(product, STR_LIT("1g.23gb.me"))->name, "1g.23gb+me"));
  ck_assert(str_is(product_find_profile(product, STR_LIT("1g.24gb+me"))->name, "1g.23gb+me"));
  ck_assert(str_is(product_find_profile(product, STR_LIT("1g.24gb.me"))->name, "1g.23gb+me"));
  ck_assert_ptr_null(product_find_profile(product, STR_LIT("1g.24gb-me")));
  ck_assert_ptr_null(product_find_profile(product, STR_LIT("3g.40gb")));
  ck_assert_ptr_null(product_find_profile(product, STR_LIT("")));
}
END_TEST

/* ---- names of profiles ------------------------------------------------------------------- */

static const struct {
  const char *text;
  unsigned compute, memory_gib;
  const char *attributes; /* NULL: no name at all */
} names[] = {
    {"1g.5gb", 1, 5, ""},
    {"7g.141gb", 7, 141, ""},
    {"1g.10gb+me", 1, 10, "me"},
    {"1g.10gb.me", 1, 10, "me"},
    {"1g.24gb-me", 1, 24, "me"},
    {"1g.24gb+me.all", 1, 24, "me.all"},
    {"1g.24gb.me.all", 1, 24, "me.all"},
    {"1g.24gb+me,gfx", 1, 24, "me,gfx"},
    {"2g.0gb+gfx", 2, 0, "gfx"},
    {"1c.3g.20gb", 3, 20, ""},
    {"", 0, 0, NULL},
    {"1g", 0, 0, NULL},
    {"1g.", 0, 0, NULL},
    {"1g.5", 0, 0, NULL},
    {"1g5gb", 0, 0, NULL},
    {"1g.5Gb", 0, 0, NULL},
    {"1G.5GB", 0, 0, NULL},
    {"1g.5gi", 0, 0, NULL},
    {"0g.5gb", 0, 0, NULL},
    {"01g.5gb", 0, 0, NULL},
    {"1g.05gb", 0, 0, NULL},
    {"g.5gb", 0, 0, NULL},
    {"5gb", 0, 0, NULL},
    {"1g.5gb.", 0, 0, NULL},
    {"1g.5gb+", 0, 0, NULL},
    {"1g.5gb++me", 0, 0, NULL},
    {"1g.5gbme", 0, 0, NULL},
    {"1g.5gb.ME", 0, 0, NULL},
    {"1g.5gb me", 0, 0, NULL},
    {"-1g.5gb", 0, 0, NULL},
    {"12345g.5gb", 0, 0, NULL},
    {"1g.99999999999999999999gb", 0, 0, NULL},
    {"1g.5gb.shared.", 0, 0, NULL},
};

START_TEST(profile_name_is_read) {
  struct mig_name name;
  bool is_name = mig_name_parse(str_of(names[_i].text), &name);
  ck_assert_msg(is_name == (names[_i].attributes != NULL), "\"%s\"", names[_i].text);
  if (!is_name)
    return;
  ck_assert(str_is(name.text, names[_i].text));
  ck_assert_uint_eq(name.compute, names[_i].compute);
  ck_assert_uint_eq(name.memory_gib, names[_i].memory_gib);
  ck_assert_msg(str_is(name.attributes, names[_i].attributes), "\"%.*s\"",
                STR_FMT(name.attributes));
}
END_TEST

/* ---- places ------------------------------------------------------------------------------ */

START_TEST(places_are_windows_beside_each_other) {
  static const struct {
    uint8_t size, start_count, starts[8];
    unsigned places;
  } cases[] = {
      {1, 7, {0, 1, 2, 3, 4, 5, 6}, 7}, {2, 3, {0, 2, 4}, 3}, {4, 2, {0, 4}, 2},    {8, 1, {0}, 1},
      {2, 5, {0, 1, 2, 3, 4}, 3},       {4, 2, {0, 1}, 1},    {3, 3, {1, 2, 4}, 2}, {1, 0, {0}, 0},
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(cases); i++) {
    struct mig_profile profile = {.memory_slices = cases[i].size,
                                  .starts = cases[i].start_count ? cases[i].starts : NULL,
                                  .start_count = cases[i].start_count};
    ck_assert_msg(mig_profile_places(&profile) == cases[i].places, "case %zu", i);
  }
}
END_TEST

/* ---- lists ------------------------------------------------------------------------------- */

START_TEST(own_products_come_first_and_replace) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  size_t base_count, count;
  const struct gpu_product *base = products_all(&base_count);
  const struct str label = STR_LIT("NVIDIA-A30");
  struct gpu_product own[] = {
      {.id = STR_LIT("ours"), .labels = &label, .label_count = 1},
      {.id = STR_LIT("h100-80gb"), .memory_gib = 79},
  };
  const struct gpu_product *merged =
      products_merge(arena, own, SG_ARRAY_LEN(own), base, base_count, &count);
  ck_assert_uint_eq(count, base_count + 1);
  ck_assert(str_is(merged[0].id, "ours") && str_is(merged[1].id, "h100-80gb"));
  ck_assert_uint_eq(products_find_id(merged, count, STR_LIT("h100-80gb"))->memory_gib, 79);
  /* What own rows do not replace stays in its order. */
  size_t at = SG_ARRAY_LEN(own);
  for (size_t i = 0; i < base_count; i++) {
    if (!str_is(base[i].id, "h100-80gb"))
      ck_assert(str_eq(merged[at++].id, base[i].id));
  }
  ck_assert_uint_eq(at, count);
  ck_assert_msg(str_is(products_find_label(merged, count, label)->id, "ours"),
                "a label that both have is that of the own product");
  ck_assert_ptr_null(products_find_label(merged, count, STR_LIT("NVIDIA-H100-PCIe")));
  ck_assert(str_is(product_by_label(label)->id, "a30-24gb"));
}
END_TEST

START_TEST(nothing_merges_with_nothing) {
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  size_t base_count, count;
  const struct gpu_product *base = products_all(&base_count);
  (void)products_merge(arena, NULL, 0, base, base_count, &count);
  ck_assert_uint_eq(count, base_count);
  (void)products_merge(arena, base, base_count, base, base_count, &count);
  ck_assert_uint_eq(count, base_count);
  (void)products_merge(arena, NULL, 0, NULL, 0, &count);
  ck_assert_uint_eq(count, 0);
  ck_assert_ptr_null(products_find_id(NULL, 0, STR_LIT("a30-24gb")));
  ck_assert_ptr_null(products_find_label(NULL, 0, STR_LIT("NVIDIA-A30")));
}
END_TEST

TCase *tcase_products(void) {
  TCase *tc = tcase_create("products");
  tcase_add_test(tc, table_is_its_source);
  tcase_add_test(tc, resources_follow_from_names);
  tcase_add_loop_test(tc, product_is_found_by_label, 0, SG_ARRAY_LEN(labels));
  tcase_add_test(tc, profile_is_found_by_each_of_its_names);
  tcase_add_test(tc, places_are_windows_beside_each_other);
  tcase_add_test(tc, own_products_come_first_and_replace);
  tcase_add_test(tc, nothing_merges_with_nothing);
  tcase_add_loop_test(tc, profile_name_is_read, 0, SG_ARRAY_LEN(names));
  return tc;
}
