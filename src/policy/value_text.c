/* SPDX-License-Identifier: Apache-2.0 */
/* Values as one would write them in the policy, on one line: for `policy explain` only. */
#include "policy_internal.h"

enum { MAX_VALUE = 4096 };

/* Quotes what YAML would read as something else, or not at all. */
static void append_scalar(struct buf *out, struct str text) {
  struct doc_stream stream;
  struct err err;
  bool is_plain = text.len > 0 && text.ptr[text.len - 1] != ':';
  for (size_t i = 0; i < text.len; i++)
    is_plain = is_plain && !strchr("*&!|>%@`\"'#,[]{} ?", text.ptr[i]);
  if (is_plain) {
    CLEANUP_ARENA struct arena *arena = arena_new(512);
    is_plain = doc_parse_yaml(arena, text, &doc_limits_policy, &stream, &err) &&
               stream.count == 1 && doc_is(stream.documents[0], DOC_STRING);
  }
  buf_printf(out, is_plain ? "%.*s" : "\"%.*s\"", STR_FMT(text));
}

static void append_strings(struct buf *out, const struct strings *strings) {
  buf_append_char(out, '[');
  for (size_t i = 0; i < strings->count; i++) {
    buf_append_cstr(out, i ? ", " : "");
    append_scalar(out, strings->items[i]);
  }
  buf_append_char(out, ']');
}

static void append_labels(struct buf *out, const struct param_value *value) {
  for (size_t i = 0; i < value->labels.count; i++) {
    const struct label_requirement *label = &value->labels.items[i];
    buf_append_cstr(out, i ? ", " : "");
    append_scalar(out, label->key);
    buf_printf(out, ": {required: %s", label->is_required ? "true" : "false");
    if (label->is_from_namespace)
      buf_append_cstr(out, ", fromNamespace: true");
    if (label->values.count) {
      buf_append_cstr(out, ", values: ");
      append_strings(out, &label->values);
    }
    buf_append_char(out, '}');
  }
}

static void append_capacity(struct buf *out, const struct param_value *value) {
  for (size_t i = 0; i < value->capacity.count; i++) {
    const struct capacity_mark *mark = &value->capacity.items[i];
    buf_printf(out, "%s{%s: ", i ? ", " : "", mark->is_taint ? "taint" : "label");
    append_scalar(out, mark->key);
    if (mark->spot_values.count) {
      buf_append_cstr(out, ", values: ");
      append_strings(out, &mark->spot_values);
    }
    buf_append_char(out, '}');
  }
}

static void append_environments(struct buf *out, struct arena *arena,
                                const struct param_value *value) {
  for (size_t i = 0; i < value->environments.count; i++) {
    buf_append_cstr(out, i ? ", " : "");
    append_scalar(out, value->environments.items[i].environment);
    buf_printf(out, ": %.*s", STR_FMT(duration_text(arena, value->environments.items[i].seconds)));
  }
}

static void append_products(struct buf *out, const struct param_value *value) {
  for (size_t i = 0; i < value->products.count; i++) {
    buf_append_cstr(out, i ? ", " : "");
    append_scalar(out, value->products.items[i].team);
    buf_append_cstr(out, ": ");
    append_strings(out, &value->products.items[i].products);
  }
}

static void append_cpu(struct buf *out, int64_t milli) {
  bool is_whole = milli % 1000 == 0;
  buf_printf(out, is_whole ? "\"%lld\"" : "%lldm", (long long)(is_whole ? milli / 1000 : milli));
}

static void append_memory(struct buf *out, int64_t mib) {
  if (mib == 0) {
    buf_append_cstr(out, "\"0\"");
    return;
  }
  bool is_gib = mib % 1024 == 0;
  buf_printf(out, "%lld%s", (long long)(is_gib ? mib / 1024 : mib), is_gib ? "Gi" : "Mi");
}

struct str param_value_text(struct arena *arena, const struct param_info *info,
                            const struct param_value *value) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, MAX_VALUE);
  switch (info->type) {
  case PARAM_BOOL:
    buf_append_cstr(&out, value->truth ? "true" : "false");
    break;
  case PARAM_INT:
    buf_printf(&out, "%lld", (long long)value->number);
    break;
  case PARAM_DURATION:
    buf_append_str(&out, duration_text(arena, value->number));
    break;
  case PARAM_CPU:
    append_cpu(&out, value->number);
    break;
  case PARAM_MEMORY:
    append_memory(&out, value->number);
    break;
  case PARAM_STRINGS:
    append_strings(&out, &value->strings);
    break;
  case PARAM_CAPACITY:
    buf_append_char(&out, '[');
    append_capacity(&out, value);
    buf_append_char(&out, ']');
    break;
  case PARAM_ENVIRONMENTS:
    buf_append_char(&out, '{');
    append_environments(&out, arena, value);
    buf_append_char(&out, '}');
    break;
  case PARAM_LABELS:
    buf_append_char(&out, '{');
    append_labels(&out, value);
    buf_append_char(&out, '}');
    break;
  case PARAM_PRODUCTS:
    buf_append_char(&out, '{');
    append_products(&out, value);
    buf_append_char(&out, '}');
    break;
  }
  return str_copy(arena, buf_str(&out));
}
