/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was already wrong before an UPDATE only warns: someone who changes an image must not
 * be stopped by a rule that came later. "Already wrong" is decided by the finding, not by
 * its place: a container put in front of another one moves every index behind it, so paths
 * are compared with containers by their names and with other list indices left out.
 *
 * Each old finding excuses one new finding: a second container that commits the sin of the
 * first is a new sin. Messages carry the amounts they judge, so a violation that became
 * worse has another message and is new; so is one that used to warn and now denies.
 */
#include "src/admission/admission_internal.h"

#include <stdlib.h>

struct identity {
  struct str path; /* normalised field path */
  struct finding *finding;
};

/* Where a template's containers of one list begin, found once for each template. */
struct lists {
  const struct pod_template *tmpl;
  size_t app, ephemeral; /* init containers begin at 0 */
};

static struct lists lists_of(const struct pod_template *tmpl) {
  struct lists lists = {.tmpl = tmpl};
  const struct pod_spec *spec = &tmpl->spec;
  while (lists.app < spec->container_count &&
         (spec->containers[lists.app].role == CONTAINER_INIT ||
          spec->containers[lists.app].role == CONTAINER_SIDECAR))
    lists.app++;
  lists.ephemeral = lists.app;
  while (lists.ephemeral < spec->container_count &&
         spec->containers[lists.ephemeral].role == CONTAINER_APP)
    lists.ephemeral++;
  return lists;
}

/* The name of the container that "containers[3]" means; empty when it is no such list. */
static struct str container_name(const struct lists *lists, struct str list, size_t index) {
  size_t at;
  if (str_ends_with(list, STR_LIT("initContainers")))
    at = index;
  else if (str_ends_with(list, STR_LIT("ephemeralContainers")))
    at = lists->ephemeral + index;
  else if (str_ends_with(list, STR_LIT("containers")))
    at = lists->app + index;
  else
    return (struct str){NULL, 0};
  if (index >= lists->tmpl->spec.container_count || at >= lists->tmpl->spec.container_count)
    return (struct str){NULL, 0};
  return lists->tmpl->spec.containers[at].name;
}

/* "spec.initContainers[1].env[0].value" -> "spec.initContainers[setup].env[].value". Only
 * digits between brackets are indices; "limits[nvidia.com/gpu]" stays. */
static struct str normalise(struct arena *arena, struct str path, const struct lists *lists) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, path.len + 4096);
  size_t i = 0;
  while (i < path.len) {
    size_t open = i + str_find_char(str_skip(path, i), '[');
    buf_append(&out, path.ptr + i, open - i);
    if (open == path.len)
      break;
    size_t close = open + str_find_char(str_skip(path, open), ']');
    struct str inside = {path.ptr + open + 1, close - open - 1};
    int64_t index;
    buf_append_char(&out, '[');
    if (!i64_parse(inside, &index) || index < 0)
      buf_append_str(&out, inside);
    else if (lists->tmpl)
      buf_append_str(&out, container_name(lists, (struct str){path.ptr, open}, (size_t)index));
    buf_append_char(&out, ']');
    i = close < path.len ? close + 1 : path.len;
  }
  return str_copy(arena, buf_str(&out));
}

static int compare_identities(const void *a_ptr, const void *b_ptr) {
  const struct identity *a = a_ptr, *b = b_ptr;
  if (a->finding->rule != b->finding->rule)
    return a->finding->rule < b->finding->rule ? -1 : 1;
  int order = str_cmp(a->path, b->path);
  return order ? order : str_cmp(a->finding->message, b->finding->message);
}

/* Among equals the gravest first, so that an old `deny` is not spent on a new `warn`. */
static int compare_for_sort(const void *a_ptr, const void *b_ptr) {
  int order = compare_identities(a_ptr, b_ptr);
  if (order)
    return order;
  const struct identity *a = a_ptr, *b = b_ptr;
  return (int)b->finding->severity - (int)a->finding->severity;
}

static struct identity *identities(struct arena *arena, const struct found *found) {
  const struct lists no_lists = {0};
  struct lists lists = no_lists;
  struct identity *made = arena_array(arena, found->count, sizeof(*made));
  for (size_t i = 0; i < found->count; i++) {
    const struct pod_template *tmpl = found->origins[i];
    if (tmpl && tmpl != lists.tmpl)
      lists = lists_of(tmpl);
    made[i].finding = &found->findings[i];
    made[i].path = normalise(arena, made[i].finding->field, tmpl ? &lists : &no_lists);
  }
  qsort(made, found->count, sizeof(*made), compare_for_sort);
  return made;
}

void update_lower_known(struct arena *arena, struct found *now, const struct found *before) {
  if (now->count == 0 || before->count == 0)
    return;
  const struct identity *fresh = identities(arena, now);
  const struct identity *known = identities(arena, before);
  for (size_t i = 0, k = 0; i < now->count && k < before->count;) {
    int order = compare_identities(&fresh[i], &known[k]);
    if (order < 0) {
      i++;
    } else if (order > 0) {
      k++;
    } else {
      struct finding *finding = fresh[i++].finding;
      if (known[k++].finding->severity >= finding->severity && finding->severity == SEVERITY_DENY)
        finding->severity = SEVERITY_WARN;
    }
  }
}
