/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One watch request: lines of JSON or frames of protobuf in, events out, and what its end means.
 */
#include "kube_internal.h"
#include "src/kube/protobuf.h"

enum {
  GRACE_MS = 15000,        /* the server ends a watch; if it does not, we do */
  INITIAL_IDLE_MS = 10000, /* in a list under way a pause means that no end will be sent */
  INITIAL_FACTOR = 10,     /* of the time for a page, for the whole list */
};

struct stream {
  struct kube_watch *watch;
  struct exchange exchange;
  struct lines lines;   /* of JSON */
  struct frames frames; /* of protobuf */
  struct buf json;      /* what a frame's object says */
  struct sys_mono began;
  bool is_initial;    /* the list has not ended yet */
  bool is_judged;     /* by an event: `end` holds */
  enum watch_end end; /* why the receiver ended it */
};

static bool finish(struct stream *stream, enum watch_end end) {
  stream->end = end;
  stream->is_judged = true;
  return false;
}

/* ---- events ------------------------------------------------------------------------------ */

static bool set_version(struct stream *stream, struct str object, struct err *reterr) {
  static const char *const keys[] = {"metadata", "resourceVersion", NULL};
  struct kube_watch *watch = stream->watch;
  struct str version;
  if (!scan_text_at(object, keys, &version) || version.len == 0 ||
      version.len > KUBE_RESOURCE_VERSION_MAX) {
    err_set(reterr, ERR_INVALID, "an event has no metadata.resourceVersion");
    return finish(stream, WATCH_BROKEN);
  }
  /* A list that is cut off must not be taken up in its middle. */
  if (stream->is_initial)
    return true;
  memcpy(watch->resource_version, version.ptr, version.len);
  watch->resource_version[version.len] = '\0';
  return true;
}

static bool is_end_of_list(struct str object) {
  static const char *const keys[] = {"metadata", "annotations", "k8s.io/initial-events-end", NULL};
  struct str value;
  return scan_text_at(object, keys, &value) && str_is(value, "true");
}

static bool on_bookmark(struct stream *stream, struct str object, struct err *reterr) {
  struct kube_watch *watch = stream->watch;
  if (!stream->is_initial)
    return set_version(stream, object, reterr);
  if (!is_end_of_list(object)) {
    err_set(reterr, ERR_INVALID, "the server does not stream lists");
    return finish(stream, WATCH_UNSUPPORTED);
  }
  stream->is_initial = false;
  if (!set_version(stream, object, reterr))
    return false;
  stream->exchange.idle_ms = watch->options.idle_ms;
  watch_synced(watch);
  return true;
}

/* A Status in place of an object: the server ends the watch. */
static bool on_error(struct stream *stream, struct str object, struct err *reterr) {
  struct str raw;
  int64_t code = 0;
  if (!scan_member(object, "code", &raw) || !i64_parse(raw, &code) || code < 400 || code > 999)
    code = 500;
  status_error((unsigned)code, object, NULL, reterr);
  stream->watch->failed_status = (unsigned)code;
  return finish(stream, code == 410 ? WATCH_EXPIRED : WATCH_FAILED);
}

static bool on_object(struct stream *stream, struct str type, struct str object,
                      struct err *reterr) {
  struct kube_watch *watch = stream->watch;
  struct kube_object given = {.kind = watch->options.kind, .json = object};
  if (stream->is_initial && ++watch->list_objects > watch->options.max_objects) {
    err_set(reterr, ERR_LIMIT, "the list has more than %lld objects",
            (long long)watch->options.max_objects);
    return finish(stream, WATCH_FAILED);
  }
  if (str_is(type, "DELETED"))
    watch->sink.deleted(watch->sink.ctx, &given);
  else
    watch->sink.object(watch->sink.ctx, &given);
  /* Behind the call: what was not handed over must come again. */
  return set_version(stream, object, reterr);
}

static bool on_unreadable(struct stream *stream, struct err *reterr) {
  err_set(reterr, ERR_INVALID, "%s of the watch is no event",
          stream->exchange.is_protobuf ? "a message" : "a line");
  return finish(stream, WATCH_BROKEN);
}

/* Its metadata say what it was. A deletion must not be missed: the list will show it. */
static bool on_lost(struct stream *stream, struct str type, struct str object,
                    const struct err *why, struct err *reterr) {
  static const char *const keys[] = {"metadata", "resourceVersion", NULL};
  struct str version;
  if (!str_is(type, "ADDED") && !str_is(type, "MODIFIED")) {
    *reterr = *why;
    return finish(stream, WATCH_BROKEN);
  }
  watch_lose(stream->watch, object, why);
  return !scan_text_at(object, keys, &version) || set_version(stream, object, reterr);
}

static bool is_late(const struct stream *stream) {
  int64_t limit_ms = stream->watch->options.list_timeout_ms * INITIAL_FACTOR;
  return stream->is_initial &&
         sys_mono_us_between(stream->began, sys_mono_coarse()) / 1000 > limit_ms;
}

static void say_too_long(const struct stream *stream, struct err *ret) {
  err_set(ret, ERR_LIMIT, "an object is longer than %zu bytes",
          stream->watch->options.max_object_bytes);
}

/* `lost`: why the object is not whole; NULL: it is. */
static bool on_event(struct stream *stream, struct str type, struct str object,
                     const struct err *lost, struct err *reterr) {
  if (lost)
    return on_lost(stream, type, object, lost, reterr);
  if (str_is(type, "ADDED") || str_is(type, "MODIFIED") || str_is(type, "DELETED"))
    return on_object(stream, type, object, reterr);
  if (str_is(type, "BOOKMARK"))
    return on_bookmark(stream, object, reterr);
  return str_is(type, "ERROR") ? on_error(stream, object, reterr) : on_unreadable(stream, reterr);
}

