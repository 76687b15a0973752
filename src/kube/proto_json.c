/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wanted of a message, as JSON. A field that may come once, and lists and maps, must come
 * in one go: protobuf allows other orders, Kubernetes' encoder does not make them, and whoever
 * does has two readings of one object.
 */
#include "src/kube/kube_internal.h"
#include "src/kube/protobuf.h"

enum envelope { ENVELOPE_TYPE = 1, ENVELOPE_OBJECT = 2, ENVELOPE_ENCODING = 3 };
enum { METADATA = 1 }; /* of every API object */

static const char magic[] = {'k', '8', 's', '\0'};

/* One object of the JSON under way. */
struct scope {
  struct buf *out;
  bool has_members;
};

static void put_key(struct scope *scope, struct str name) {
  if (scope->has_members)
    buf_append_char(scope->out, ',');
  scope->has_members = true;
  kube_json_string(scope->out, name);
  buf_append_char(scope->out, ':');
}

static bool put_members(struct scope *scope, const struct proto_message *message, struct str bytes);

static bool put_message(struct buf *out, const struct proto_message *message, struct str bytes) {
  struct scope scope = {.out = out};
  buf_append_char(out, '{');
  bool ok = put_members(&scope, message, bytes);
  buf_append_char(out, '}');
  return ok;
}

/* The text of message field 1, empty when it is not there: of a Quantity. */
static bool read_text(struct str bytes, struct str *ret) {
  struct proto_field field;
  enum proto_step step;
  *ret = (struct str){NULL, 0};
  while ((step = proto_next(&bytes, false, &field)) == PROTO_FIELD)
    if (field.number == 1 && field.is_bytes)
      *ret = field.bytes;
  return step == PROTO_END;
}

static bool put_map_entry(struct scope *scope, enum proto_kind kind, struct str bytes) {
  struct proto_field field;
  struct str key = {NULL, 0}, value = {NULL, 0};
  enum proto_step step;
  while ((step = proto_next(&bytes, false, &field)) == PROTO_FIELD) {
    if (!field.is_bytes)
      return false;
    if (field.number == 1)
      key = field.bytes;
    else if (field.number == 2)
      value = field.bytes;
  }
  if (step == PROTO_BAD || (kind == PROTO_QUANTITIES && !read_text(value, &value)))
    return false;
  put_key(scope, key);
  kube_json_string(scope->out, value);
  return true;
}

/* 0001-01-01, Go's zero, is encoded as an empty message. */
static bool read_seconds(struct str bytes, int64_t *ret) {
  struct proto_field field;
  enum proto_step step;
  while ((step = proto_next(&bytes, false, &field)) == PROTO_FIELD)
    if (field.number == 1 && field.is_varint)
      *ret = (int64_t)field.value;
  return step == PROTO_END;
}

static bool put_time(struct scope *scope, const char *name, struct str bytes) {
  CLEANUP_ARENA struct arena *arena = arena_new(256);
  int64_t seconds = 0;
  if (!read_seconds(bytes, &seconds))
    return false;
  put_key(scope, str_of(name));
  kube_json_string(scope->out, rfc3339_text(arena, seconds));
  return true;
}

static bool put_one(struct scope *scope, const struct proto_entry *entry,
                    const struct proto_field *field) {
  switch (entry->kind) {
  case PROTO_TEXT:
    if (field->bytes.len == 0)
      return true; /* this encoding has them, JSON leaves them out */
    put_key(scope, str_of(entry->name));
    kube_json_string(scope->out, field->bytes);
    return true;
  case PROTO_INT:
    put_key(scope, str_of(entry->name));
    buf_printf(scope->out, "%lld", (long long)field->value);
    return true;
  case PROTO_BOOL:
    put_key(scope, str_of(entry->name));
    buf_append_cstr(scope->out, field->value ? "true" : "false");
    return true;
  case PROTO_TIME:
    return field->bytes.len == 0 || put_time(scope, entry->name, field->bytes);
  case PROTO_MESSAGE:
    put_key(scope, str_of(entry->name));
    return put_message(scope->out, entry->message, field->bytes);
  case PROTO_INLINE:
    return put_members(scope, entry->message, field->bytes);
  case PROTO_TEXTS:
  case PROTO_QUANTITIES:
    break; /* by put_many */
  }
  return false;
}

static bool is_map(const struct proto_entry *entry) {
  return entry->kind == PROTO_TEXTS || entry->kind == PROTO_QUANTITIES;
}

static bool is_fitting(const struct proto_entry *entry, const struct proto_field *field) {
  bool is_number = entry->kind == PROTO_INT || entry->kind == PROTO_BOOL;
  return is_number ? field->is_varint : field->is_bytes;
}

static bool put_item(struct scope *items, const struct proto_entry *entry, struct str bytes) {
  if (is_map(entry))
    return put_map_entry(items, entry->kind, bytes);
  if (items->has_members)
    buf_append_char(items->out, ',');
  items->has_members = true;
  if (entry->kind == PROTO_MESSAGE)
    return put_message(items->out, entry->message, bytes);
  kube_json_string(items->out, bytes);
  return true;
}

/* A list or a map: *field is its first item, and then the field behind its last. */
static enum proto_step put_many(struct scope *scope, const struct proto_entry *entry,
                                struct str *rest, struct proto_field *field) {
  struct scope items = {.out = scope->out};
  enum proto_step step = PROTO_FIELD;
  put_key(scope, str_of(entry->name));
  buf_append_char(scope->out, is_map(entry) ? '{' : '[');
  for (; step == PROTO_FIELD && field->number == entry->number;
       step = proto_next(rest, false, field))
    if (!is_fitting(entry, field) || !put_item(&items, entry, field->bytes))
      return PROTO_BAD;
  buf_append_char(scope->out, is_map(entry) ? '}' : ']');
  return step;
}

