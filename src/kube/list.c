/* SPDX-License-Identifier: Apache-2.0 */
/* A list to its end, for those who ask once. Who goes on watching has watch_list.c. */
#include "kube_internal.h"

enum { HTTP_GONE = 410, STARTS_MAX = 3, EMPTY_PAGES_MAX = 4 };

struct listing {
  struct kube_client *client;
  struct kube_list_request request; /* with every 0 replaced */
  struct list_reader reader;
  int64_t objects;
};

static bool take_object(void *ctx, struct str item, bool is_cut, struct err *reterr) {
  struct listing *listing = ctx;
  (void)is_cut; /* an item is part of a page, and that was not cut */
  if (++listing->objects > listing->request.max_objects)
    return err_set(reterr, ERR_LIMIT, "more than %lld %s", (long long)listing->request.max_objects,
                   listing->request.kind->plural);
  return listing->request.object(listing->request.ctx, item, reterr);
}

static bool page_path(const struct listing *listing, struct buf *out, struct err *reterr) {
  const struct kube_list_request *request = &listing->request;
  if (!kube_path(request->kind, request->namespace, (struct str){NULL, 0}, NULL, out, reterr))
    return false;
  if (request->field_selector.len)
    kube_path_query(out, "fieldSelector", request->field_selector);
  path_query_int(out, "limit", request->page);
  if (*listing->reader.continue_token)
    kube_path_query(out, "continue", str_of(listing->reader.continue_token));
  if (out->truncated)
    return err_set(reterr, ERR_LIMIT, "the path of the list is longer than %zu bytes", out->max);
  return true;
}

/* *ret_is_gone: the server no longer has the rest of this list. */
static bool get_page(struct listing *listing, bool *ret_is_gone, struct err *reterr) {
  CLEANUP_BUF struct buf path;
  CLEANUP_KUBE_RESPONSE struct kube_response response = {0};
  buf_init(&path, 32 << 10);
  *ret_is_gone = false;
  if (!page_path(listing, &path, reterr))
    return false;
  const struct kube_request call = {.method = KUBE_GET,
                                    .path = buf_str(&path),
                                    .max_bytes = listing->request.max_page_bytes,
                                    .timeout_ms = listing->request.timeout_ms,
                                    .stop = listing->request.stop};
  if (!kube_call(listing->client, &call, &response, reterr)) {
    *ret_is_gone = response.status == HTTP_GONE;
    return err_wrap(reterr, "list of %s", listing->request.kind->plural);
  }
  list_reader_reset(&listing->reader);
  return list_reader_feed(&listing->reader, buf_str(&response.body), reterr) &&
         list_reader_end(&listing->reader, reterr);
}

static bool get_pages(struct listing *listing, bool *ret_is_gone, struct err *reterr) {
  int empty_pages = 0;
  listing->objects = 0;
  listing->reader.continue_token[0] = '\0';
  if (listing->request.begin)
    listing->request.begin(listing->request.ctx);
  do {
    int64_t before = listing->objects;
    if (!get_page(listing, ret_is_gone, reterr))
      return false;
    if (listing->objects == before && ++empty_pages > EMPTY_PAGES_MAX)
      return err_set(reterr, ERR_INVALID, "the list of %s goes on without objects",
                     listing->request.kind->plural);
  } while (*listing->reader.continue_token);
  return true;
}

bool kube_list(struct kube_client *client, const struct kube_list_request *request,
               struct err *reterr) {
  struct listing listing = {.client = client, .request = *request};
  struct kube_list_request *mine = &listing.request;
  mine->page = mine->page ? mine->page : 500;
  mine->max_objects = mine->max_objects ? mine->max_objects : 5000000;
  mine->max_page_bytes = mine->max_page_bytes ? mine->max_page_bytes : (size_t)64 << 20;
  mine->timeout_ms = mine->timeout_ms ? mine->timeout_ms : 60000;
  list_reader_init(&listing.reader, mine->max_page_bytes, take_object, &listing);
  bool is_gone = true, is_done = false;
  for (int i = 0; i < STARTS_MAX && is_gone && !is_done; i++)
    is_done = get_pages(&listing, &is_gone, reterr);
  list_reader_done(&listing.reader);
  return is_done;
}
