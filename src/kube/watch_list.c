/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists, page by page. A later page that fails is asked for again: its objects may come twice,
 * which the sink allows. When the rest of a list has expired, it is listed anew without pages,
 * which cannot expire; no more of it is in memory at once than of a page.
 */
#include "kube_internal.h"

enum { PAGE_TRIES = 4, UNPAGED_FACTOR = 10 };

static bool take_item(void *ctx, struct str item, bool is_cut, struct err *reterr) {
  struct kube_watch *watch = ctx;
  if (++watch->list_objects > watch->options.max_objects)
    return err_set(reterr, ERR_LIMIT, "the list has more than %lld objects",
                   (long long)watch->options.max_objects);
  if (is_cut) {
    struct err why;
    err_set(&why, ERR_LIMIT, "an object of the list is longer than %zu bytes",
            watch->options.max_object_bytes);
    watch_lose(watch, item, &why);
    return true;
  }
  struct kube_object object = {.kind = watch->options.kind, .json = item};
  watch->sink.object(watch->sink.ctx, &object);
  return true;
}

static bool take_piece(void *ctx, struct str piece, struct err *reterr) {
  return list_reader_feed(ctx, piece, reterr);
}

static enum watch_end get_page(struct kube_watch *watch, struct list_reader *reader,
                               const char *token, bool is_paged, struct err *reterr) {
  CLEANUP_BUF struct buf path;
  buf_init(&path, 32 << 10);
  if (!watch_path(watch, &path, reterr))
    return WATCH_FAILED;
  if (is_paged)
    path_query_int(&path, "limit", watch->options.page);
  if (*token)
    kube_path_query(&path, "continue", str_of(token));
  list_reader_reset(reader);
  struct exchange exchange = {.method = KUBE_GET,
                              .url = path.ptr,
                              .is_unpacked = true,
                              .timeout_ms =
                                  watch->options.list_timeout_ms * (is_paged ? 1 : UNPAGED_FACTOR),
                              .idle_ms = watch->options.list_timeout_ms,
                              .stops = {watch->stop},
                              .body_piece = take_piece,
                              .ctx = reader,
                              .heard_ns = &watch->heard_ns};
  bool ok = client_exchange(watch->client, &exchange, reterr);
  enum watch_end end = ok ? WATCH_ENDED : watch_judge(watch, &exchange);
  exchange_done(&exchange);
  return ok && !list_reader_end(reader, reterr) ? WATCH_FAILED : end;
}

static enum watch_end get_page_patiently(struct kube_watch *watch, struct list_reader *reader,
                                         const char *token, bool is_paged, struct err *reterr) {
  int64_t objects_before = watch->list_objects;
  for (int i = 1;; i++) {
    watch->list_objects = objects_before;
    if (!*token) /* each time a list of another moment */
      watch->sink.begin(watch->sink.ctx);
    enum watch_end end = get_page(watch, reader, token, is_paged, reterr);
    /* What the server does not allow, or the limits do not, is no better the next time. */
    bool may_repeat = end == WATCH_FAILED && reterr->code == ERR_UNAVAILABLE && i < PAGE_TRIES;
    if (!may_repeat || !watch_wait(watch, reterr))
      return end;
  }
}

static enum watch_end get_pages(struct kube_watch *watch, struct list_reader *reader, bool is_paged,
                                struct err *reterr) {
  char token[sizeof(reader->continue_token)] = "";
  char version[sizeof(reader->resource_version)] = "";
  watch->list_objects = 0;
  do {
    int64_t objects_before = watch->list_objects;
    enum watch_end end = get_page_patiently(watch, reader, token, is_paged, reterr);
    if (end != WATCH_ENDED)
      return end;
    /* The first page's: all pages are of that moment. */
    if (!*version)
      memcpy(version, reader->resource_version, sizeof(version));
    memcpy(token, reader->continue_token, sizeof(token));
    if (*token && watch->list_objects == objects_before && ++watch->empty_pages > PAGE_TRIES) {
      err_set(reterr, ERR_INVALID, "the list goes on without objects");
      return WATCH_FAILED;
    }
  } while (*token);
  memcpy(watch->resource_version, version, sizeof(version));
  return WATCH_ENDED;
}

enum watch_end watch_list(struct kube_watch *watch, struct err *reterr) {
  struct list_reader reader;
  list_reader_init(&reader, watch->options.max_object_bytes, take_item, watch);
  watch->empty_pages = 0;
  enum watch_end end = get_pages(watch, &reader, true, reterr);
  if (end == WATCH_EXPIRED)
    end = get_pages(watch, &reader, false, reterr);
  list_reader_done(&reader);
  if (end == WATCH_ENDED)
    watch_synced(watch);
  return end;
}
