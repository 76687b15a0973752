/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ExtenderArgs: a pod and up to thousands of nodes. The pod is read as any other; of the nodes a
 * tree would cost more than all that filter does with them, so their list is scanned.
 */
#include "json_scan.h"
#include "wire_internal.h"

enum { NAMES_MAX = 50000, NAME_BYTES_MAX = 253 };

/* NodeNames, or Nodes. A key that comes again starts the list over, in the room that it has. */
struct node_list {
  bool is_given;
  struct str *names, *whole; /* whole: only of Nodes */
  size_t count, cap;
};

struct args_reader {
  struct json_scan json;
  struct str pod; /* its text; empty: null, or not there */
  struct node_list names, nodes;
};

static struct str *moved(struct arena *arena, const struct str *list, size_t count, size_t cap) {
  struct str *made = arena_array(arena, cap, sizeof(*made));
  if (count)
    memcpy(made, list, count * sizeof(*made));
  return made;
}

/* What grew stays behind in the arena, so the first guess is a good one: a list like its start. */
static void make_room(struct args_reader *r, struct node_list *list, size_t item_bytes) {
  size_t rest = (size_t)(r->json.end - r->json.at);
  size_t cap = list->cap ? list->cap * 2 : rest / (item_bytes + 1) + 16;
  list->cap = cap < NAMES_MAX ? cap : NAMES_MAX;
  list->names = moved(r->json.arena, list->names, list->count, list->cap);
  if (list == &r->nodes)
    list->whole = moved(r->json.arena, list->whole, list->count, list->cap);
}

static bool fail_name(struct args_reader *r, const struct node_list *list, const char *at,
                      struct str name) {
  const char *path = list == &r->nodes ? "Nodes.items" : "NodeNames";
  const char *field = list == &r->nodes ? ".metadata.name" : "";
  if (name.len == 0)
    return json_scan_fail(&r->json, at, ERR_INVALID, "%s[%zu]%s: a node without a name", path,
                          list->count, field);
  if (name.len > NAME_BYTES_MAX)
    return json_scan_fail(&r->json, at, ERR_LIMIT, "%s[%zu]%s: %zu bytes, a name has %d at most",
                          path, list->count, field, name.len, NAME_BYTES_MAX);
  return json_scan_fail(&r->json, at, ERR_LIMIT, "%s: more than %d nodes", path, NAMES_MAX);
}

/* What began at `at`, and the reader is behind now. */
static bool add_node(struct args_reader *r, struct node_list *list, const char *at,
                     struct str name) {
  size_t bytes = (size_t)(r->json.at - at);
  if (name.len == 0 || name.len > NAME_BYTES_MAX || list->count == NAMES_MAX)
    return fail_name(r, list, at, name);
  if (list->count == list->cap)
    make_room(r, list, bytes);
  list->names[list->count] = name;
  if (list->whole)
    list->whole[list->count] = (struct str){at, bytes};
  list->count++;
  return true;
}

/* What stands there is not of the kind that `path` has. */
static bool fail_kind(struct args_reader *r, const char *path, const char *expected) {
  struct str text;
  const char *found = json_scan_kind(&r->json);
  const char *at = r->json.at;
  if (!found)
    return json_scan_skip(&r->json, &text); /* fails, and says at what */
  return json_scan_fail(&r->json, at, ERR_INVALID, "%s: %s was expected, found %s", path, expected,
                        found);
}

static bool fail_item(struct args_reader *r, const char *list, size_t index, const char *field,
                      const char *expected) {
  CLEANUP_BUF struct buf path;
  buf_init(&path, 64);
  buf_printf(&path, "%s[%zu]%s", list, index, field);
  return fail_kind(r, path.ptr, expected);
}

static bool fail_node(struct args_reader *r, const char *field, const char *expected) {
  return fail_item(r, "Nodes.items", r->nodes.count, field, expected);
}

/* null: takes it, and *ret_null says so. */
static bool take_null(struct args_reader *r, bool *ret_null) {
  *ret_null = json_scan_peek(&r->json) == 'n';
  return !*ret_null || json_scan_null(&r->json);
}

static bool read_names(struct args_reader *r) {
  bool is_null, more;
  struct str name;
  if (!take_null(r, &is_null))
    return false;
  r->names.is_given = !is_null;
  if (is_null)
    return true;
  if (json_scan_peek(&r->json) != '[')
    return fail_kind(r, "NodeNames", "a list");
  r->names.count = 0;
  if (!json_scan_open(&r->json, &more))
    return false;
  while (more) {
    if (json_scan_peek(&r->json) != '"')
      return fail_item(r, "NodeNames", r->names.count, "", "a string");
    const char *at = r->json.at;
    if (!json_scan_string(&r->json, &name) || !add_node(r, &r->names, at, name) ||
        !json_scan_next(&r->json, ']', &more))
      return false;
  }
  return true;
}

/* ---- whole nodes ------------------------------------------------------------------------- */

