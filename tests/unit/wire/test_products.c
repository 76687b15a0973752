/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/wire.h"

#include <check.h>
#include <stdio.h>

TCase *tcase_products(void);

static struct arena *arena;

static void set_up(void) {
  arena = arena_new(0);
}

static void tear_down(void) {
  arena_free(arena);
}

/* ---- the shipped file ------------------------------------------------------------------ */

/* Tests run in the repository's root. */
static struct str read_source(void) {
  enum { SOURCE_MAX = 1 << 20 };
  const char *path = "src/model/mig-profiles.json";
  FILE *file = fopen(path, "rb");
  ck_assert_msg(file != NULL, "%s cannot be opened", path);
  char *text = arena_alloc(arena, SOURCE_MAX);
  size_t len = fread(text, 1, SOURCE_MAX, file);
  fclose(file);
  return (struct str){text, len};
}

static void compare_profiles(const struct mig_profile *a, const struct mig_profile *b) {
  ck_assert(str_eq(a->name, b->name));
  ck_assert_msg(str_eq(a->resource, b->resource), "%.*s", STR_FMT(a->resource));
  ck_assert_msg(str_eq(a->alternate, b->alternate), "%.*s", STR_FMT(a->alternate));
  ck_assert_uint_eq(a->compute_slices, b->compute_slices);
  ck_assert_uint_eq(a->memory_slices, b->memory_slices);
  ck_assert_uint_eq(a->memory_gib, b->memory_gib);
  ck_assert_uint_eq(a->max_instances, b->max_instances);
  ck_assert_uint_eq(a->start_count, b->start_count);
  ck_assert((a->starts == NULL) == (b->starts == NULL));
  if (a->starts)
    ck_assert_mem_eq(a->starts, b->starts, a->start_count);
}

static void compare_products(const struct gpu_product *a, const struct gpu_product *b) {
  ck_assert_msg(str_eq(a->id, b->id), "%.*s", STR_FMT(a->id));
  ck_assert_uint_eq(a->label_count, b->label_count);
  ck_assert((a->labels == NULL) == (b->labels == NULL));
  for (size_t i = 0; i < a->label_count; i++)
    ck_assert(str_eq(a->labels[i], b->labels[i]));
  ck_assert_uint_eq(a->memory_gib, b->memory_gib);
  ck_assert_uint_eq(a->memory_slices, b->memory_slices);
  ck_assert_uint_eq(a->compute_slices, b->compute_slices);
  ck_assert(a->is_placement_verified == b->is_placement_verified);
  ck_assert_uint_eq(a->profile_count, b->profile_count);
  for (size_t i = 0; i < a->profile_count; i++)
    compare_profiles(&a->profiles[i], &b->profiles[i]);
}

START_TEST(shipped_file_is_what_is_compiled_in) {
  const struct gpu_product *read;
  size_t count, compiled_count;
  struct err err;
  const struct gpu_product *compiled = products_all(&compiled_count);
  ck_assert_msg(wire_products_decode(arena, read_source(), &read, &count, &err), "%u:%u: %s",
                err.line, err.column, err.text);
  ck_assert_uint_eq(count, compiled_count);
  for (size_t i = 0; i < count; i++)
    compare_products(&read[i], &compiled[i]);
}
END_TEST

START_TEST(rows_outlive_the_text) {
  struct str source = read_source();
  char *text = mem_strndup(source.ptr, source.len);
  const struct gpu_product *read;
  size_t count;
  struct err err;
  ck_assert(wire_products_decode(arena, (struct str){text, source.len}, &read, &count, &err));
  memset(text, 'x', source.len);
  mem_free_ptr(&text);
  size_t compiled_count;
  const struct gpu_product *compiled = products_all(&compiled_count);
  for (size_t i = 0; i < count; i++)
    compare_products(&read[i], &compiled[i]);
}
END_TEST

/* ---- what may be written ----------------------------------------------------------------- */

#define PRODUCT "id: x, memory_gib: 80, compute_slices: 7, memory_slices: 8"
#define FILE_OF(product) "products: [{" product "}]"
#define PROFILES(profiles) FILE_OF(PRODUCT ", profiles: [" profiles "]")
#define SMALL                                                                                      \
  "{name: 1g.10gb, max_instances: 7, placement_starts: [0, 1, 2, 3, 4, 5, 6], placement_size: 1}"

