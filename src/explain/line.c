/* SPDX-License-Identifier: Apache-2.0 */
/* The answer in one line, for an Event on the pod, and whether it is a new one. */
#include "src/explain/explain_internal.h"

const char *explain_change_name(enum explain_change_kind kind) {
  static const char *const names[EXPLAIN_CHANGE_KINDS] = {
      [EXPLAIN_WAIT_DELETING] = "wait-deleting",
      [EXPLAIN_TOLERATE] = "tolerate",
      [EXPLAIN_PROFILE] = "profile",
      [EXPLAIN_UNSELECT] = "unselect",
      [EXPLAIN_LESS_HOST] = "less-host",
      [EXPLAIN_SMALLER] = "smaller-profile",
      [EXPLAIN_FEWER] = "fewer-devices",
      [EXPLAIN_UNCORDON] = "uncordon",
      [EXPLAIN_WAIT] = "wait",
      [EXPLAIN_MOVE] = "move",
      [EXPLAIN_WAIT_LONG] = "stop",
  };
  return names[kind];
}

/* Whole items only; room is kept for what closes the list. False: no room. */
static bool add_item(struct buf *out, size_t max, struct str item) {
  if (out->len + item.len > max)
    return false;
  buf_append_str(out, item);
  return true;
}

static void add_groups(const struct explain_answer *answer, struct arena *arena, size_t max,
                       struct buf *out) {
  size_t listed = 0;
  for (; listed < answer->group_count; listed++) {
    const struct explain_group *group = &answer->groups[listed];
    struct str item = str_printf(arena, "%s%zu %.*s", listed ? ", " : ": ", group->node_count,
                                 STR_FMT(group->reason));
    if (!add_item(out, max, item))
      break;
  }
  if (listed < answer->group_count)
    (void)add_item(out, max + 16, STR_LIT(", ..."));
}

struct str explain_reason_line(const struct explain_answer *answer, struct arena *arena,
                               size_t max) {
  enum { ROOM_FOR_CHANGE = 320 };
  CLEANUP_BUF struct buf out;
  buf_init(&out, max);
  if (answer->state == EXPLAIN_PLACED || answer->state == EXPLAIN_OVER)
    return (struct str){NULL, 0};
  if (!answer->is_judged || answer->fit_count) {
    buf_append_str(&out, str_printable(arena, answer->why, max));
    return str_copy(arena, buf_str(&out));
  }
  size_t room = max > ROOM_FOR_CHANGE ? max - ROOM_FOR_CHANGE : max;
  buf_printf(&out, "0/%zu nodes fit", answer->node_count);
  add_groups(answer, arena, room, &out);
  struct str rest = {NULL, 0};
  if (answer->change_count)
    rest = str_printf(arena, "; smallest change: %.*s", STR_FMT(answer->changes[0].stable));
  else if (answer->is_never)
    rest = str_printf(arena, "; %.*s", STR_FMT(answer->missing));
  (void)add_item(&out, max, rest);
  return str_copy(arena, str_printable(arena, buf_str(&out), max));
}

/* With a byte between texts that no name has. */
static uint64_t add_hash(uint64_t hash, struct str text) {
  return hash_bytes(hash_bytes(hash, text.ptr, text.len), "\xff", 1);
}

uint64_t explain_reason_key(const struct explain_answer *answer) {
  uint64_t hash = HASH_START;
  uint64_t reasons = 0;
  /* Groups change places as nodes fill up: a sum does not mind. */
  for (size_t i = 0; i < answer->group_count; i++)
    reasons += add_hash(hash, answer->groups[i].reason);
  hash ^= reasons;
  hash = add_hash(hash, str_of(explain_state_name(answer->state)));
  if (answer->fit_count || !answer->is_judged)
    return add_hash(hash, STR_LIT("fits"));
  return add_hash(hash, answer->change_count ? answer->changes[0].stable : answer->missing);
}
