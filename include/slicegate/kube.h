/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube: a client of the Kubernetes API. Finds out where the server is and who we are, calls it,
 * keeps a receiver up to date with the objects of a kind, and makes the few writes that slicegate
 * needs. libcurl lives here and nowhere else.
 *
 * It does not read objects: they are handed over as the bytes that the server sent. It does not
 * log: what goes wrong is returned, or told to the sink. Whatever a server sends, the memory that
 * it can take is bounded by the limits below.
 *
 * Threads: a kube_config is immutable and may be read by many. A kube_client may be used by any
 * number of threads at once, each call on a connection of its own. A kube_watch has one thread,
 * which makes all calls of its sink. A kube_stop may be raised from any thread, not from a signal
 * handler.
 */
#ifndef SLICEGATE_KUBE_H
#define SLICEGATE_KUBE_H

#include "slicegate/base.h"

/* ---- where the server is, and who we are ------------------------------------------------- */

enum {
  KUBE_CONFIG_FILES_MAX = 32,
  KUBE_CONFIG_MAX_BYTES = 4 << 20, /* of one file, embedded certificates included */
  KUBE_SECRET_MAX_BYTES = 1 << 20, /* of a file or plugin's answer with a token, certificate, key */
};

/* What can be asked for; NULL means: as the environment says. */
struct kube_config_request {
  const char *kubeconfig; /* one path that must exist; NULL: $KUBECONFIG, else ~/.kube/config */
  const char *context;    /* NULL: current-context */
  const char *home;       /* NULL: $HOME */
  /* Of a pod: $KUBERNETES_SERVICE_HOST, _PORT, and where its service account is mounted. */
  const char *service_host;
  const char *service_port;
  const char *service_account; /* a folder */
};

/*
 * What it takes to reach one server as one user.
 *
 * $KUBECONFIG may list several files, ':' between. They are merged as kubectl does: the first file
 * that has a cluster, user or context of a name, or a current-context, decides it. Listed files
 * that do not exist are left out. When there is no file at all, the service account of the pod is
 * used. A proxy is the cluster's proxy-url, else what $HTTPS_PROXY and $NO_PROXY say. Only what the
 * context uses is looked at: another user's mistakes do no harm. Relative paths are relative to the
 * file that they stand in.
 *
 * Errors are "file:line: field: what is wrong". ERR_NOT_FOUND: nothing says where a server is.
 */
struct kube_config;
struct kube_config *kube_config_load(const struct kube_config_request *request,
                                     struct err *reterr) SG_MUST_CHECK;
void kube_config_free(struct kube_config *config);
void kube_config_free_ptr(struct kube_config **config);
#define CLEANUP_KUBE_CONFIG SG_CLEANUP(kube_config_free_ptr)

/* "https://10.0.0.1:6443", without a slash at its end. */
struct str kube_config_server(const struct kube_config *config);
/* The context's, or the pod's own; "default" when neither says. */
struct str kube_config_namespace(const struct kube_config *config);

/* ---- stopping ---------------------------------------------------------------------------- */

/*
 * Raised once, stays up: every call that was given it returns as soon as it can, with
 * ERR_UNAVAILABLE. (One that waits for a plugin which another call has started ends with that.)
 * Outlives the calls that use it.
 */
struct kube_stop;
struct kube_stop *kube_stop_new(struct err *reterr) SG_MUST_CHECK;
void kube_stop_free(struct kube_stop *stop);
void kube_stop_raise(struct kube_stop *stop);
bool kube_stop_is_raised(const struct kube_stop *stop); /* NULL: false */

/* ---- calls ------------------------------------------------------------------------------- */

struct kube_client;

/* 0 means the value in brackets. */
struct kube_client_options {
  const char *user_agent;     /* [slicegate/VERSION] */
  int64_t connect_timeout_ms; /* TCP and TLS [10,000] */
  int64_t reread_ms;          /* how old files with tokens and certificates may grow [30,000] */
  uint64_t seed;              /* of what is random: jitter of waits */
};

/* Reads no file and opens no connection yet. The configuration is borrowed. */
struct kube_client *kube_client_new(const struct kube_config *config,
                                    const struct kube_client_options *options,
                                    struct err *reterr) SG_MUST_CHECK;