static const struct gpu_product *read_one(const char *text) {
  const struct gpu_product *products;
  size_t count;
  struct err err;
  ck_assert_msg(wire_products_decode(arena, str_of(text), &products, &count, &err), "%s: %u:%u: %s",
                text, err.line, err.column, err.text);
  ck_assert_uint_eq(count, 1);
  return &products[0];
}

START_TEST(little_is_needed) {
  const struct gpu_product *product = read_one(PROFILES(SMALL));
  ck_assert(!product->is_placement_verified);
  ck_assert_uint_eq(product->label_count, 0);
  ck_assert_uint_eq(product->profiles[0].compute_slices, 1);
  ck_assert_uint_eq(product->profiles[0].memory_slices, 1);
  ck_assert_uint_eq(product->profiles[0].memory_gib, 10);
  ck_assert(str_is(product->profiles[0].resource, "nvidia.com/mig-1g.10gb"));
  ck_assert_uint_eq(product->profiles[0].start_count, 7);
}
END_TEST

static const char *const accepted[] = {
    "{\"products\": [{\"id\": \"x\", \"memory_gib\": 0, \"compute_slices\": 1, \"profiles\": []}]}",
    "schema_version: 1\n" PROFILES(SMALL),
    "schema_version: null\n" PROFILES(SMALL),
    /* What informs may be anything, and so may what nobody would take for a field of ours. */
    "compiled: [1]\nrules: no\n" PROFILES(SMALL),
    FILE_OF(PRODUCT ", notes: 7, vendor: NVIDIA, profiles: []"),
    FILE_OF(PRODUCT ", note: 7, architectur: x, profiles: []"),
    /* Near to a field that is there: another one. */
    FILE_OF(PRODUCT ", memory_mib: 81920, profiles: []"),
    FILE_OF(PRODUCT ", names: [{nvidia_smi: NVIDIA X}, {gfd_label: null}], profiles: []"),
    /* Placements that nobody knows. */
    FILE_OF("id: x, memory_gib: 80, compute_slices: 7, memory_slices: null, "
            "profiles: [{name: 1g.10gb, max_instances: 7, placement_starts: null, "
            "placement_size: null}]"),
    FILE_OF("id: x, memory_gib: 80, compute_slices: 7, "
            "profiles: [{name: 1g.10gb, max_instances: 7}]"),
    /* Fewer instances than places. */
    PROFILES("{name: 1g.10gb+me, max_instances: 1, placement_starts: [0, 1], placement_size: 1}"),
    /* Windows of one profile may overlap each other: then fewer of them fit at once. */
    PROFILES("{name: 2g.20gb, max_instances: 3, placement_starts: [0, 1, 2, 3, 4], "
             "placement_size: 2}"),
    PROFILES(SMALL ", {<<: {max_instances: many}, name: 1g.20gb, max_instances: 4, "
                   "placement_starts: [0, 2, 4, 6], placement_size: 2, memory_slices: 2}"),
};

START_TEST(all_of_this_is_read) {
  (void)read_one(accepted[_i]);
}
END_TEST

START_TEST(largest_geometry_is_read) {
  const struct gpu_product *product =
      read_one(FILE_OF("id: x, memory_gib: 9999, compute_slices: 32, memory_slices: 32, profiles: "
                       "[{name: 32g.9999gb, max_instances: 1, placement_starts: [0], "
                       "placement_size: 32}, {name: 1g.312gb, max_instances: 16, placement_starts: "
                       "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,31], placement_size: 1}]"));
  ck_assert_uint_eq(product->memory_slices, MIG_AXIS_MAX);
  ck_assert_uint_eq(product->profiles[0].compute_slices, MIG_AXIS_MAX);
  ck_assert_uint_eq(product->profiles[1].start_count, MIG_STARTS_MAX);
  ck_assert_uint_eq(product->profiles[1].starts[MIG_STARTS_MAX - 1], MIG_AXIS_MAX - 1);
}
END_TEST

START_TEST(alternates_keep_attributes) {
  const struct gpu_product *product =
      read_one(FILE_OF(PRODUCT ", alternate_names: {1g.10gb: [1g.11gb], source: seen}, profiles: "
                               "[{name: 1g.10gb, max_instances: 7}, "
                               "{name: 1g.10gb+me, max_instances: 1}, "
                               "{name: 1g.20gb, max_instances: 4}]"));
  ck_assert(str_is(product->profiles[0].alternate, "1g.11gb"));
  ck_assert(str_is(product->profiles[1].alternate, "1g.11gb+me"));
  ck_assert_uint_eq(product->profiles[2].alternate.len, 0);
}
END_TEST

