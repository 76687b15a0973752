/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a List while it comes. The text of each item is kept until its brackets close, then
 * handed over; of the members beside the items only metadata matters. Inside a value only
 * brackets and quotes are looked at.
 */
#include "kube_internal.h"

enum state {
  BEFORE_OBJECT,
  BEFORE_FIRST_KEY, /* or the end of the object */
  BEFORE_KEY,
  IN_KEY,
  BEFORE_COLON,
  BEFORE_VALUE,
  IN_VALUE,
  AFTER_VALUE,
  BEFORE_FIRST_ITEM, /* or the end of the array */
  BEFORE_ITEM,
  AFTER_ITEM,
  AFTER_OBJECT,
};

void list_reader_init(struct list_reader *reader, size_t max_item, lines_fn *each, void *ctx) {
  *reader = (struct list_reader){.each = each, .ctx = ctx};
  buf_init(&reader->value, max_item);
}

void list_reader_done(struct list_reader *reader) {
  buf_done(&reader->value);
}

void list_reader_reset(struct list_reader *reader) {
  struct buf value = reader->value;
  buf_clear(&value);
  *reader = (struct list_reader){.value = value, .each = reader->each, .ctx = reader->ctx};
}

static bool wrong(const struct list_reader *reader, const char *wanted, struct err *reterr) {
  return err_set(reterr, ERR_INVALID, "the list is no JSON: %s expected at byte %zu", wanted,
                 reader->offset);
}

static bool copy_text(struct str metadata, const char *key, char *ret, size_t size,
                      struct err *reterr) {
  struct str raw, text = {0};
  const char *const keys[] = {key, NULL};
  if (scan_member(metadata, key, &raw) && !scan_text_at(metadata, keys, &text))
    return err_set(reterr, ERR_INVALID, "the list's metadata.%s is no plain string", key);
  if (text.len >= size)
    return err_set(reterr, ERR_LIMIT, "the list's metadata.%s is longer than %zu bytes", key,
                   size - 1);
  if (text.len > 0)
    memcpy(ret, text.ptr, text.len);
  ret[text.len] = '\0';
  return true;
}

/* A value has ended; what it was decides what follows. */
static bool finish_value(struct list_reader *reader, struct err *reterr) {
  struct str value = buf_str(&reader->value);
  bool ok = true;
  if (reader->is_items) {
    reader->state = AFTER_ITEM;
    ok = reader->each(reader->ctx, value, reader->is_cut, reterr);
  } else {
    reader->state = AFTER_VALUE;
    bool is_metadata = str_is((struct str){reader->key, reader->key_len}, "metadata");
    if (is_metadata && reader->is_cut)
      ok = err_set(reterr, ERR_LIMIT, "the list's metadata are longer than %zu bytes",
                   reader->value.max);
    else if (is_metadata)
      ok = copy_text(value, "continue", reader->continue_token, sizeof(reader->continue_token),
                     reterr) &&
           copy_text(value, "resourceVersion", reader->resource_version,
                     sizeof(reader->resource_version), reterr);
  }
  buf_clear(&reader->value);
  reader->is_cut = false;
  return ok;
}

static void keep(struct list_reader *reader, struct str part) {
  size_t room = reader->value.max - reader->value.len;
  if (part.len > room) {
    reader->is_cut = true;
    part.len = room;
  }
  buf_append_str(&reader->value, part);
}

static void begin_value(struct list_reader *reader) {
  reader->state = IN_VALUE;
  reader->depth = 0;
  reader->is_string = reader->is_escape = false;
}

/* How many bytes of the piece belong to the value under way; *ret_ended: it ends with them. */
static size_t value_extent(struct list_reader *reader, struct str piece, bool *ret_ended) {
  *ret_ended = false;
  for (size_t i = 0; i < piece.len; i++) {
    char c = piece.ptr[i];
    if (reader->is_escape) {
      reader->is_escape = false;
    } else if (reader->is_string) {
      if (c == '\\')
        reader->is_escape = true;
      else if (c == '"')
        reader->is_string = false;
      else
        continue;
      if (reader->is_string || reader->depth > 0)
        continue;
      *ret_ended = true;
      return i + 1;
    } else if (c == '"') {
      reader->is_string = true;
    } else if (c == '{' || c == '[') {
      reader->depth++;
    } else if (c == '}' || c == ']') {
      *ret_ended = reader->depth <= 1;
      if (reader->depth == 0)
        return i; /* a number before the end of what holds it */
      if (--reader->depth == 0)
        return i + 1;
    } else if (reader->depth == 0 && (c == ',' || scan_is_space(c))) {
      *ret_ended = true;
      return i;
    }
  }
  return piece.len;
}

