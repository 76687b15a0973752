/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bottom up: *transport* makes one HTTP exchange on libcurl and knows nothing of
 * Kubernetes; *credentials* keep what proves who we are, fresh; the *client* has a pool of
 * transports, repeats what the server asks to repeat and reads Status objects; *watch* is a loop
 * around two readers of streams, one for lists, one for lines.
 */
#ifndef SLICEGATE_KUBE_INTERNAL_H
#define SLICEGATE_KUBE_INTERNAL_H

#include "slicegate/doc.h"
#include "slicegate/kube.h"
#include "slicegate/sys.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- configuration (config.c, kubeconfig.c, kubeconfig_user.c) --------------------------- */

/* Bytes that a kubeconfig embeds, or names a file for. Neither: is_set is false. */
struct source {
  bool is_set;
  const char *path; /* NULL: `data` */
  struct str data;
  struct str origin; /* "file:line: users[].user.tokenFile", for errors */
};

enum exec_version { EXEC_V1, EXEC_V1BETA1 };

struct exec_plugin {
  enum exec_version version;
  const char *command; /* a path, or a name to be looked for in $PATH */
  const char *const *args;
  size_t arg_count;
  const char *const *env; /* "NAME=value" */
  size_t env_count;
  bool wants_cluster;
  struct str install_hint;
  struct str origin;
};

struct kube_config {
  struct arena *arena;
  struct str server;
  struct str namespace;
  struct source ca;
  bool skip_tls_verify;
  const char *tls_server_name; /* NULL: the server's own */
  const char *proxy_url;       /* NULL: as the environment says */
  struct source cert, key;
  struct source token;
  const struct exec_plugin *exec; /* NULL: none */
};

/*
 * Reads and merges files ("a:b"), or the one file that must exist. Returns false with
 * ERR_NOT_FOUND when none of several exists.
 */
bool kubeconfig_read(struct kube_config *config, struct str paths, bool must_exist,
                     const char *context, struct err *reterr) SG_MUST_CHECK;
/* Of the service account that a pod has. */
bool in_cluster_read(struct kube_config *config, const struct kube_config_request *request,
                     struct err *reterr) SG_MUST_CHECK;
/* A server's address is https, or http to this machine; takes slashes off its end. */
bool config_set_server(struct kube_config *config, struct str url, const char *origin,
                       struct err *reterr) SG_MUST_CHECK;

/* One parsed file, and an entry found in it. */
struct kubeconfig_file {
  const char *path;
  const struct doc_node *root;
};
/* "file:line: field: text", with the line of the nearest node that exists. */
bool kubeconfig_fail(const struct kubeconfig_file *file, const struct doc_node *at,
                     const char *field, struct err *reterr, const char *fmt, ...) SG_PRINTF(5, 6);
/* Text of a field; an absent one and null are empty; other types are an error. */
bool kubeconfig_text(const struct kubeconfig_file *file, const struct doc_node *mapping,
                     const char *parent, const char *key, struct str *ret,
                     struct err *reterr) SG_MUST_CHECK;
bool kubeconfig_bool(const struct kubeconfig_file *file, const struct doc_node *mapping,
                     const char *parent, const char *key, bool *ret,
                     struct err *reterr) SG_MUST_CHECK;
/* "<key>-data" in base64, else the path under <key>. */
bool kubeconfig_source(struct kube_config *config, const struct kubeconfig_file *file,
                       const struct doc_node *mapping, const char *parent, const char *key,
                       struct source *ret, struct err *reterr) SG_MUST_CHECK;
/* `path` as it is meant by a file: relative to its folder. NUL-terminated. */
const char *kubeconfig_path(struct arena *arena, const struct kubeconfig_file *file,
                            struct str path);
bool kubeconfig_user(struct kube_config *config, const struct kubeconfig_file *file,
                     const struct doc_node *user, struct err *reterr) SG_MUST_CHECK;