static const struct proto_entry *find_entry(const struct proto_message *message, uint32_t number) {
  for (size_t i = 0; i < message->count; i++)
    if (message->entries[i].number == number)
      return &message->entries[i];
  return NULL;
}

static bool put_members(struct scope *scope, const struct proto_message *message, struct str rest) {
  struct proto_field field;
  uint32_t seen = 0;
  enum proto_step step = proto_next(&rest, false, &field);
  while (step == PROTO_FIELD) {
    const struct proto_entry *entry = find_entry(message, field.number);
    if (entry) {
      uint32_t bit = (uint32_t)1 << (entry - message->entries);
      if ((seen & bit) || !is_fitting(entry, &field))
        return false;
      seen |= bit;
    }
    if (entry && (entry->is_list || is_map(entry))) {
      step = put_many(scope, entry, &rest, &field);
      continue;
    }
    if (entry && !put_one(scope, entry, &field))
      return false;
    step = proto_next(&rest, false, &field);
  }
  return step == PROTO_END;
}

/* ---- objects and events ------------------------------------------------------------------ */

bool proto_is_object(struct str bytes) {
  return bytes.len >= sizeof(magic) && memcmp(bytes.ptr, magic, sizeof(magic)) == 0;
}

struct envelope_parts {
  struct str api_version, kind, object;
};

static bool read_type(struct str bytes, struct envelope_parts *ret) {
  struct proto_field field;
  enum proto_step step;
  while ((step = proto_next(&bytes, false, &field)) == PROTO_FIELD) {
    if (field.number == 1)
      ret->api_version = field.bytes;
    else if (field.number == 2)
      ret->kind = field.bytes;
  }
  return step == PROTO_END;
}

static bool open_envelope(struct str bytes, bool is_cut, struct envelope_parts *ret) {
  struct proto_field field;
  enum proto_step step;
  *ret = (struct envelope_parts){0};
  if (!proto_is_object(bytes))
    return false;
  bytes = str_skip(bytes, sizeof(magic));
  while ((step = proto_next(&bytes, is_cut, &field)) == PROTO_FIELD) {
    if (field.number == ENVELOPE_TYPE && !read_type(field.bytes, ret))
      return false;
    if (field.number == ENVELOPE_OBJECT)
      ret->object = field.bytes;
    if (field.number == ENVELOPE_ENCODING && field.bytes.len > 0)
      return false; /* packed in a way that was not asked for */
  }
  return step == PROTO_END;
}

bool proto_object_json(struct str bytes, struct buf *out, struct err *reterr) {
  struct envelope_parts parts;
  if (!open_envelope(bytes, false, &parts))
    return err_set(reterr, ERR_INVALID, "an object is not in Kubernetes' protobuf encoding");
  const struct proto_message *message = proto_message_of(parts.kind);
  if (!message)
    return err_set(reterr, ERR_INVALID, "an object of the kind \"%.*s\" is not expected",
                   parts.kind.len > 64 ? 64 : (int)parts.kind.len, parts.kind.ptr);
  struct scope scope = {.out = out};
  buf_append_char(out, '{');
  put_key(&scope, STR_LIT("kind"));
  kube_json_string(out, parts.kind);
  put_key(&scope, STR_LIT("apiVersion"));
  kube_json_string(out, parts.api_version);
  bool ok = put_members(&scope, message, parts.object);
  buf_append_char(out, '}');
  if (out->truncated)
    return err_set(reterr, ERR_LIMIT, "an object is longer than %zu bytes as JSON", out->max);
  return ok ||
         err_set(reterr, ERR_INVALID, "the fields of a %.*s are not as Kubernetes encodes them",
                 STR_FMT(parts.kind));
}

bool proto_event(struct str frame, bool is_cut, struct str *ret_type, struct str *ret_object) {
  struct proto_field field;
  struct str raw = {NULL, 0};
  enum proto_step step;
  *ret_type = *ret_object = raw;
  while ((step = proto_next(&frame, is_cut, &field)) == PROTO_FIELD) {
    if (field.number == 1 && field.is_bytes)
      *ret_type = field.bytes;
    if (field.number == 2 && field.is_bytes)
      raw = field.bytes;
  }
  /* A RawExtension: the object is its field 1. */
  while (step == PROTO_END && (step = proto_next(&raw, is_cut, &field)) == PROTO_FIELD) {
    if (field.number == 1 && field.is_bytes)
      *ret_object = field.bytes;
    step = PROTO_END;
  }
  return step == PROTO_END && ret_type->len > 0 && proto_is_object(*ret_object);
}

void proto_cut_metadata_json(struct str bytes, struct buf *out) {
  static const struct {
    uint32_t number;
    const char *name;
  } wanted[] = {{1, "name"}, {3, "namespace"}, {6, "resourceVersion"}};
  struct envelope_parts parts;
  struct proto_field field;
  struct scope scope = {.out = out};
  buf_append_cstr(out, "{\"metadata\":{");
  (void)open_envelope(bytes, true, &parts);
  if (proto_next(&parts.object, true, &field) == PROTO_FIELD && field.number == METADATA) {
    struct str rest = field.bytes;
    /* What stands at the very end may be cut itself. */
    while (proto_next(&rest, true, &field) == PROTO_FIELD && rest.len > 0)
      for (size_t i = 0; i < SG_ARRAY_LEN(wanted); i++)
        if (field.number == wanted[i].number && field.is_bytes) {
          put_key(&scope, str_of(wanted[i].name));
          kube_json_string(out, field.bytes);
        }
  }
  buf_append_cstr(out, "}}");
}