/* When no call runs and every watch has been stopped. */
void kube_client_free(struct kube_client *client);

enum kube_method { KUBE_GET, KUBE_POST, KUBE_PUT, KUBE_PATCH, KUBE_DELETE };

struct kube_request {
  enum kube_method method;
  struct str path; /* escaped, with its query: see kube_path */
  const char *content_type;
  struct str body;
  size_t max_bytes;             /* of the answer, unpacked; 0: 16 MiB */
  int64_t timeout_ms;           /* for all of it, repetitions included; 0: 30,000 */
  const struct kube_stop *stop; /* may be NULL */
};

struct kube_response {
  unsigned status; /* of HTTP; 0: there was no answer */
  struct buf body;
  /* Of the Status object that came with a failure: "NotFound", "AlreadyExists", "Expired". */
  char reason[64];
  int64_t retry_after_ms; /* -1: the server did not say */
};
void kube_response_done(struct kube_response *response);
#define CLEANUP_KUBE_RESPONSE SG_CLEANUP(kube_response_done)

/*
 * True: an answer of 200 to 299. False: *reterr says why, in the server's words where there are
 * any, and ret->status tells what to do: 404, 409 (somebody was faster), 410, 422 are for
 * the caller. Codes: ERR_NOT_FOUND 404, ERR_EXISTS 409, ERR_INVALID other 4xx, ERR_LIMIT the
 * answer is too large, ERR_UNAVAILABLE 429, 5xx, no answer in time, stopped.
 *
 * Repeated within the timeout: once after a 401, with credentials read anew; after an answer with
 * Retry-After (429, 503), when that time has passed; once when a kept connection turns out to have
 * been closed by the server. Nothing else is: whether a write that got no answer was made is the
 * caller's to find out (and in the last case a write may have been made twice: a 409 can be the
 * answer to one's own). *ret is always filled; kube_response_done it.
 */
bool kube_call(struct kube_client *client, const struct kube_request *request,
               struct kube_response *ret, struct err *reterr) SG_MUST_CHECK;

/* ---- kinds and paths --------------------------------------------------------------------- */

struct kube_kind {
  const char *kind;    /* "Pod" */
  const char *group;   /* "" for the core group */
  const char *version; /* "v1" */
  const char *plural;  /* "pods" */
  bool is_namespaced;
};
extern const struct kube_kind kube_pods, kube_nodes, kube_namespaces, kube_leases, kube_events,
    kube_resource_slices, kube_resource_claims;

/*
 * "/api/v1/namespaces/NS/pods/NAME/binding". An empty name is the collection; an empty namespace
 * all namespaces (collections only). ERR_INVALID: a name that no object can have (empty where one
 * is needed, ".", "..", a slash, a percent sign, a control character, longer than 253).
 */
bool kube_path(const struct kube_kind *kind, struct str namespace, struct str name,
               const char *subresource, struct buf *out, struct err *reterr) SG_MUST_CHECK;
/* "?key=value", or "&key=value" when `out` has a question mark; the value is escaped. */
void kube_path_query(struct buf *out, const char *key, struct str value);

/* ---- listing ----------------------------------------------------------------------------- */

/* 0 means the value in brackets. */
struct kube_list_request {
  const struct kube_kind *kind;
  struct str namespace;      /* empty: all */
  struct str field_selector; /* "status.phase!=Succeeded" */
  int64_t page;              /* objects in a page [500] */
  int64_t max_objects;       /* beyond, it fails [5,000,000] */
  size_t max_page_bytes;     /* [64 MiB] */
  int64_t timeout_ms;        /* for a page [60,000] */
  const struct kube_stop *stop;
  void *ctx;
  /* Before the first object, and again when the rest of the list has expired: it starts over. */
  void (*begin)(void *ctx);
  /* The bytes are the server's; items of lists do not say their kind. False: no more of it. */
  bool (*object)(void *ctx, struct str json, struct err *reterr);
};
/* All objects of a kind as they are now, page by page, once. Fails as kube_call does. */
bool kube_list(struct kube_client *client, const struct kube_list_request *request,
               struct err *reterr) SG_MUST_CHECK;

/* ---- watching ---------------------------------------------------------------------------- */

/* Borrowed for the call. */
struct kube_object {
  const struct kube_kind *kind; /* items of lists do not say it themselves */
  struct str json;              /* as sent; closed brackets, otherwise not checked */
};

