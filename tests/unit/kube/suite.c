/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/check_main.h"

TCase *tcase_client(void);
TCase *tcase_config(void);
TCase *tcase_credentials(void);
TCase *tcase_list(void);
TCase *tcase_list_reader(void);
TCase *tcase_path(void);
TCase *tcase_proto_json(void);
TCase *tcase_protobuf(void);
TCase *tcase_scan(void);
TCase *tcase_watch(void);
TCase *tcase_watch_faults(void);
TCase *tcase_watch_protobuf(void);
TCase *tcase_writes(void);

Suite *make_suite(void) {
  Suite *suite = suite_create("kube");
  suite_add_tcase(suite, tcase_path());
  suite_add_tcase(suite, tcase_scan());
  suite_add_tcase(suite, tcase_protobuf());
  suite_add_tcase(suite, tcase_proto_json());
  suite_add_tcase(suite, tcase_list_reader());
  suite_add_tcase(suite, tcase_list());
  suite_add_tcase(suite, tcase_config());
  suite_add_tcase(suite, tcase_credentials());
  suite_add_tcase(suite, tcase_client());
  suite_add_tcase(suite, tcase_watch());
  suite_add_tcase(suite, tcase_watch_faults());
  suite_add_tcase(suite, tcase_watch_protobuf());
  suite_add_tcase(suite, tcase_writes());
  return suite;
}