/* `metadata.name`: a string or null. */
static bool read_name(struct args_reader *r, struct str *ret) {
  bool is_null;
  *ret = (struct str){NULL, 0};
  if (!take_null(r, &is_null) || is_null)
    return is_null;
  return json_scan_peek(&r->json) == '"' ? json_scan_string(&r->json, ret)
                                         : fail_node(r, ".metadata.name", "a string");
}

static bool read_metadata(struct args_reader *r, struct str *ret_name) {
  bool more, is_null;
  struct str key, text;
  *ret_name = (struct str){NULL, 0};
  if (!take_null(r, &is_null) || is_null)
    return is_null;
  if (json_scan_peek(&r->json) != '{')
    return fail_node(r, ".metadata", "a mapping");
  if (!json_scan_open(&r->json, &more))
    return false;
  while (more) {
    if (!json_scan_key(&r->json, &key) ||
        !(str_is(key, "name") ? read_name(r, ret_name) : json_scan_skip(&r->json, &text)) ||
        !json_scan_next(&r->json, '}', &more))
      return false;
  }
  return true;
}

static bool read_node(struct args_reader *r) {
  bool more;
  struct str key, text, name = {NULL, 0};
  if (json_scan_peek(&r->json) != '{')
    return fail_node(r, "", "a mapping");
  const char *start = r->json.at;
  if (!json_scan_open(&r->json, &more))
    return false;
  while (more) {
    if (!json_scan_key(&r->json, &key) ||
        !(str_is(key, "metadata") ? read_metadata(r, &name) : json_scan_skip(&r->json, &text)) ||
        !json_scan_next(&r->json, '}', &more))
      return false;
  }
  return add_node(r, &r->nodes, start, name);
}

static bool read_items(struct args_reader *r) {
  bool is_null, more;
  r->nodes.count = 0;
  if (!take_null(r, &is_null) || is_null)
    return is_null;
  if (json_scan_peek(&r->json) != '[')
    return fail_kind(r, "Nodes.items", "a list");
  if (!json_scan_open(&r->json, &more))
    return false;
  while (more) {
    if (!read_node(r) || !json_scan_next(&r->json, ']', &more))
      return false;
  }
  return true;
}

static bool read_nodes(struct args_reader *r) {
  bool is_null, more;
  struct str key, text;
  if (!take_null(r, &is_null))
    return false;
  r->nodes.is_given = !is_null;
  if (is_null)
    return true;
  if (json_scan_peek(&r->json) != '{')
    return fail_kind(r, "Nodes", "a mapping");
  r->nodes.count = 0;
  if (!json_scan_open(&r->json, &more))
    return false;
  while (more) {
    if (!json_scan_key(&r->json, &key) ||
        !(str_is(key, "items") ? read_items(r) : json_scan_skip(&r->json, &text)) ||
        !json_scan_next(&r->json, '}', &more))
      return false;
  }
  return true;
}

/* ---- the whole --------------------------------------------------------------------------- */

static bool read_pod_text(struct args_reader *r) {
  if (!json_scan_skip(&r->json, &r->pod))
    return false;
  if (str_is(r->pod, "null"))
    r->pod.len = 0;
  return true;
}

static bool read_member(struct args_reader *r) {
  struct str key, text;
  if (!json_scan_key(&r->json, &key))
    return false;
  if (str_is(key, "Pod"))
    return read_pod_text(r);
  if (str_is(key, "NodeNames"))
    return read_names(r);
  return str_is(key, "Nodes") ? read_nodes(r) : json_scan_skip(&r->json, &text);
}

static bool read_args(struct args_reader *r) {
  bool more;
  if (json_scan_peek(&r->json) != '{')
    return fail_kind(r, "ExtenderArgs", "a mapping");
  if (!json_scan_open(&r->json, &more))
    return false;
  while (more) {
    if (!read_member(r) || !json_scan_next(&r->json, '}', &more))
      return false;
  }
  return json_scan_end(&r->json);
}

bool wire_extender_args_read(struct arena *arena, struct str body, struct wire_extender_args *ret,
                             struct err *reterr) {
  struct args_reader r = {0};
  if (body.len > doc_limits_review.max_bytes)
    return err_set(reterr, ERR_LIMIT, "ExtenderArgs: %zu bytes are more than the limit of %zu%s",
                   body.len, doc_limits_review.max_bytes,
                   "; if whole Nodes come, set nodeCacheCapable: true, so that their names do");
  json_scan_init(&r.json, arena, body, reterr);
  if (!read_args(&r))
    return false;
  if (r.pod.len == 0)
    return err_set_at(reterr, ERR_INVALID, 1, 1, "Pod: is missing");
  if (r.names.is_given && r.nodes.is_given)
    return err_set_at(reterr, ERR_INVALID, 1, 1, "both Nodes and NodeNames, one was expected");
  struct wire_extender_args made = {0};
  if (!wire_pod_read_part(arena, body, r.pod, &made.pod, reterr))
    return err_wrap(reterr, "Pod");
  const struct node_list *list = r.nodes.is_given ? &r.nodes : &r.names;
  made.has_nodes = list->is_given;
  if (list->is_given) {
    made.node_names = list->names;
    made.nodes = list->whole;
    made.node_count = list->count;
  }
  *ret = made;
  return true;
}
