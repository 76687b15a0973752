/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proves who we are. Tokens in files are replaced about every hour and plugins' answers
 * expire, so both are read again; requests under way keep the set that they began with.
 */
#include "kube_internal.h"

#include <stdlib.h>

static struct identity *identity_ref(struct identity *identity) {
  (void)atomic_fetch_add(&identity->refs, 1);
  return identity;
}

void identity_unref(struct identity *identity) {
  if (identity && atomic_fetch_sub(&identity->refs, 1) == 1)
    arena_free(identity->arena);
}

void credentials_init(struct credentials *credentials, const struct kube_config *config,
                      int64_t reread_ms) {
  *credentials = (struct credentials){.config = config, .reread_ms = reread_ms};
  (void)pthread_mutex_init(&credentials->mutex, NULL);
}

void credentials_done(struct credentials *credentials) {
  identity_unref(credentials->current);
  (void)pthread_mutex_destroy(&credentials->mutex);
}

/* ---- making -------------------------------------------------------------------------------------
 */

static bool read_source(struct identity *identity, const struct source *source, struct str *ret,
                        struct err *reterr) {
  *ret = source->data;
  if (!source->is_set || !source->path)
    return true;
  CLEANUP_BUF struct buf bytes;
  if (!sys_file_read(source->path, KUBE_SECRET_MAX_BYTES, &bytes, reterr))
    return err_wrap(reterr, "%.*s", STR_FMT(source->origin));
  *ret = str_copy(identity->arena, buf_str(&bytes));
  return true;
}

static bool check_pem(const struct source *source, struct str pem, struct err *reterr) {
  static const char mark[] = "-----BEGIN ";
  if (!source->is_set || (pem.len > 0 && memmem(pem.ptr, pem.len, mark, sizeof(mark) - 1)))
    return true;
  return err_set(reterr, ERR_INVALID, "%.*s: is no PEM text", STR_FMT(source->origin));
}

/* A token stands in a header: nothing in it may end that. */
static bool set_token(struct identity *identity, struct str token, struct str origin,
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
  identity->authorization =
      str_printf(identity->arena, "Authorization: Bearer %.*s", STR_FMT(token));
  return true;
}

static bool run_plugin(struct identity *identity, const struct kube_config *config,
                       const struct kube_stop *stop, struct err *reterr) {
  CLEANUP_BUF struct buf info, out;
  buf_init(&info, 2 * KUBE_SECRET_MAX_BYTES);
  buf_init(&out, KUBE_SECRET_MAX_BYTES);
  exec_write_info(config, identity->ca_pem, &info);
  struct exec_reply reply;
  if (!exec_run(config->exec, info.ptr, EXEC_TIMEOUT_MS, stop, &out, reterr))
    return false;
  struct str text = str_copy(identity->arena, buf_str(&out));
  if (!exec_read_reply(identity->arena, config->exec->version, text, &reply, reterr))
    return err_wrap(reterr, "%.*s: \"%s\"", STR_FMT(config->exec->origin), config->exec->command);
  identity->expires_seconds = reply.expires_seconds;
  if (reply.cert_pem.len > 0) {
    identity->cert_pem = reply.cert_pem;
    identity->key_pem = reply.key_pem;
  }
  return reply.token.len == 0 || set_token(identity, reply.token, config->exec->origin, reterr);
}

/* What the plugin said last is still good. */
static void keep_reply(struct identity *identity, const struct identity *old) {
  identity->expires_seconds = old->expires_seconds;
  identity->authorization = str_copy(identity->arena, old->authorization);
  identity->cert_pem = str_copy(identity->arena, old->cert_pem);
  identity->key_pem = str_copy(identity->arena, old->key_pem);
}

static bool fill(struct identity *identity, const struct kube_config *config,
                 const struct identity *usable, const struct kube_stop *stop, struct err *reterr) {
  struct str token;
  identity->expires_seconds = INT64_MAX;
  if (!read_source(identity, &config->ca, &identity->ca_pem, reterr) ||
      !check_pem(&config->ca, identity->ca_pem, reterr) ||
      !read_source(identity, &config->cert, &identity->cert_pem, reterr) ||
      !check_pem(&config->cert, identity->cert_pem, reterr) ||
      !read_source(identity, &config->key, &identity->key_pem, reterr) ||
      !check_pem(&config->key, identity->key_pem, reterr) ||
      !read_source(identity, &config->token, &token, reterr))
    return false;
  if (config->token.is_set && !set_token(identity, token, config->token.origin, reterr))
    return false;
  if (config->exec && usable)
    keep_reply(identity, usable);
  else if (config->exec)
    return run_plugin(identity, config, stop, reterr);
  return true;
}

static struct identity *make(const struct kube_config *config, const struct identity *usable,
                             const struct kube_stop *stop, struct err *reterr) {
  struct arena *arena = arena_new(8 << 10);
  struct identity *identity = arena_alloc(arena, sizeof(*identity));
  identity->arena = arena;
  atomic_store(&identity->refs, 1);
  if (fill(identity, config, usable, stop, reterr))
    return identity;
  arena_free(arena);
  return NULL;
}

/* ---- when -------------------------------------------------------------------------------- */

static struct identity *get_locked(struct credentials *credentials, const struct identity *refused,
                                   const struct kube_stop *stop, struct err *reterr) {
  struct identity *old = credentials->current;
  struct sys_mono now = sys_mono_now();
  bool is_usable = old && old != refused && sys_wall_now().ns / 1000000000 < old->expires_seconds;
  bool is_old = sys_mono_us_between(credentials->looked, now) / 1000 >= credentials->reread_ms;
  if (is_usable && !is_old)
    return identity_ref(old);
  struct identity *fresh = make(credentials->config, is_usable ? old : NULL, stop, reterr);
  if (!fresh && !is_usable)
    return NULL;
  credentials->looked = now;
  if (!fresh)
    return identity_ref(old);
  credentials->current = fresh;
  identity_unref(old);
  return identity_ref(fresh);
}

struct identity *credentials_get(struct credentials *credentials, const struct identity *refused,
                                 const struct kube_stop *stop, struct err *reterr) {
  (void)pthread_mutex_lock(&credentials->mutex);
  struct identity *identity = get_locked(credentials, refused, stop, reterr);
  (void)pthread_mutex_unlock(&credentials->mutex);
  return identity;
}