/* ---- what is wrong, where and how it is said ------------------------------------------- */

#define PLACED(starts, size)                                                                       \
  PROFILES("{name: 1g.10gb, max_instances: 1, placement_starts: " starts ", placement_size: " size \
           "}")
#define AT "products[0].profiles[0]"

static const struct {
  const char *text;
  unsigned column; /* of the first line; 0: not looked at */
  const char *says;
} wrong[] = {
    {"", 1, "the file is empty"},
    {"# nothing\n", 1, "the file is empty"},
    {"products: [", 0, "node content"},
    {"{\"products\": [}", 0, "expected"},
    {"products", 1, "the object: a mapping was expected, found a string"},
    {"[]", 1, "a mapping was expected, found a list"},
    {"{}", 1, "\"products\" is missing"},
    {"products: null", 11, "\"products\" is missing"},
    {"products: {}", 11, "products: a list was expected, found a mapping"},
    {"products: []", 11, "products: is empty, at least one product was expected"},
    {"products: [7]", 12, "products[0]: a mapping was expected, found a number"},
    {"product: []", 1, "an unknown field, did you mean \"products\"?"},
    {PROFILES(SMALL) "\n---\n" PROFILES(SMALL), 0, "a further document"},
    {"schema_version: 2", 0, "\"products\" is missing"},
    {"{schema_version: 2, products: []}", 18, "schema_version: only version 1 is known"},
    {"{schema_version: \"1\", products: []}", 18, "schema_version: a number was expected"},
    {"{\"products\": [], \"products\": []}", 18, "this key is there twice"},

    {FILE_OF("memory_gib: 80"), 12, "products[0]: \"id\" is missing"},
    {FILE_OF("id: x, memory_gib: 80, profiles: []"), 12, "products[0]: \"compute_slices\" is"},
    {FILE_OF(PRODUCT), 12, "products[0]: \"profiles\" is missing"},
    {FILE_OF("id: \"\""), 0, "is missing"},
    {FILE_OF("id: 7, memory_gib: 80, compute_slices: 7, profiles: []"), 17,
     "products[0].id: a string was expected, found a number"},
    {FILE_OF("id: \"\", memory_gib: 80, compute_slices: 7, profiles: []"), 17,
     "products[0].id: at most 63 letters"},
    {FILE_OF("id: \"a b\", memory_gib: 80, compute_slices: 7, profiles: []"), 17,
     "products[0].id: at most 63 letters"},
    {FILE_OF("id: x, memory_gib: -1, compute_slices: 7, profiles: []"), 32,
     "products[0].memory_gib: is -1, a whole number from 0 to 9999 was expected"},
    {FILE_OF("id: x, memory_gib: 10000, compute_slices: 7, profiles: []"), 32, "is 10000, a whole"},
    {FILE_OF("id: x, memory_gib: 79.5, compute_slices: 7, profiles: []"), 32, "is 79.5, a whole"},
    {FILE_OF("id: x, memory_gib: 1e99, compute_slices: 7, profiles: []"), 32, "a whole number"},
    {FILE_OF("id: x, memory_gib: 80Gi, compute_slices: 7, profiles: []"), 32,
     "products[0].memory_gib: a number was expected, found a string"},
    {FILE_OF("id: x, memory_gib: 80, compute_slices: 0, profiles: []"), 52,
     "products[0].compute_slices: is 0, a whole number from 1 to 32"},
    {FILE_OF("id: x, memory_gib: 80, compute_slices: 7, memory_slices: 0, profiles: []"), 70,
     "products[0].memory_slices: is 0, a whole number from 1 to 32"},
    {FILE_OF("id: x, memory_gib: 80, compute_slices: 7, memory_slices: 33, profiles: []"), 70,
     "products[0].memory_slices: is 33, a whole number from 1 to 32"},
    {FILE_OF(PRODUCT ", placement_verified: 1, profiles: []"), 0,
     "products[0].placement_verified: a boolean was expected, found a number"},
    {FILE_OF(PRODUCT ", profile: []"), 0,
     "products[0]: an unknown field, did you mean \"profiles\"?"},
    {FILE_OF("id: x, memory_gib: 80, compute_slices: 7, memoryslices: 8, profiles: []"), 55,
     "products[0]: an unknown field, did you mean \"memory_slices\"?"},
    {FILE_OF(PRODUCT ", id: z, profiles: []"), 0, "this key is there twice"},
    {"products: [{" PRODUCT ", profiles: []}, {" PRODUCT ", profiles: []}]", 0,
     "products[1]: id x is there already, in products[0]"},

    {FILE_OF(PRODUCT ", names: [NVIDIA-X], profiles: []"), 0,
     "products[0].names[0]: a mapping was expected, found a string"},
    {FILE_OF(PRODUCT ", names: [{gfd_lable: NVIDIA-X}], profiles: []"), 0,
     "products[0].names[0]: an unknown field, did you mean \"gfd_label\"?"},
    {FILE_OF(PRODUCT ", names: [{gfd_label: NVIDIA X}], profiles: []"), 0,
     "products[0].names[0].gfd_label: a value of the label nvidia.com/gpu.product"},
    {FILE_OF(PRODUCT ", names: [{gfd_label: NVIDIA-X-SHARED}], profiles: []"), 0,
     "products[0].names[0].gfd_label: has a suffix"},
    {FILE_OF(PRODUCT ", names: [{gfd_label: NVIDIA-X-MIG-1g.5gb}], profiles: []"), 0,
     "products[0].names[0].gfd_label: has a suffix"},
    {"products: [{" PRODUCT ", names: [{gfd_label: NVIDIA-X}], profiles: []}, {id: z, memory_gib: "
     "1, compute_slices: 1, names: [{gfd_label: X}], profiles: []}]",
     0, "products[1]: the label X is in products[0] already"},

    {PROFILES("7"), 0, AT ": a mapping was expected, found a number"},
    {PROFILES("{max_instances: 1}"), 0, AT ": \"name\" is missing"},
    {PROFILES("{name: 1g.10gb}"), 0, AT ": \"max_instances\" is missing"},
    {PROFILES("{name: 1g10gb, max_instances: 1}"), 0, AT ".name: a profile name such as"},
    {PROFILES("{name: \"\", max_instances: 1}"), 0, AT ".name: a profile name such as"},
    {PROFILES("{name: 1g.10gb.me, max_instances: 1}"), 0, AT ".name: a profile name such as"},
    {PROFILES("{name: 1c.2g.20gb, max_instances: 1}"), 0, AT ".name: a profile name such as"},
    {PROFILES("{name: 1g.10gb+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, max_instances: 1}"), 0,
     AT ".name: is too long for a resource name"},
    {PROFILES("{name: 8g.80gb, max_instances: 1}"), 0, AT ": 8g.80gb is too large for 7 compute"},
    {PROFILES("{name: 999g.80gb, max_instances: 1}"), 0, AT ".name: at most 32g"},
    {PROFILES("{name: 2g.20gb, compute_slices: 1, max_instances: 1}"), 0,
     AT ".compute_slices: is 1, the name says 2"},
    {PROFILES("{name: 1g.10gb, resource_mixed: nvidia.com/mig-1g.5gb, max_instances: 1}"), 0,
     AT ".resource_mixed: does not follow from the name: \"nvidia.com/mig-1g.10gb\""},
    {PROFILES("{name: 1g.10gb, max_instances: 0}"), 0, AT ".max_instances: is 0, a whole number"},
    {PROFILES("{name: 1g.10gb, max_instances: 33}"), 0, AT ".max_instances: is 33, a whole number"},
    {PROFILES("{name: 1g.10gb, max_instance: 1}"), 0,
     AT ": an unknown field, did you mean \"max_instances\"?"},
    {PROFILES(SMALL ", " SMALL), 0,
     "products[0].profiles[1]: 1g.10gb is there already, as profiles[0]"},
    {PROFILES("{name: \"1g.10gb+me,all\", max_instances: 1}, "
              "{name: 1g.10gb+me.all, max_instances: 1}"),
     0, "products[0].profiles[1]: 1g.10gb+me.all is there already, as profiles[0]"},

    {PLACED("[8]", "1"), 137,
     AT ".placement_starts[0]: is 8: with placement_size 1 that ends beyond"},
    {PLACED("[0, 5]", "4"), 140,
     AT ".placement_starts[1]: is 5: with placement_size 4 that ends beyond"},
    {PLACED("[-1]", "1"), 137, AT ".placement_starts[0]: is -1, a memory slice was expected"},
    {PLACED("[0.5]", "1"), 137, AT ".placement_starts[0]: is 0.5, a memory slice was expected"},
    {PLACED("[99999999999999999999]", "1"), 137, AT ".placement_starts[0]: is 9999999"},
    {PLACED("[9223372036854775807]", "8"), 137, AT ".placement_starts[0]: is 9223372036854775807"},
    {PLACED("[\"0\"]", "1"), 137, AT ".placement_starts[0]: a number was expected, found a string"},
    {PLACED("[0, 0]", "1"), 140, AT ".placement_starts[1]: is 0 after 0: starts must ascend"},
    {PLACED("[4, 0]", "1"), 140, AT ".placement_starts[1]: is 0 after 4: starts must ascend"},
    {PLACED("[]", "1"), 136, AT ".placement_starts: is empty"},
    {PLACED("[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]", "1"), 136,
     AT ".placement_starts: has 17 starts, at most 16"},
    {PLACED("[0]", "0"), 0, AT ".placement_size: is 0, a whole number from 1 to 8"},
    {PLACED("[0]", "9"), 0, AT ".placement_size: is 9, a whole number from 1 to 8"},
    {PLACED("[0]", "null"), 0, AT ": placement_starts is given and placement_size is not"},
    {PLACED("null", "1"), 0, AT ": placement_size is given and placement_starts is not"},
    {PLACED("7", "1"), 136, AT ".placement_starts: a list was expected, found a number"},
    {PROFILES("{name: 1g.10gb, max_instances: 1, placement_start: [0], placement_size: 1}"), 0,
     AT ": an unknown field, did you mean \"placement_starts\"?"},
    {PROFILES("{name: 1g.10gb, max_instances: 1, placement_starts: [0], placement_size: 1, "
              "memory_slices: 2}"),
     0, AT ".memory_slices: is 2, placement_size is 1"},
    {PROFILES("{name: 3g.40gb, max_instances: 3, placement_starts: [0, 4], placement_size: 4}"), 0,
     AT ".max_instances: is 3, but only 2 fit at once"},
    {PROFILES("{name: 2g.20gb, max_instances: 4, placement_starts: [0, 1, 2, 3, 4], "
              "placement_size: 2}"),
     0, AT ".max_instances: is 4, but only 3 fit at once"},
    {FILE_OF("id: x, memory_gib: 80, compute_slices: 7, profiles: [" SMALL "]"), 0,
     AT ": has placements, but \"memory_slices\" of the product is missing"},

    {FILE_OF(PRODUCT ", alternate_names: [1g.11gb], profiles: [" SMALL "]"), 0,
     "products[0].alternate_names: a mapping was expected, found a list"},
    {FILE_OF(PRODUCT ", alternate_names: {small: [1g.11gb]}, profiles: [" SMALL "]"), 0,
     "products[0].alternate_names: a profile name was expected"},
    {FILE_OF(
         PRODUCT
         ", alternate_names: {1g.10gb+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: "
         "[1g.11gb]}, profiles: [" SMALL "]"),
     0, "products[0].alternate_names: a profile name was expected"},
    {FILE_OF(PRODUCT ", alternate_names: {1g.5gb: [1g.6gb]}, profiles: [" SMALL "]"), 0,
     "products[0].alternate_names[1g.5gb]: the product has no such profile"},
    {FILE_OF(PRODUCT ", alternate_names: {1g.10gb: 1g.11gb}, profiles: [" SMALL "]"), 0,
     "products[0].alternate_names[1g.10gb]: a list of one name"},
    {FILE_OF(PRODUCT ", alternate_names: {1g.10gb: [1g.11gb, 1g.12gb]}, profiles: [" SMALL "]"), 0,
     "products[0].alternate_names[1g.10gb]: a list of one name"},
    {FILE_OF(PRODUCT ", alternate_names: {1g.10gb: [2g.11gb]}, profiles: [" SMALL "]"), 0,
     "products[0].alternate_names[1g.10gb]: a list of one name"},
    {FILE_OF(PRODUCT ", alternate_names: {1g.10gb: [1g.10gb]}, profiles: [" SMALL "]"), 0,
     "products[0].alternate_names[1g.10gb]: 1g.10gb names a profile here already"},
    {FILE_OF(PRODUCT ", alternate_names: {1g.10gb: [1g.1gb], 1g.10gb: [1g.2gb]}, profiles: [" SMALL
                     "]"),
     0, "this key is there twice"},
};

