/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proves who we are. Tokens in files are replaced about every hour and plugins' answers
 * expire, so both are read again; requests under way keep the set that they began with.
 */
#include "kube_internal.h"

#include <stdlib.h>

static struct creds *creds_ref(struct creds *creds) {
  (void)atomic_fetch_add(&creds->refs, 1);
  return creds;
}

void creds_unref(struct creds *creds) {
  if (creds && atomic_fetch_sub(&creds->refs, 1) == 1)
    arena_free(creds->arena);
}

void credentials_init(struct credentials *credentials, const struct kube_config *config,
                      int64_t reread_ms) {
  *credentials = (struct credentials){.config = config, .reread_ms = reread_ms};
  (void)pthread_mutex_init(&credentials->mutex, NULL);
}

void credentials_done(struct credentials *credentials) {
  creds_unref(credentials->current);
  (void)pthread_mutex_destroy(&credentials->mutex);
}

/* ---- making -------------------------------------------------------------------------------------
 */

static bool read_source(struct creds *creds, const struct source *source, struct str *ret,
                        struct err *reterr) {
  *ret = source->data;
  if (!source->is_set || !source->path)
    return true;
  CLEANUP_BUF struct buf bytes;
  if (!sys_file_read(source->path, KUBE_SECRET_MAX_BYTES, &bytes, reterr))
    return err_wrap(reterr, "%.*s", STR_FMT(source->origin));
  *ret = str_copy(creds->arena, buf_str(&bytes));
  return true;
}

static bool check_pem(const struct source *source, struct str pem, struct err *reterr) {
  static const char mark[] = "-----BEGIN ";
  if (!source->is_set || (pem.len > 0 && memmem(pem.ptr, pem.len, mark, sizeof(mark) - 1)))
    return true;
  return err_set(reterr, ERR_INVALID, "%.*s: is no PEM text", STR_FMT(source->origin));
}

/* A token stands in a header: nothing in it may end that. */
static bool set_token(struct creds *creds, struct str token, struct str origin,
                      struct err *reterr) {
  while (token.len > 0 && (unsigned char)token.ptr[token.len - 1] <= ' ')
    token.len--;
  for (size_t i = 0; i < token.len; i++) {
    if ((unsigned char)token.ptr[i] <= ' ' || (unsigned char)token.ptr[i] >= 0x7f)
      return err_set(reterr, ERR_INVALID, "%.*s: a token has no byte 0x%02x", STR_FMT(origin),
                     (unsigned char)token.ptr[i]);
  }
  if (token.len == 0)
    return err_set(reterr, ERR_INVALID, "%.*s: the token is empty", STR_FMT(origin));
  creds->authorization = str_printf(creds->arena, "Authorization: Bearer %.*s", STR_FMT(token));
  return true;
}

static bool run_plugin(struct creds *creds, const struct kube_config *config,
                       const struct kube_stop *stop, struct err *reterr) {
  CLEANUP_BUF struct buf info, out;
  buf_init(&info, 2 * KUBE_SECRET_MAX_BYTES);
  buf_init(&out, KUBE_SECRET_MAX_BYTES);
  exec_write_info(config, creds->ca_pem, &info);
  struct exec_reply reply;
  if (!exec_run(config->exec, info.ptr, EXEC_TIMEOUT_MS, stop, &out, reterr))
    return false;
  struct str text = str_copy(creds->arena, buf_str(&out));
  if (!exec_read_reply(creds->arena, config->exec->version, text, &reply, reterr))
    return err_wrap(reterr, "%.*s: \"%s\"", STR_FMT(config->exec->origin), config->exec->command);
  creds->expires_seconds = reply.expires_seconds;
  if (reply.cert_pem.len > 0) {
    creds->cert_pem = reply.cert_pem;
    creds->key_pem = reply.key_pem;
  }
  return reply.token.len == 0 || set_token(creds, reply.token, config->exec->origin, reterr);
}

/* What the plugin said last is still good. */
static void keep_reply(struct creds *creds, const struct creds *old) {
  creds->expires_seconds = old->expires_seconds;
  creds->authorization = str_copy(creds->arena, old->authorization);
  creds->cert_pem = str_copy(creds->arena, old->cert_pem);
  creds->key_pem = str_copy(creds->arena, old->key_pem);
}

static bool fill(struct creds *creds, const struct kube_config *config, const struct creds *usable,
                 const struct kube_stop *stop, struct err *reterr) {
  struct str token;
  creds->expires_seconds = INT64_MAX;
  if (!read_source(creds, &config->ca, &creds->ca_pem, reterr) ||
      !check_pem(&config->ca, creds->ca_pem, reterr) ||
      !read_source(creds, &config->cert, &creds->cert_pem, reterr) ||
      !check_pem(&config->cert, creds->cert_pem, reterr) ||
      !read_source(creds, &config->key, &creds->key_pem, reterr) ||
      !check_pem(&config->key, creds->key_pem, reterr) ||
      !read_source(creds, &config->token, &token, reterr))
    return false;
  if (config->token.is_set && !set_token(creds, token, config->token.origin, reterr))
    return false;
  if (config->exec && usable)
    keep_reply(creds, usable);
  else if (config->exec)
    return run_plugin(creds, config, stop, reterr);
  return true;
}

static struct creds *make(const struct kube_config *config, const struct creds *usable,
                          const struct kube_stop *stop, struct err *reterr) {
  struct arena *arena = arena_new(8 << 10);
  struct creds *creds = arena_alloc(arena, sizeof(*creds));
  creds->arena = arena;
  atomic_store(&creds->refs, 1);
  if (fill(creds, config, usable, stop, reterr))
    return creds;
  arena_free(arena);
  return NULL;
}

/* ---- when
 * ------------------------------------------------------------------------------------------ */

static struct creds *get_locked(struct credentials *credentials, const struct creds *refused,
                                const struct kube_stop *stop, struct err *reterr) {
  struct creds *old = credentials->current;
  struct sys_mono now = sys_mono_now();
  bool is_usable = old && old != refused && sys_wall_now().ns / 1000000000 < old->expires_seconds;
  bool is_old = sys_mono_us_between(credentials->looked, now) / 1000 >= credentials->reread_ms;
  if (is_usable && !is_old)
    return creds_ref(old);
  struct creds *fresh = make(credentials->config, is_usable ? old : NULL, stop, reterr);
  if (!fresh && !is_usable)
    return NULL;
  credentials->looked = now;
  if (!fresh)
    return creds_ref(old);
  credentials->current = fresh;
  creds_unref(old);
  return creds_ref(fresh);
}

struct creds *credentials_get(struct credentials *credentials, const struct creds *refused,
                              const struct kube_stop *stop, struct err *reterr) {
  (void)pthread_mutex_lock(&credentials->mutex);
  struct creds *creds = get_locked(credentials, refused, stop, reterr);
  (void)pthread_mutex_unlock(&credentials->mutex);
  return creds;
}