/* Counts what comes; false when it comes too late. */
static bool is_in_time(struct stream *stream, struct err *reterr) {
  (void)atomic_fetch_add(&stream->watch->events, 1);
  if (!is_late(stream))
    return true;
  err_set(reterr, ERR_UNAVAILABLE, "the streamed list does not end");
  return finish(stream, WATCH_UNSUPPORTED);
}

static bool on_line(void *ctx, struct str line, bool is_cut, struct err *reterr) {
  static const char *const type_keys[] = {"type", NULL};
  struct stream *stream = ctx;
  struct str type, object;
  struct err why;
  if (!is_in_time(stream, reterr))
    return false;
  bool is_read = scan_text_at(line, type_keys, &type) && scan_member(line, "object", &object) &&
                 object.ptr[0] == '{';
  if (!is_read || (!is_cut && !scan_is_closed(line)))
    return on_unreadable(stream, reterr);
  if (is_cut)
    say_too_long(stream, &why);
  return on_event(stream, type, object, is_cut ? &why : NULL, reterr);
}

static bool on_frame(void *ctx, struct str frame, bool is_cut, struct err *reterr) {
  struct stream *stream = ctx;
  struct str type, object;
  struct err why;
  if (!is_in_time(stream, reterr))
    return false;
  if (!proto_event(frame, is_cut, &type, &object))
    return on_unreadable(stream, reterr);
  buf_clear(&stream->json);
  bool is_whole = !is_cut && proto_object_json(object, &stream->json, &why);
  if (is_cut || (!is_whole && why.code == ERR_LIMIT))
    say_too_long(stream, &why);
  if (!is_whole) {
    buf_clear(&stream->json);
    proto_cut_metadata_json(object, &stream->json);
  }
  return on_event(stream, type, buf_str(&stream->json), is_whole ? NULL : &why, reterr);
}

static bool take_piece(void *ctx, struct str piece, struct err *reterr) {
  struct stream *stream = ctx;
  return stream->exchange.is_protobuf
             ? frames_feed(&stream->frames, piece, on_frame, stream, reterr)
             : lines_feed(&stream->lines, piece, on_line, stream, reterr);
}

/* ---- the request ------------------------------------------------------------------------- */

static bool make_path(const struct kube_watch *watch, bool is_initial, int64_t seconds,
                      struct buf *path, struct err *reterr) {
  if (!watch_path(watch, path, reterr))
    return false;
  kube_path_query(path, "watch", STR_LIT("1"));
  kube_path_query(path, "allowWatchBookmarks", STR_LIT("true"));
  path_query_int(path, "timeoutSeconds", seconds);
  if (is_initial) {
    kube_path_query(path, "sendInitialEvents", STR_LIT("true"));
    kube_path_query(path, "resourceVersionMatch", STR_LIT("NotOlderThan"));
  } else {
    kube_path_query(path, "resourceVersion", str_of(watch->resource_version));
  }
  return true;
}

/* Why the exchange ended, if no event has said so. */
static enum watch_end judge(struct stream *stream, bool ok, struct err *reterr) {
  unsigned status = stream->exchange.status;
  if (stream->is_judged)
    return stream->end;
  if (ok && stream->is_initial) {
    err_set(reterr, ERR_UNAVAILABLE, "the streamed list ended in its middle");
    return WATCH_FAILED;
  }
  if (ok)
    return WATCH_ENDED;
  bool is_refused = status == 400 || status == 422; /* a field that it does not know or allow */
  bool is_silent = status == 200 && stream->exchange.was_idle;
  if (stream->is_initial && (is_refused || is_silent))
    return WATCH_UNSUPPORTED;
  return watch_judge(stream->watch, &stream->exchange);
}

enum watch_end watch_stream(struct kube_watch *watch, bool is_initial, struct err *reterr) {
  int64_t asked = watch->options.watch_seconds;
  int64_t seconds = asked + (int64_t)(random_step(&watch->random) % (uint64_t)asked);
  CLEANUP_BUF struct buf path;
  buf_init(&path, 32 << 10);
  if (!make_path(watch, is_initial, seconds, &path, reterr))
    return WATCH_FAILED;
  int64_t idle_ms = watch->options.idle_ms;
  if (is_initial && idle_ms > INITIAL_IDLE_MS)
    idle_ms = INITIAL_IDLE_MS;
  struct stream stream = {
      .watch = watch,
      .is_initial = is_initial,
      .began = sys_mono_now(),
      .exchange = {.method = KUBE_GET,
                   .url = path.ptr,
                   .may_be_protobuf = proto_message_of(str_of(watch->options.kind->kind)),
                   .timeout_ms = seconds * 1000 + GRACE_MS,
                   .idle_ms = idle_ms,
                   .stops = {watch->stop, watch->interrupt},
                   .body_piece = take_piece,
                   .heard_ns = &watch->heard_ns}};
  stream.exchange.ctx = &stream;
  lines_init(&stream.lines, watch->options.max_object_bytes);
  frames_init(&stream.frames, watch->options.max_object_bytes);
  buf_init(&stream.json, watch->options.max_object_bytes);
  if (is_initial) {
    watch->list_objects = 0;
    watch->sink.begin(watch->sink.ctx);
  }
  (void)atomic_fetch_add(&watch->connections, 1);
  bool ok = client_exchange(watch->client, &stream.exchange, reterr);
  enum watch_end end = judge(&stream, ok, reterr);
  lines_done(&stream.lines);
  frames_done(&stream.frames);
  buf_done(&stream.json);
  exchange_done(&stream.exchange);
  return end;
}