struct kube_watch_error {
  struct err err;
  unsigned status;     /* of HTTP, or of a Status event; 0: none */
  bool is_object_lost; /* one object was left out, the rest goes on; else the feed is down */
  char name[256];      /* of that object, "namespace/name" as far as known */
  int64_t retry_in_ms; /* of the feed */
};

/*
 * Who receives. All calls come from the watch's thread; none may be NULL. They may block, which
 * holds up the feed and nothing else.
 *
 * begin ... synced frame a full listing: at `synced` what was not handed over since the last
 * `begin` is gone, and readers should see the old content until then. A `begin` that follows a
 * `begin` starts over. Between listings, `object` adds or replaces, `deleted` removes; the same
 * change may come twice.
 */
struct kube_sink {
  void *ctx;
  void (*begin)(void *ctx);
  void (*object)(void *ctx, const struct kube_object *object);
  void (*deleted)(void *ctx, const struct kube_object *object); /* its last state */
  void (*synced)(void *ctx);
  void (*error)(void *ctx, const struct kube_watch_error *error);
};

/* 0 means the value in brackets. */
struct kube_watch_options {
  const struct kube_kind *kind; /* borrowed, as long as the watch */
  struct str namespace;         /* empty: all */
  struct str field_selector;    /* "status.phase!=Succeeded" */
  struct str label_selector;
  bool no_streaming;       /* list in pages, never with sendInitialEvents */
  int64_t page;            /* objects in a page of a list [500] */
  size_t max_object_bytes; /* larger objects are left out, counted and told [8 MiB] */
  int64_t max_objects;     /* of a list: beyond, it fails [5,000,000] */
  int64_t list_timeout_ms; /* for a page [60,000]; an unpaged list has ten times as long */
  int64_t idle_ms;         /* silence before a connection counts as dead [180,000] */
  int64_t watch_seconds;   /* asked of the server; up to twice that, at random [300] */
  int64_t backoff_min_ms;  /* [800] doubles with each failure, plus up to as much at random */
  int64_t backoff_max_ms;  /* [30,000] */
  uint64_t seed;           /* of what is random */
};

/*
 * A thread that lists and then follows a kind for ever: it pages (or streams the list where the
 * server can), resumes where a connection ended, and lists again when the server has forgotten
 * (410), when a line cannot be read, and never loses a change silently.
 */
struct kube_watch;
struct kube_watch *kube_watch_start(struct kube_client *client,
                                    const struct kube_watch_options *options,
                                    const struct kube_sink *sink, struct err *reterr) SG_MUST_CHECK;
/* Ends the thread and frees. No call of the sink runs after it. NULL is accepted. */
void kube_watch_stop(struct kube_watch *watch);

/*
 * Asks for a list anew, in place of what is under way, and returns what stats.relisted will have
 * reached once such a list has been handed over whole. It is read after the call, from the server's
 * quorum and not from a cache of it: what was written before is in it. While the server cannot be
 * reached it takes as long as the back-off.
 */
int64_t kube_watch_relist(struct kube_watch *watch);

struct kube_watch_stats {
  int64_t relisted;    /* the last kube_watch_relist that was answered; 0: none */
  int64_t lists;       /* complete ones */
  int64_t connections; /* watches begun */
  int64_t events;      /* of watches, bookmarks included */
  int64_t lost;        /* objects left out */
  int64_t failures;    /* of the feed */
  int64_t unheard_ms;  /* since the server was last heard of; -1: never */
  bool is_synced;      /* at least once */
};
void kube_watch_stats(const struct kube_watch *watch, struct kube_watch_stats *ret);

/* ---- writes ------------------------------------------------------------------------------ */

/*
 * Each makes one kube_call and returns as that does. ret may not be NULL: its status is what tells
 * a conflict from a failure.
 */

struct kube_pair {
  struct str key, value;
};

/* Binds a pod; 409: it is bound, being deleted, or is not the pod of this uid or version. */
struct kube_binding {
  struct str namespace, name;
  struct str uid;              /* guards against another pod of the name; empty: no guard */
  struct str resource_version; /* only if the pod is unchanged since; empty: however it is */
  struct str node;
  const struct kube_pair *annotations; /* written to the pod with the binding */
  size_t annotation_count;
  int64_t timeout_ms; /* as in kube_request */
};
bool kube_bind(struct kube_client *client, const struct kube_binding *binding,
               const struct kube_stop *stop, struct kube_response *ret,
               struct err *reterr) SG_MUST_CHECK;