START_TEST(errors_say_where_and_what) {
  const struct gpu_product *products;
  size_t count;
  struct err err;
  ck_assert_msg(!wire_products_decode(arena, str_of(wrong[_i].text), &products, &count, &err), "%s",
                wrong[_i].text);
  ck_assert_msg(strstr(err.text, wrong[_i].says), "%s\n%u:%u: %s", wrong[_i].text, err.line,
                err.column, err.text);
  ck_assert_uint_ge(err.line, 1);
  if (wrong[_i].column)
    ck_assert_msg(err.line == 1 && err.column == wrong[_i].column, "%s\n%u:%u: %s", wrong[_i].text,
                  err.line, err.column, err.text);
}
END_TEST

/* ---- limits -------------------------------------------------------------------------- */

static void expect_error(const struct buf *text, enum err_code code, const char *says) {
  const struct gpu_product *products;
  size_t count;
  struct err err;
  ck_assert(!text->truncated);
  ck_assert(!wire_products_decode(arena, buf_str(text), &products, &count, &err));
  ck_assert_msg(err.code == code && strstr(err.text, says), "%u:%u: %s", err.line, err.column,
                err.text);
}

START_TEST(lists_have_limits) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  buf_append_cstr(&text, "products:\n");
  for (int i = 0; i < 65; i++)
    buf_printf(&text, "- {id: p%d, memory_gib: 1, compute_slices: 1, profiles: []}\n", i);
  expect_error(&text, ERR_INVALID, "products: has 65 items, at most 64");
  buf_clear(&text);
  buf_append_cstr(&text, "products: [{" PRODUCT ", profiles: [");
  for (int i = 0; i < 65; i++)
    buf_printf(&text, "{name: 1g.%dgb, max_instances: 1}, ", i);
  buf_append_cstr(&text, "]}]");
  expect_error(&text, ERR_INVALID, "products[0].profiles: has 65 items, at most 64");
  buf_clear(&text);
  buf_append_cstr(&text, "{");
  for (int i = 0; i < 65; i++)
    buf_printf(&text, "f%d: 1, ", i);
  buf_append_cstr(&text, "}");
  expect_error(&text, ERR_INVALID, "has 65 fields, at most 64");
}
END_TEST

