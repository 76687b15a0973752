/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON tree as a YAML document that people may read and kubectl reads back the same. */
#include "src/cli/webhook_config.h"

#include <ctype.h>
#include <strings.h>
#include <yaml.h>

struct emitter {
  yaml_emitter_t yaml;
  struct buf *out;
};

static int write_bytes(void *ctx, unsigned char *bytes, size_t size) {
  buf_append(ctx, bytes, size);
  return 1;
}

static bool emit(struct emitter *e, yaml_event_t *event, int is_made) {
  return is_made && yaml_emitter_emit(&e->yaml, event);
}

/* YAML 1.1 has many words for true and false, and takes `1.0`, `0x1` and `1e3` for numbers. A
 * text that begins with a letter and is none of the words is read as a string. */
static bool is_plain(const char *text) {
  static const char *const words[] = {"y",    "n",     "yes",  "no",  "on", "off",
                                      "true", "false", "null", "inf", "nan"};
  if (!isalpha((unsigned char)text[0]) && text[0] != '/')
    return false;
  for (size_t i = 0; i < SG_ARRAY_LEN(words); i++) {
    if (strcasecmp(text, words[i]) == 0)
      return false;
  }
  return true;
}

static bool emit_text(struct emitter *e, const char *text, yaml_scalar_style_t style) {
  yaml_event_t event;
  return emit(e, &event,
              yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
                                           (int)strlen(text), 1, 1, style));
}

static bool emit_string(struct emitter *e, const char *text) {
  if (strchr(text, '\n'))
    return emit_text(e, text, YAML_LITERAL_SCALAR_STYLE);
  return emit_text(e, text,
                   is_plain(text) ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static bool emit_integer(struct emitter *e, json_int_t value) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 32);
  buf_printf(&text, "%lld", (long long)value);
  return emit_text(e, text.ptr, YAML_PLAIN_SCALAR_STYLE);
}

/* Lists of a few short words read better on one line. */
static bool is_short_list(const json_t *list) {
  size_t length = 0;
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *item = json_array_get(list, i);
    if (!json_is_string(item))
      return false;
    length += json_string_length(item) + 2;
  }
  return length <= 40;
}

static bool emit_value(struct emitter *e, const json_t *value);

static bool emit_list(struct emitter *e, const json_t *list) {
  yaml_event_t event;
  yaml_sequence_style_t style =
      is_short_list(list) ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
  if (!emit(e, &event, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style)))
    return false;
  for (size_t i = 0; i < json_array_size(list); i++) {
    if (!emit_value(e, json_array_get(list, i)))
      return false;
  }
  return emit(e, &event, yaml_sequence_end_event_initialize(&event));
}

static bool emit_mapping(struct emitter *e, const json_t *mapping) {
  yaml_event_t event;
  if (!emit(e, &event,
            yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE)))
    return false;
  const char *key;
  json_t *value;
  /* jansson keeps insertion order; its macro wants a pointer that is not const. */
  for (void *at = json_object_iter((json_t *)(uintptr_t)mapping); at;
       at = json_object_iter_next((json_t *)(uintptr_t)mapping, at)) {
    key = json_object_iter_key(at);
    value = json_object_iter_value(at);
    if (!emit_string(e, key) || !emit_value(e, value))
      return false;
  }
  return emit(e, &event, yaml_mapping_end_event_initialize(&event));
}

static bool emit_value(struct emitter *e, const json_t *value) {
  switch (json_typeof(value)) {
  case JSON_OBJECT:
    return emit_mapping(e, value);
  case JSON_ARRAY:
    return emit_list(e, value);
  case JSON_STRING:
    return emit_string(e, json_string_value(value));
  case JSON_INTEGER:
    return emit_integer(e, json_integer_value(value));
  case JSON_TRUE:
    return emit_text(e, "true", YAML_PLAIN_SCALAR_STYLE);
  case JSON_FALSE:
    return emit_text(e, "false", YAML_PLAIN_SCALAR_STYLE);
  case JSON_NULL:
    return emit_text(e, "null", YAML_PLAIN_SCALAR_STYLE);
  case JSON_REAL:
    break; /* no configuration of ours has one */
  }
  return false;
}

static bool emit_document(struct emitter *e, const json_t *root) {
  yaml_event_t event;
  return emit(e, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
         emit(e, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 0)) &&
         emit_value(e, root) && emit(e, &event, yaml_document_end_event_initialize(&event, 1)) &&
         emit(e, &event, yaml_stream_end_event_initialize(&event));
}

bool yaml_emit(const json_t *root, struct buf *out, struct err *reterr) {
  struct emitter e = {.out = out};
  if (!yaml_emitter_initialize(&e.yaml))
    return err_set(reterr, ERR_INTERNAL, "cannot begin a YAML document");
  yaml_emitter_set_output(&e.yaml, write_bytes, out);
  yaml_emitter_set_unicode(&e.yaml, 1);
  yaml_emitter_set_width(&e.yaml, -1); /* a line stays a line */
  bool is_done = emit_document(&e, root);
  if (!is_done)
    err_set(reterr, ERR_INTERNAL, "cannot write YAML: %s",
            e.yaml.problem ? e.yaml.problem : "a value that it has no form for");
  yaml_emitter_delete(&e.yaml);
  return is_done;
}
