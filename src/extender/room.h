/* SPDX-License-Identifier: Apache-2.0 */
/* Who has to leave a node so that there is room for a pod: by what is lacking, and what each of
 * those who may go gives back. */
#ifndef SLICEGATE_EXTENDER_ROOM_H
#define SLICEGATE_EXTENDER_ROOM_H

#include "extender_internal.h"

struct room {
  const struct ext_view *view;
  const struct pack_asked *asked;
  size_t index;                 /* of the node */
  const struct pack_node *node; /* its value without those who go anyway */
  const uint64_t *numbers;      /* of those who may go, the least harm in front */
  size_t count;
};

enum room_found {
  ROOM_FOUND,
  ROOM_NONE,   /* not even all of them would do */
  ROOM_UNSURE, /* the search was given up; what is marked, if anything, will do */
};
/* Marks in is_in[] the fewest who do, of these the least harm: that the one of most harm is as
 * little as can be, then the second one ... *ret_size: how many; SIZE_MAX: nobody is marked. */
enum room_found room_make(const struct room *room, struct arena *arena, bool *is_in,
                          size_t *ret_size);
/* The smaller set, then less harm. SIZE_MAX for a size: no set. */
bool room_is_better(const bool *a, size_t a_size, const bool *b, size_t b_size, size_t count);

#endif
