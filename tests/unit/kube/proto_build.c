/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/kube/proto_build.h"

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

static struct arena *arena;

void pb_setup(void) {
  arena = arena_new(4096);
}

void pb_teardown(void) {
  arena_free(arena);
  arena = NULL;
}

struct str pb_join(const struct str *parts, size_t count) {
  CLEANUP_BUF struct buf all;
  buf_init(&all, 4 << 20);
  for (size_t i = 0; i < count; i++)
    buf_append_str(&all, parts[i]);
  return str_copy(arena, buf_str(&all));
}

struct str pb_varint(uint64_t value) {
  char bytes[10];
  size_t length = 0;
  for (; value >= 0x80; value >>= 7)
    bytes[length++] = (char)(value | 0x80);
  bytes[length++] = (char)value;
  return str_copy(arena, (struct str){bytes, length});
}

struct str pb_tag(uint64_t number, unsigned wire_type) {
  return pb_varint(number << 3 | wire_type);
}

struct str pb_number(unsigned number, int64_t value) {
  return PB(pb_tag(number, WIRE_VARINT), pb_varint((uint64_t)value));
}

struct str pb_bytes(unsigned number, struct str bytes) {
  return PB(pb_tag(number, WIRE_BYTES), pb_varint(bytes.len), bytes);
}

struct str pb_text(unsigned number, const char *text) {
  return pb_bytes(number, str_of(text));
}

struct str pb_pair(unsigned number, const char *key, const char *value) {
  return PB_MESSAGE(number, pb_text(1, key), pb_text(2, value));
}

struct str pb_quantity(unsigned number, const char *key, const char *text) {
  return PB_MESSAGE(number, pb_text(1, key), PB_MESSAGE(2, pb_text(1, text)));
}

/* ---- objects and events ------------------------------------------------------------------ */

struct str pb_object(const char *kind, struct str message) {
  return PB(((struct str){"k8s\0", 4}), PB_MESSAGE(1, pb_text(1, "v1"), pb_text(2, kind)),
            pb_bytes(2, message), pb_text(3, ""), pb_text(4, ""));
}

struct str pb_event(const char *type, struct str object) {
  return PB(pb_text(1, type), PB_MESSAGE(2, pb_bytes(1, object)));
}

struct str pb_frame(struct str message) {
  size_t length = message.len;
  char head[] = {(char)(length >> 24), (char)(length >> 16), (char)(length >> 8), (char)length};
  return PB(((struct str){head, sizeof(head)}), message);
}

struct str pb_pod(const char *name, const char *version) {
  return pb_object("Pod", PB_MESSAGE(1, pb_text(1, name), pb_text(6, version)));
}

struct str pb_pod_event(const char *type, const char *name, const char *version) {
  return pb_frame(pb_event(type, pb_pod(name, version)));
}

struct str pb_bookmark(const char *version) {
  return pb_pod_event("BOOKMARK", "", version);
}

struct str pb_initial_end(const char *version) {
  struct str metadata =
      PB_MESSAGE(1, pb_text(6, version), pb_pair(12, "k8s.io/initial-events-end", "true"));
  return pb_frame(pb_event("BOOKMARK", pb_object("Pod", metadata)));
}

struct str pb_status(int code, const char *reason, const char *message) {
  return pb_object("Status", PB(PB_MESSAGE(1, pb_text(1, "")), pb_text(2, "Failure"),
                                pb_text(3, message), pb_text(4, reason), pb_number(6, code)));
}