START_TEST(large_files_are_refused) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4 << 20);
  buf_append_cstr(&text, "products:\n");
  for (int i = 0; i < 30000; i++)
    buf_append_cstr(&text, "- 1\n");
  expect_error(&text, ERR_LIMIT, "");
  buf_clear(&text);
  for (int i = 0; i < 1 << 17; i++)
    buf_append_cstr(&text, "# comment\n");
  expect_error(&text, ERR_LIMIT, "");
}
END_TEST

/* A number of any length is quoted in part. */
START_TEST(long_numbers_leave_room_for_the_message) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  buf_append_cstr(&text, "products: [{id: x, compute_slices: 7, profiles: [], memory_gib: ");
  for (int i = 0; i < 5000; i++)
    buf_append_char(&text, '9');
  buf_append_cstr(&text, "}]");
  expect_error(&text, ERR_INVALID, "9999999999, a whole number from 0 to 9999 was expected");
}
END_TEST

TCase *tcase_products(void) {
  TCase *tc = tcase_create("products");
  tcase_add_checked_fixture(tc, set_up, tear_down);
  tcase_add_test(tc, shipped_file_is_what_is_compiled_in);
  tcase_add_test(tc, rows_outlive_the_text);
  tcase_add_test(tc, little_is_needed);
  tcase_add_loop_test(tc, all_of_this_is_read, 0, SG_ARRAY_LEN(accepted));
  tcase_add_test(tc, largest_geometry_is_read);
  tcase_add_test(tc, alternates_keep_attributes);
  tcase_add_loop_test(tc, errors_say_where_and_what, 0, SG_ARRAY_LEN(wrong));
  tcase_add_test(tc, lists_have_limits);
  tcase_add_test(tc, large_files_are_refused);
  tcase_add_test(tc, long_numbers_leave_room_for_the_message);
  return tc;
}