/* RFC 4648 with padding; white space between is skipped. False: it is no base64. */
bool base64_decode(struct arena *arena, struct str text, struct str *ret) SG_MUST_CHECK;

/* ---- stopping (stop.c) ------------------------------------------------------------------- */

struct kube_stop {
  _Atomic bool is_raised;
  int event_fd; /* readable once raised */
};
/* Down again: for the one thread that looks at it, and then at what it was raised for. */
void stop_lower(struct kube_stop *stop);
/* Waits; false when it was stopped. */
bool stop_sleep(const struct kube_stop *stop, int64_t ms) SG_MUST_CHECK;

/* ---- exec plugins (exec_run.c, exec_credential.c) ---------------------------------------- */

enum { EXEC_TIMEOUT_MS = 60000 };

/*
 * Runs a program without a shell; its standard output, up to a maximum. Errors tell what it wrote
 * to standard error. It, and what it started, are killed when the time is over or it says too much.
 */
bool exec_run(const struct exec_plugin *plugin, const char *info, int64_t timeout_ms,
              const struct kube_stop *stop, struct buf *out, struct err *reterr) SG_MUST_CHECK;
/* The value of KUBERNETES_EXEC_INFO. */
void exec_write_info(const struct kube_config *config, struct str ca_pem, struct buf *out);

struct exec_reply {
  struct str token, cert_pem, key_pem; /* in the arena */
  int64_t expires_seconds;             /* since 1970; INT64_MAX: never */
};
bool exec_read_reply(struct arena *arena, enum exec_version version, struct str text,
                     struct exec_reply *ret, struct err *reterr) SG_MUST_CHECK;

/* ---- credentials (credentials.c) --------------------------------------------------------------
 */

/* What a request is made with. Immutable, counted. */
struct identity {
  _Atomic int refs;
  struct arena *arena;
  struct str ca_pem, cert_pem, key_pem; /* empty: none */
  struct str authorization;             /* "Authorization: Bearer ...", NUL-terminated, or empty */
  int64_t expires_seconds;              /* since 1970; INT64_MAX: never */
};
void identity_unref(struct identity *identity);

struct credentials {
  const struct kube_config *config;
  int64_t reread_ms;
  pthread_mutex_t mutex; /* held while a plugin runs: who comes meanwhile needs its answer, too */
  struct identity *current;
  struct sys_mono looked; /* at the files */
};
void credentials_init(struct credentials *credentials, const struct kube_config *config,
                      int64_t reread_ms);
void credentials_done(struct credentials *credentials);
/*
 * Those of now, made anew when they are old or are `refused`, the ones that the server did not
 * take (NULL: none). Files that cannot be read for a while leave the old ones in use.
 */
struct identity *credentials_get(struct credentials *credentials, const struct identity *refused,
                                 const struct kube_stop *stop, struct err *reterr) SG_MUST_CHECK;

/* ---- transport (transport.c) ------------------------------------------------------------- */

enum { RESPONSE_HEADERS_MAX_BYTES = 64 << 10, FAILURE_MAX_BYTES = 64 << 10 };

struct exchange {
  enum kube_method method;
  const char *url; /* path with query; the server's part is the transport's */
  const char *content_type;
  struct str body;
  bool is_unpacked;     /* ask for gzip */
  bool may_be_protobuf; /* ask for objects as protobuf.h has them, or else for JSON */
  int64_t timeout_ms;
  int64_t idle_ms; /* no byte for so long: a dead connection; 0: no such limit */
  const struct kube_stop *stops[2];
  /* A piece of the body of a 2xx answer. False ends the exchange, with *reterr filled. */
  bool (*body_piece)(void *ctx, struct str piece, struct err *reterr);
  void *ctx;
  _Atomic int64_t *heard_ns; /* monotonic time of the last byte; may be NULL */
  /* Filled: */
  unsigned status;
  bool is_protobuf;       /* what the body is; known before its first piece */
  bool was_idle;          /* ended by idle_ms */
  int64_t retry_after_ms; /* -1: not said */
  struct buf failure;     /* the start of the body of another answer; exchange_done it */
  char reason[64];        /* by the client, as in kube_response */
};
void exchange_done(struct exchange *exchange);

