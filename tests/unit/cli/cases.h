/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLICEGATE_TESTS_CLI_CASES_H
#define SLICEGATE_TESTS_CLI_CASES_H

#include <check.h>

TCase *tcase_commands(void);
TCase *tcase_flags(void);
TCase *tcase_help(void);
TCase *tcase_load(void);
TCase *tcase_inputs(void);
TCase *tcase_check(void);
TCase *tcase_outputs(void);
TCase *tcase_golden(void);
TCase *tcase_globs(void);
TCase *tcase_webhook_config(void);
TCase *tcase_scheduler_config(void);
TCase *tcase_yaml_emit(void);
TCase *tcase_same_verdict(void);
TCase *tcase_simulate(void);
TCase *tcase_explain(void);
TCase *tcase_what_if(void);
TCase *tcase_leader(void);
TCase *tcase_judges(void);
TCase *tcase_api_auth(void);
TCase *tcase_reason_book(void);
TCase *tcase_fence(void);
TCase *tcase_serve_check(void);
TCase *tcase_serve_bind(void);
TCase *tcase_serve_hami(void);
TCase *tcase_reasons(void);
TCase *tcase_live_odd(void);
TCase *tcase_nominator(void);
TCase *tcase_waker(void);
TCase *tcase_serve_api(void);
TCase *tcase_serve_api_recording(void);

#endif
