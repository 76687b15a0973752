/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watch in protobuf as it comes: the same messages wherever the stream is cut, and what is made
 * of an object is JSON. The first byte says where the stream is cut.
 */
#include "slicegate/doc.h"
#include "src/kube/kube_internal.h"
#include "src/kube/protobuf.h"
#include "tests/support/fuzz_main.h"

enum { FRAME_MAX_BYTES = 4096, JSON_MAX_BYTES = 1 << 20 };

static void demand(bool holds) {
  if (!holds)
    __builtin_trap();
}

static void check_json(struct str json) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  const struct doc_node *root;
  struct err err;
  demand(scan_is_closed(json));
  demand(doc_parse_json(arena, json, &doc_limits_review, &root, &err));
}

/* Appends what the object says. */
static void read_object(struct str object, struct buf *out) {
  CLEANUP_BUF struct buf json, less, metadata;
  struct err err;
  buf_init(&json, JSON_MAX_BYTES);
  buf_init(&metadata, JSON_MAX_BYTES);
  if (proto_object_json(object, &json, &err)) {
    check_json(buf_str(&json));
    /* One byte less does not hold it. */
    buf_init(&less, json.len - 1);
    demand(!proto_object_json(object, &less, &err) && err.code == ERR_LIMIT);
  } else {
    buf_init(&less, 1);
    demand(err.code == ERR_INVALID || err.code == ERR_LIMIT);
    buf_clear(&json);
  }
  proto_cut_metadata_json(object, &metadata);
  check_json(buf_str(&metadata));
  buf_append_str(out, buf_str(&json));
  buf_append_str(out, buf_str(&metadata));
}

static bool take(void *ctx, struct str frame, bool is_cut, struct err *reterr) {
  struct buf *out = ctx;
  struct str type, object;
  (void)reterr;
  demand(frame.len <= FRAME_MAX_BYTES && (!is_cut || frame.len == FRAME_MAX_BYTES));
  if (proto_event(frame, is_cut, &type, &object)) {
    demand(proto_is_object(object));
    demand(object.ptr > frame.ptr && object.ptr + object.len <= frame.ptr + frame.len);
    buf_append_str(out, type);
    read_object(object, out);
  }
  buf_append_char(out, is_cut ? '~' : '|');
  return true;
}

static void read_frames(struct str bytes, size_t cut, struct buf *out) {
  struct frames frames;
  struct err err;
  frames_init(&frames, FRAME_MAX_BYTES);
  demand(frames_feed(&frames, (struct str){bytes.ptr, cut}, take, out, &err));
  demand(frames_feed(&frames, str_skip(bytes, cut), take, out, &err));
  demand(frames.frame.len <= FRAME_MAX_BYTES);
  frames_done(&frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  struct str bytes = {(const char *)data + 1, size - 1};
  size_t cut = bytes.len > 0 ? data[0] * 7 % bytes.len : 0;
  CLEANUP_BUF struct buf whole, parted;
  buf_init(&whole, 4 << 20);
  buf_init(&parted, 4 << 20);
  read_frames(bytes, 0, &whole);
  read_frames(bytes, cut, &parted);
  demand(str_eq(buf_str(&whole), buf_str(&parted)));
  read_object(bytes, &whole); /* the body of a failure */
  return 0;
}