enum kube_patch_type {
  KUBE_MERGE_PATCH,     /* with metadata.resourceVersion in it: only if unchanged, else 409 */
  KUBE_STRATEGIC_PATCH, /* the same; built-in kinds only */
  KUBE_JSON_PATCH,      /* a "test" operation that fails is 422 */
  KUBE_APPLY,           /* server-side apply of JSON or YAML; 409: another manager owns a field */
};
struct kube_patch {
  const struct kube_kind *kind;
  struct str namespace, name;
  const char *subresource; /* "status"; NULL: none */
  enum kube_patch_type type;
  struct str body;
  const char *field_manager; /* required for KUBE_APPLY; at most 128 characters */
  bool force;                /* KUBE_APPLY: take fields from other managers */
  bool dry_run;
  int64_t timeout_ms; /* as in kube_request */
};
bool kube_patch(struct kube_client *client, const struct kube_patch *patch,
                const struct kube_stop *stop, struct kube_response *ret,
                struct err *reterr) SG_MUST_CHECK;

/*
 * {"metadata":{"resourceVersion":...},"status":...} as a merge patch of the status subresource: a
 * compare-and-swap. An empty resource_version is no condition. `status_json` is an object.
 */
bool kube_patch_status(struct kube_client *client, const struct kube_kind *kind,
                       struct str namespace, struct str name, struct str resource_version,
                       struct str status_json, const struct kube_stop *stop,
                       struct kube_response *ret, struct err *reterr) SG_MUST_CHECK;

/* An Event of events.k8s.io/v1. Texts that are too long for it are cut, between characters. */
struct kube_event {
  const struct kube_kind *regarding; /* what it is about */
  struct str namespace, name, uid;   /* of that; an event on a cluster's object goes to "default" */
  struct str resource_version;       /* may be empty */
  bool is_warning;
  struct str reason;              /* "NoSliceLeft" */
  struct str action;              /* "Scheduling" */
  struct str note;                /* up to 1,024 bytes */
  struct str reporting_component; /* "slicegate.dev/extender" */
  struct str reporting_instance;  /* the pod's name */
  int64_t when_us;                /* since 1970 */
};
bool kube_post_event(struct kube_client *client, const struct kube_event *event,
                     const struct kube_stop *stop, struct kube_response *ret,
                     struct err *reterr) SG_MUST_CHECK;

/* A Lease of coordination.k8s.io/v1. Who holds it is judged by one's own clock since
 * resource_version last changed, never by renew_us: clocks differ. */
enum { KUBE_LEASE_HOLDER_MAX = 253, KUBE_RESOURCE_VERSION_MAX = 128 };
struct kube_lease {
  char holder[KUBE_LEASE_HOLDER_MAX + 1]; /* empty: nobody */
  int64_t duration_seconds;
  int64_t acquire_us; /* since 1970; 0: not set */
  int64_t renew_us;
  int64_t transitions;
  char resource_version[KUBE_RESOURCE_VERSION_MAX + 1]; /* what a write is conditional on */
};
/* 404: there is none. A timeout_ms of 0 is that of kube_request, here and below. */
bool kube_lease_get(struct kube_client *client, struct str namespace, struct str name,
                    const struct kube_stop *stop, int64_t timeout_ms, struct kube_lease *lease,
                    struct kube_response *ret, struct err *reterr) SG_MUST_CHECK;
/*
 * Creates it when lease->resource_version is empty (409: somebody did), else changes its spec
 * (a merge patch, so that labels and owners stay; 409: somebody was faster). On success
 * lease->resource_version is the new one.
 */
bool kube_lease_put(struct kube_client *client, struct str namespace, struct str name,
                    struct kube_lease *lease, const struct kube_stop *stop, int64_t timeout_ms,
                    struct kube_response *ret, struct err *reterr) SG_MUST_CHECK;

/* One string as JSON, quotes included, for bodies. What is not UTF-8 becomes U+FFFD. */
void kube_json_string(struct buf *out, struct str text);

#endif