/* A connection of its own, for one thread at a time. */
struct transport;
struct transport *transport_new(const struct kube_config *config, const char *user_agent,
                                int64_t connect_timeout_ms, struct err *reterr) SG_MUST_CHECK;
void transport_free(struct transport *transport);
/* True: a whole answer, of whatever status. */
bool transport_run(struct transport *transport, const struct identity *identity,
                   struct exchange *exchange, struct err *reterr) SG_MUST_CHECK;

/* ---- client (client.c, status.c) ----------------------------------------------------------------
 */

enum { IDLE_TRANSPORTS_MAX = 32 }; /* more than the nominator and bind use at once */

struct kube_client {
  const struct kube_config *config;
  char user_agent[128];
  int64_t connect_timeout_ms;
  struct credentials credentials;
  pthread_mutex_t mutex; /* guards what follows */
  struct transport *idle[IDLE_TRANSPORTS_MAX];
  size_t idle_count;
  uint64_t random;
};

/*
 * An exchange with credentials, which are renewed once when the server says 401. True: a whole
 * answer of 2xx. False: *reterr, and exchange->status and reason where there was an answer.
 */
bool client_exchange(struct kube_client *client, struct exchange *exchange,
                     struct err *reterr) SG_MUST_CHECK;

/* Fills *reterr (and reason, if not NULL) from a status and the Status object in `body`, which
 * may be anything. Returns false. */
bool status_error(unsigned status, struct str body, char reason[64], struct err *reterr);

/* ---- JSON without trees (json_scan.c, json_put.c) ---------------------------------------- */

static inline bool scan_is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
/*
 * The bytes of a member's value in the text of an object. Values are skipped by their brackets and
 * quotes, not checked. False: it is not there, or the text is no object. Keys with escapes match
 * nothing.
 */
bool scan_member(struct str object, const char *key, struct str *ret) SG_MUST_CHECK;
/* "metadata", "resourceVersion" one after the other, NULL behind; a string without escapes. */
bool scan_text_at(struct str object, const char *const *keys, struct str *ret) SG_MUST_CHECK;
/* Whether all brackets and quotes of a value are closed, and nothing stands behind it. */
bool scan_is_closed(struct str value) SG_MUST_CHECK;

/* A query argument that is a number (path.c). */
void path_query_int(struct buf *out, const char *key, int64_t value);

/* ---- writes (writes.c, event.c, lease.c) ------------------------------------------------- */

/* ,"key":"value" */
void put_member(struct buf *out, const char *key, struct str value);
/* "2026-01-01T00:00:00.000000Z" in quotes, as MicroTime must be written. */
void put_micro_time(struct buf *out, int64_t us);
/* A call with this path and JSON body in place of the request's own; those that could not be made
 * are an error. */
bool write_call(struct kube_client *client, const struct kube_request *request,
                const struct buf *path, const struct buf *body, struct kube_response *ret,
                struct err *reterr) SG_MUST_CHECK;

/* ---- streams (lines.c, list_reader.c) ---------------------------------------------------- */

/* Cuts a stream into lines. A longer one is given by its first `max` bytes. */
struct lines {
  struct buf line;
  bool is_cut; /* the line under way is too long */
};
typedef bool lines_fn(void *ctx, struct str line, bool is_cut, struct err *reterr);
void lines_init(struct lines *lines, size_t max);
void lines_done(struct lines *lines);
void lines_reset(struct lines *lines);
bool lines_feed(struct lines *lines, struct str piece, lines_fn *each, void *ctx,
                struct err *reterr) SG_MUST_CHECK;

/*
 * Cuts a List ({"metadata":{...},"items":[...]}) into its items while it comes. Only one item is
 * in memory at a time.
 */
