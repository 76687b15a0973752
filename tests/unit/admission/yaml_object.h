/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of admission tests as a user writes them, where that reads better than a builder. */
#ifndef SLICEGATE_TESTS_ADMISSION_YAML_OBJECT_H
#define SLICEGATE_TESTS_ADMISSION_YAML_OBJECT_H

#include "tests/unit/admission/builder.h"

/* The builder's object becomes this manifest. The policy must be given before. */
void given_yaml(struct builder *b, const char *yaml);
/* A Pod named train, from what stands below `spec:`, in YAML. */
void given_pod_spec(struct builder *b, const char *spec);

#endif
