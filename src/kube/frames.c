/* SPDX-License-Identifier: Apache-2.0 */
/* Messages out of a stream that may be split anywhere. */
#include "src/kube/protobuf.h"

void frames_init(struct frames *frames, size_t max) {
  *frames = (struct frames){.head_len = 0};
  buf_init(&frames->frame, max);
}

void frames_done(struct frames *frames) {
  buf_done(&frames->frame);
}

/* Appends as much as fits. */
static void keep(struct frames *frames, struct str part) {
  size_t room = frames->frame.max - frames->frame.len;
  if (part.len > room) {
    frames->is_cut = true;
    part.len = room;
  }
  buf_append_str(&frames->frame, part);
}

/* False: the length is not whole yet. */
static bool take_head(struct frames *frames, struct str *piece) {
  while (frames->head_len < sizeof(frames->head) && piece->len > 0) {
    frames->head[frames->head_len++] = (uint8_t)piece->ptr[0];
    *piece = str_skip(*piece, 1);
  }
  if (frames->head_len < sizeof(frames->head))
    return false;
  frames->left = (size_t)frames->head[0] << 24 | (size_t)frames->head[1] << 16 |
                 (size_t)frames->head[2] << 8 | (size_t)frames->head[3];
  return true;
}

bool frames_feed(struct frames *frames, struct str piece, frames_fn *each, void *ctx,
                 struct err *reterr) {
  while (piece.len > 0) {
    bool is_begun = frames->head_len == sizeof(frames->head);
    if (!is_begun && !take_head(frames, &piece))
      break;
    size_t here = piece.len < frames->left ? piece.len : frames->left;
    struct str part = {piece.ptr, here};
    piece = str_skip(piece, here);
    frames->left -= here;
    /* A frame that came in one piece is not copied. */
    bool is_direct = !is_begun && frames->left == 0 && part.len <= frames->frame.max;
    if (!is_direct)
      keep(frames, part);
    if (frames->left > 0)
      break;
    bool ok = each(ctx, is_direct ? part : buf_str(&frames->frame), frames->is_cut, reterr);
    buf_clear(&frames->frame);
    frames->head_len = 0;
    frames->is_cut = false;
    if (!ok)
      return false;
  }
  return true;
}
