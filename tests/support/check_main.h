/* SPDX-License-Identifier: Apache-2.0 */
/* Every folder of tests has a suite.c that defines make_suite. */
#ifndef SLICEGATE_TESTS_CHECK_MAIN_H
#define SLICEGATE_TESTS_CHECK_MAIN_H

#include <check.h>

Suite *make_suite(void);

#endif
