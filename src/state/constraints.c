/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept only of a pod that waits: constraints, scheduler, nomination. As one run of bytes:
 * small, and two of them are compared at once. Read back only by the code that wrote them.
 */
#include "src/state/state_internal.h"

/* An object of the API server is never as long. */
enum { ENCODED_MAX = 16 << 20 };

/* ---- writing ----------------------------------------------------------------------------- */

static void put_number(struct buf *buf, size_t number) {
  uint32_t value = (uint32_t)number;
  buf_append(buf, &value, sizeof(value));
}

static void put_text(struct buf *buf, struct str text) {
  put_number(buf, text.len);
  buf_append_str(buf, text);
}

static void put_requirements(struct buf *buf, const struct node_requirement *list, size_t count) {
  put_number(buf, count);
  for (size_t i = 0; i < count; i++) {
    put_text(buf, list[i].key);
    put_number(buf, list[i].op);
    put_number(buf, list[i].value_count);
    for (size_t v = 0; v < list[i].value_count; v++)
      put_text(buf, list[i].values[v]);
  }
}

static void put_constraints(struct buf *buf, const struct pod_constraints *from) {
  put_number(buf, from->node_selector_count);
  for (size_t i = 0; i < from->node_selector_count; i++) {
    put_text(buf, from->node_selector[i].key);
    put_text(buf, from->node_selector[i].value);
  }
  put_number(buf, from->affinity_term_count);
  for (size_t i = 0; i < from->affinity_term_count; i++) {
    const struct node_selector_term *term = &from->affinity_terms[i];
    put_requirements(buf, term->requirements, term->requirement_count);
    put_requirements(buf, term->fields, term->field_count);
  }
  put_number(buf, from->toleration_count);
  for (size_t i = 0; i < from->toleration_count; i++) {
    const struct toleration *toleration = &from->tolerations[i];
    put_text(buf, toleration->key);
    put_text(buf, toleration->value);
    put_number(buf, (size_t)toleration->effect << 1 | toleration->is_exists);
  }
}

static void put_overhead(struct buf *buf, const struct pod_overhead *overhead) {
  bool has_any = overhead->cpu_milli || overhead->mem_bytes;
  put_text(buf, (struct str){(const char *)overhead, has_any ? sizeof(*overhead) : 0});
}

struct waiting *waiting_new(struct state *state, const struct pod *pod) {
  CLEANUP_BUF struct buf buf;
  buf_init(&buf, ENCODED_MAX);
  put_text(&buf, pod->scheduler_name);
  put_text(&buf, pod->nominated_node);
  put_overhead(&buf, &pod->overhead);
  put_constraints(&buf, &pod->constraints);
  if (buf.truncated) { /* what selects a node by megabytes selects none that we advise */
    buf_clear(&buf);
    put_text(&buf, pod->scheduler_name);
    put_text(&buf, pod->nominated_node);
    put_overhead(&buf, &pod->overhead);
    put_constraints(&buf, &(struct pod_constraints){0});
  }
  struct str version = pod->resource_version;
  struct waiting *made = state_take(state, sizeof(*made) + buf.len + version.len);
  made->len = buf.len;
  made->version_len = version.len;
  memcpy(made->bytes, buf.ptr, buf.len);
  if (version.len)
    memcpy(made->bytes + buf.len, version.ptr, version.len);
  return made;
}

void waiting_free(struct state *state, struct waiting *waiting) {
  if (waiting)
    state_give(state, waiting, sizeof(*waiting) + waiting->len + waiting->version_len);
}

bool waiting_is_same(const struct waiting *a, const struct waiting *b) {
  return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* ---- reading ----------------------------------------------------------------------------- */

struct cursor {
  const unsigned char *at;
  struct arena *arena;
};

static size_t get_number(struct cursor *cursor) {
  uint32_t value;
  memcpy(&value, cursor->at, sizeof(value));
  cursor->at += sizeof(value);
  return value;
}

static struct str get_text(struct cursor *cursor) {
  size_t len = get_number(cursor);
  struct str text = {(const char *)cursor->at, len};
  cursor->at += len;
  return len ? str_copy(cursor->arena, text) : (struct str){NULL, 0};
}

static struct node_requirement *get_requirements(struct cursor *cursor, size_t *ret_count) {
  *ret_count = get_number(cursor);
  struct node_requirement *list = arena_array(cursor->arena, *ret_count, sizeof(*list));
  for (size_t i = 0; i < *ret_count; i++) {
    list[i].key = get_text(cursor);
    list[i].op = (enum selector_operator)get_number(cursor);
    list[i].value_count = get_number(cursor);
    struct str *values = arena_array(cursor->arena, list[i].value_count, sizeof(*values));
    for (size_t v = 0; v < list[i].value_count; v++)
      values[v] = get_text(cursor);
    list[i].values = values;
  }
  return list;
}

static void get_constraints(struct cursor *cursor, struct pod_constraints *ret) {
  ret->node_selector_count = get_number(cursor);
  struct key_value *selector =
      arena_array(cursor->arena, ret->node_selector_count, sizeof(*selector));
  for (size_t i = 0; i < ret->node_selector_count; i++) {
    selector[i].key = get_text(cursor);
    selector[i].value = get_text(cursor);
  }
  ret->node_selector = selector;
  ret->affinity_term_count = get_number(cursor);
  struct node_selector_term *terms =
      arena_array(cursor->arena, ret->affinity_term_count, sizeof(*terms));
  for (size_t i = 0; i < ret->affinity_term_count; i++) {
    terms[i].requirements = get_requirements(cursor, &terms[i].requirement_count);
    terms[i].fields = get_requirements(cursor, &terms[i].field_count);
  }
  ret->affinity_terms = terms;
  ret->toleration_count = get_number(cursor);
  struct toleration *tolerations =
      arena_array(cursor->arena, ret->toleration_count, sizeof(*tolerations));
  for (size_t i = 0; i < ret->toleration_count; i++) {
    tolerations[i].key = get_text(cursor);
    tolerations[i].value = get_text(cursor);
    size_t flags = get_number(cursor);
    tolerations[i].is_exists = flags & 1;
    tolerations[i].effect = (enum taint_effect)(flags >> 1);
  }
  ret->tolerations = tolerations;
}

void waiting_copy(const struct waiting *waiting, struct arena *arena, struct pod *ret) {
  struct cursor cursor = {waiting->bytes, arena};
  ret->scheduler_name = get_text(&cursor);
  ret->nominated_node = get_text(&cursor);
  struct str overhead = get_text(&cursor);
  if (overhead.len == sizeof(ret->overhead))
    memcpy(&ret->overhead, overhead.ptr, sizeof(ret->overhead));
  get_constraints(&cursor, &ret->constraints);
  struct str version = {(const char *)waiting->bytes + waiting->len, waiting->version_len};
  ret->resource_version = str_copy(arena, version);
}
