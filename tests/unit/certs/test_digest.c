/* SPDX-License-Identifier: Apache-2.0 */
#include "slicegate/certs.h"

#include <check.h>
#include <stdio.h>

TCase *tcase_digest(void);

/* FIPS 180-4's examples. */
static const struct {
  const char *text, *digest;
} rows[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

START_TEST(is_sha256) {
  unsigned char digest[CERTS_SHA256_BYTES];
  char text[2 * CERTS_SHA256_BYTES + 1];
  certs_sha256(str_of(rows[_i].text), digest);
  for (int i = 0; i < CERTS_SHA256_BYTES; i++)
    (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
  ck_assert_str_eq(text, rows[_i].digest);
}
END_TEST

TCase *tcase_digest(void) {
  TCase *tcase = tcase_create("digest");
  tcase_add_loop_test(tcase, is_sha256, 0, (int)SG_ARRAY_LEN(rows));
  return tcase;
}
