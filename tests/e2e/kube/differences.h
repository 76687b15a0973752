/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two values that should be one. */
#ifndef SLICEGATE_TESTS_E2E_DIFFERENCES_H
#define SLICEGATE_TESTS_E2E_DIFFERENCES_H

#include "slicegate/model.h"

/* All that is in a pod. Says on stderr what differs; false: something does. */
bool is_same_pod(const struct pod *a, const struct pod *b);
bool is_same_node(const struct node *a, const struct node *b);
bool is_same_namespace(const struct k8s_namespace *a, const struct k8s_namespace *b);

#endif
