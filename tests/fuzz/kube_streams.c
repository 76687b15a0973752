/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists and watches as they come: the same pieces whatever the cuts, values that are closed, and
 * looking members up in whatever it is. The first byte says where the text is cut.
 */
#include "src/kube/kube_internal.h"
#include "tests/support/fuzz_main.h"

enum { ITEM_MAX = 256 };

static void demand(bool holds) {
  if (!holds)
    __builtin_trap();
}

static bool take(void *ctx, struct str item, bool is_cut, struct err *reterr) {
  static const char *const keys[] = {"object", "metadata", "name", NULL};
  struct buf *out = ctx;
  struct str value;
  (void)reterr;
  demand(item.len <= ITEM_MAX && (!is_cut || item.len == ITEM_MAX));
  if (scan_text_at(item, keys, &value))
    demand(value.ptr > item.ptr && value.ptr + value.len < item.ptr + item.len);
  buf_append_str(out, item);
  buf_append_char(out, is_cut ? '~' : '|');
  return true;
}

/* Both count brackets alike. */
static bool take_item(void *ctx, struct str item, bool is_cut, struct err *reterr) {
  demand(is_cut || scan_is_closed(item));
  return take(ctx, item, is_cut, reterr);
}

static bool read_list(struct str text, size_t cut, struct buf *out) {
  struct list_reader reader;
  struct err err;
  list_reader_init(&reader, ITEM_MAX, take_item, out);
  bool ok = list_reader_feed(&reader, (struct str){text.ptr, cut}, &err) &&
            list_reader_feed(&reader, str_skip(text, cut), &err) && list_reader_end(&reader, &err);
  list_reader_done(&reader);
  return ok;
}

static void read_lines(struct str text, size_t cut, struct buf *out) {
  struct lines lines;
  struct err err;
  lines_init(&lines, ITEM_MAX);
  demand(lines_feed(&lines, (struct str){text.ptr, cut}, take, out, &err));
  demand(lines_feed(&lines, str_skip(text, cut), take, out, &err));
  demand(lines.line.len <= ITEM_MAX);
  lines_done(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  struct str text = {(const char *)data + 1, size - 1};
  size_t cut = text.len > 0 ? data[0] * 7 % text.len : 0;
  CLEANUP_BUF struct buf whole, parted;
  buf_init(&whole, 4 << 20);
  buf_init(&parted, 4 << 20);
  bool is_list = read_list(text, 0, &whole);
  demand(is_list == read_list(text, cut, &parted));
  read_lines(text, 0, &whole);
  read_lines(text, cut, &parted);
  demand(str_eq(buf_str(&whole), buf_str(&parted)));
  demand(!is_list || scan_is_closed(text));
  return 0;
}
