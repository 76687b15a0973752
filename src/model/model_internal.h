/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this module only. */
#ifndef SLICEGATE_MODEL_INTERNAL_H
#define SLICEGATE_MODEL_INTERNAL_H

#include "slicegate/model.h"

/* products_table.c, made from mig-profiles.json. */
extern const struct gpu_product products_table[];
extern const size_t products_table_count;

#endif
