/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/certs.h"
#include "slicegate/sys.h"
#include "tests/support/temp_dir.h"

TCase *tcase_pem(void);

/* Two unrelated authorities with a leaf each. */
enum { SETS = 2 };
static struct {
  struct buf ca;
  struct buf leaf;
  struct buf key;
} sets[SETS];

static void take(const struct temp_dir *dir, const char *name, struct buf *ret) {
  struct err err;
  struct temp_path path = temp_path(dir, name);
  struct buf text;
  ck_assert_msg(sys_file_read(path.text, CERTS_PEM_MAX_BYTES, &text, &err), "%s", err.text);
  *ret = text;
}

static void setup(void) {
  static const char *const names[] = {"localhost"};
  for (int i = 0; i < SETS; i++) {
    struct err err;
    struct temp_dir dir = temp_dir_make();
    struct certs_request request = {
        .dir = dir.path, .dns_names = names, .dns_count = 1, .ca_days = 10 * (i + 1)};
    ck_assert_msg(certs_issue(&request, &err), "%s", err.text);
    take(&dir, CERTS_CA_CERT, &sets[i].ca);
    take(&dir, CERTS_CERT, &sets[i].leaf);
    take(&dir, CERTS_KEY, &sets[i].key);
    temp_dir_remove(&dir);
  }
}

static void teardown(void) {
  for (int i = 0; i < SETS; i++) {
    buf_done(&sets[i].ca);
    buf_done(&sets[i].leaf);
    buf_done(&sets[i].key);
  }
}

START_TEST(bundles_are_counted) {
  CLEANUP_BUF struct buf bundle;
  struct err err;
  size_t count = 0;
  int64_t first_end = 0;
  struct certs_info info;
  buf_init(&bundle, 1 << 16);
  /* The later one first: the earliest end counts, wherever it stands. */
  buf_printf(&bundle, "the new one:\n%s\nthe old one:\n%s\n", sets[1].ca.ptr, sets[0].ca.ptr);
  ck_assert_msg(certs_check_bundle(buf_str(&bundle), &count, &first_end, &err), "%s", err.text);
  ck_assert_uint_eq(count, 2);
  ck_assert(certs_read(buf_str(&sets[0].ca), &info, &err));
  ck_assert_int_eq(first_end, info.not_after);
}
END_TEST

/* Text that is no bundle: 0 empty, 1 words, 2 a key, 3 a cut block, 4 a damaged block, 5 a good one
   and half of another. */
static struct str bad_bundle(int which, struct buf *scratch, const char **ret_mentions) {
  buf_init(scratch, 1 << 16);
  switch (which) {
  case 0:
    *ret_mentions = "no PEM certificate";
    return (struct str){0};
  case 1:
    *ret_mentions = "no PEM certificate";
    return STR_LIT("hello\n");
  case 2:
    *ret_mentions = "block 2 is a PRIVATE KEY";
    buf_printf(scratch, "%s%s", sets[0].ca.ptr, sets[0].key.ptr);
    break;
  case 3:
    *ret_mentions = "block 1";
    buf_append(scratch, sets[0].ca.ptr, sets[0].ca.len / 2);
    break;
  case 4:
    *ret_mentions = "block 1";
    buf_append_cstr(scratch, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    break;
  default:
    *ret_mentions = "block 2";
    buf_append(scratch, sets[0].ca.ptr, sets[0].ca.len);
    buf_append(scratch, sets[1].ca.ptr, sets[1].ca.len / 2);
    break;
  }
  return buf_str(scratch);
}
enum { BAD_BUNDLES = 6 };

START_TEST(bad_bundles) {
  CLEANUP_BUF struct buf scratch;
  struct err err = {0};
  size_t count;
  int64_t first_end;
  const char *mentions;
  struct str text = bad_bundle(_i, &scratch, &mentions);
  ck_assert(!certs_check_bundle(text, &count, &first_end, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_msg(strstr(err.text, mentions) != NULL, "wanted %s: %s", mentions, err.text);
}
END_TEST

START_TEST(bundles_have_a_limit) {
  struct err err = {0};
  size_t count;
  int64_t first_end;
  char *large = mem_zalloc(CERTS_PEM_MAX_BYTES + 1);
  memset(large, '\n', CERTS_PEM_MAX_BYTES + 1);
  struct str text = {large, CERTS_PEM_MAX_BYTES + 1};
  ck_assert(!certs_check_bundle(text, &count, &first_end, &err));
  ck_assert_int_eq(err.code, ERR_LIMIT);
  free(large);
}
END_TEST

START_TEST(no_certificate_to_read) {
  struct certs_info info;
  struct err err = {0};
  ck_assert(!certs_read(STR_LIT("hello"), &info, &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert(!certs_read((struct str){0}, &info, &err));
  ck_assert(!certs_read(buf_str(&sets[0].key), &info, &err));
}
END_TEST

START_TEST(signatures_are_verified) {
  CLEANUP_BUF struct buf both;
  struct err err = {0};
  buf_init(&both, 1 << 16);
  buf_printf(&both, "%s%s", sets[0].ca.ptr, sets[1].ca.ptr);
  ck_assert_msg(certs_is_signed_by(buf_str(&sets[0].leaf), buf_str(&sets[0].ca), &err), "%s",
                err.text);
  ck_assert_msg(certs_is_signed_by(buf_str(&sets[1].leaf), buf_str(&both), &err), "%s", err.text);
  ck_assert(!certs_is_signed_by(buf_str(&sets[0].leaf), buf_str(&sets[1].ca), &err));
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_ptr_nonnull(strstr(err.text, "not verified"));
  ck_assert(!certs_is_signed_by(STR_LIT("x"), buf_str(&sets[1].ca), &err));
  ck_assert(!certs_is_signed_by(buf_str(&sets[0].leaf), STR_LIT("x"), &err));
}
END_TEST

TCase *tcase_pem(void) {
  TCase *tc = tcase_create("pem");
  tcase_set_timeout(tc, 60);
  tcase_add_checked_fixture(tc, setup, teardown);
  tcase_add_test(tc, bundles_are_counted);
  tcase_add_loop_test(tc, bad_bundles, 0, BAD_BUNDLES);
  tcase_add_test(tc, bundles_have_a_limit);
  tcase_add_test(tc, no_certificate_to_read);
  tcase_add_test(tc, signatures_are_verified);
  return tc;
}