static bool feed_value(struct list_reader *reader, struct str *piece, struct err *reterr) {
  bool ended;
  size_t extent = value_extent(reader, *piece, &ended);
  keep(reader, (struct str){piece->ptr, extent});
  *piece = str_skip(*piece, extent);
  reader->offset += extent;
  if (!ended)
    return true;
  if (reader->value.len == 0)
    return wrong(reader, "a value", reterr);
  return finish_value(reader, reterr);
}

static void feed_key(struct list_reader *reader, char c) {
  if (c == '"')
    reader->state = BEFORE_COLON;
  else if (reader->key_len < sizeof(reader->key))
    reader->key[reader->key_len++] = c; /* longer ones are none that matter */
}

static bool before_value(struct list_reader *reader, char c, bool *ret_stays) {
  bool is_items = str_is((struct str){reader->key, reader->key_len}, "items");
  if (is_items && c == '[') {
    reader->is_items = true;
    reader->state = BEFORE_FIRST_ITEM;
    return true;
  }
  begin_value(reader);
  *ret_stays = true;
  return !is_items || c == 'n'; /* null: an empty list that Go has written */
}

/* One byte between values that is no space; *ret_stays: it is looked at again. */
static bool feed_between(struct list_reader *reader, char c, bool *ret_stays, struct err *reterr) {
  switch ((enum state)reader->state) {
  case BEFORE_OBJECT:
    reader->state = BEFORE_FIRST_KEY;
    return c == '{' || wrong(reader, "\"{\"", reterr);
  case BEFORE_FIRST_KEY:
    if (c == '}') {
      reader->state = AFTER_OBJECT;
      return true;
    }
    /* fall through */
  case BEFORE_KEY:
    reader->key_len = 0;
    reader->state = IN_KEY;
    return c == '"' || wrong(reader, "a key", reterr);
  case BEFORE_COLON:
    reader->state = BEFORE_VALUE;
    return c == ':' || wrong(reader, "\":\"", reterr);
  case BEFORE_VALUE:
    return before_value(reader, c, ret_stays) || wrong(reader, "\"[\" of the items", reterr);
  case AFTER_VALUE:
    reader->state = c == '}' ? AFTER_OBJECT : BEFORE_KEY;
    return c == '}' || c == ',' || wrong(reader, "\",\" or \"}\"", reterr);
  case BEFORE_FIRST_ITEM:
    if (c == ']') {
      reader->is_items = false;
      reader->state = AFTER_VALUE;
      return true;
    }
    /* fall through */
  case BEFORE_ITEM:
    begin_value(reader);
    *ret_stays = true;
    return c == '{' || wrong(reader, "an item", reterr);
  case AFTER_ITEM:
    reader->is_items = c == ',';
    reader->state = c == ',' ? BEFORE_ITEM : AFTER_VALUE;
    return c == ',' || c == ']' || wrong(reader, "\",\" or \"]\"", reterr);
  case AFTER_OBJECT:
    return wrong(reader, "nothing more", reterr);
  case IN_KEY:
  case IN_VALUE:
    break;
  }
  return true;
}

bool list_reader_feed(struct list_reader *reader, struct str piece, struct err *reterr) {
  while (piece.len > 0) {
    if (reader->state == IN_VALUE) {
      if (!feed_value(reader, &piece, reterr))
        return false;
      continue;
    }
    char c = piece.ptr[0];
    bool stays = false;
    if (reader->state == IN_KEY)
      feed_key(reader, c);
    else if (!scan_is_space(c) && !feed_between(reader, c, &stays, reterr))
      return false;
    if (!stays) {
      piece = str_skip(piece, 1);
      reader->offset++;
    }
  }
  return true;
}

bool list_reader_end(const struct list_reader *reader, struct err *reterr) {
  if (reader->state != AFTER_OBJECT)
    return err_set(reterr, ERR_UNAVAILABLE, "the list ends in the middle, at byte %zu",
                   reader->offset);
  if (reader->resource_version[0] == '\0')
    return err_set(reterr, ERR_INVALID, "the list has no metadata.resourceVersion");
  return true;
}