struct list_reader {
  int state;
  unsigned depth; /* of brackets inside the value under way */
  bool is_string, is_escape, is_cut, is_items;
  char key[32];
  size_t key_len;
  struct buf value; /* of an item, or of a member beside the items */
  size_t offset;    /* in the text, for errors */
  char continue_token[4096];
  char resource_version[KUBE_RESOURCE_VERSION_MAX + 1];
  lines_fn *each;
  void *ctx;
};
void list_reader_init(struct list_reader *reader, size_t max_item, lines_fn *each, void *ctx);
void list_reader_done(struct list_reader *reader);
/* For the next page. */
void list_reader_reset(struct list_reader *reader);
bool list_reader_feed(struct list_reader *reader, struct str piece,
                      struct err *reterr) SG_MUST_CHECK;
/* Whether the text was whole. */
bool list_reader_end(const struct list_reader *reader, struct err *reterr) SG_MUST_CHECK;

/* ---- watching (watch.c, watch_list.c, watch_stream.c, backoff.c) ------------------------- */

/* splitmix64 */
uint64_t random_step(uint64_t *state);

struct backoff {
  int64_t min_ms, max_ms, next_ms;
  uint64_t random;
};
void backoff_init(struct backoff *backoff, int64_t min_ms, int64_t max_ms, uint64_t seed);
void backoff_reset(struct backoff *backoff);
/* How long to wait now; twice as long the next time. Plus up to as much at random. */
int64_t backoff_next(struct backoff *backoff);

/* How an exchange of a watch ended. */
enum watch_end {
  WATCH_ENDED,       /* as it should */
  WATCH_FAILED,      /* try again later, from where it was */
  WATCH_EXPIRED,     /* 410: list again */
  WATCH_BROKEN,      /* something that cannot be read: list again, later */
  WATCH_UNSUPPORTED, /* streaming a list */
};

struct kube_watch {
  struct kube_client *client;
  struct kube_watch_options options; /* with defaults and copied strings */
  struct kube_sink sink;
  struct arena *arena;
  struct kube_stop *stop;
  struct kube_stop *interrupt; /* raised: `asked` has grown */
  pthread_t thread;
  /* From here on the thread's alone. */
  int64_t answers; /* what `asked` was when the last list began */
  char resource_version[KUBE_RESOURCE_VERSION_MAX + 1]; /* empty: list first */
  bool can_stream;
  struct backoff backoff;
  uint64_t random;
  unsigned failed_status; /* with the error of the last exchange */
  int64_t failed_retry_after_ms;
  int64_t list_objects; /* of the list under way */
  unsigned empty_pages;
  unsigned expired_in_a_row; /* without a stream between that ended well */
  /* Read by others. */
  _Atomic int64_t asked, answered; /* lists anew */
  _Atomic int64_t lists, connections, events, lost, failures, heard_ns;
  _Atomic bool is_synced;
};

/* Lists in pages, then without pages if the list expired meanwhile; begin ... synced. */
enum watch_end watch_list(struct kube_watch *watch, struct err *reterr) SG_MUST_CHECK;
/* Follows from resource_version; with `is_initial` streams the list first. */
enum watch_end watch_stream(struct kube_watch *watch, bool is_initial,
                            struct err *reterr) SG_MUST_CHECK;
/* The collection's path with the selectors. */
bool watch_path(const struct kube_watch *watch, struct buf *out, struct err *reterr) SG_MUST_CHECK;
/* A list is complete: tells the sink. */
void watch_synced(struct kube_watch *watch);
/* Tells of an object that was left out; `prefix` is what is known of its text. */
void watch_lose(struct kube_watch *watch, struct str prefix, const struct err *why);
/*
 * Waits before another try, as long as the server asks and the back-off says; tells why, if
 * `err` is not NULL. False when it was stopped.
 */
bool watch_wait(struct kube_watch *watch, const struct err *err);
/* What a failed exchange means. */
enum watch_end watch_judge(struct kube_watch *watch, const struct exchange *exchange);

#endif
