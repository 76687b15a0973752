/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of answers, and who asks for those that are not there. */
#include "api_auth.h"

#include "api_auth_ask.h"
#include "slicegate/certs.h"
#include "slicegate/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum {
  KEEP_MS = 60000,
  KEEP_REFUSAL_MS = 10000,
  TIMEOUT_MS = 5000,
  MAX_ENTRIES = 1024,
  MAX_BLOCKED = 8,
  TOKEN_MAX_BYTES = 16 << 10, /* tokens with very many claims; headers end there, too */
};

struct digest {
  unsigned char bytes[CERTS_SHA256_BYTES];
};

struct entry {
  struct digest key; /* of token, path and verb */
  struct sys_mono until;
  struct api_auth_answer answer;
};

struct api_auth {
  struct api_auth_config config;
  char *audience;
  pthread_mutex_t mutex; /* guards what follows; not held while somebody asks */
  pthread_cond_t answered;
  struct entry *entries;
  size_t entry_count;
  struct digest *asking; /* tokens that are being asked about */
  size_t asking_count;
  size_t blocked; /* calls that ask or wait */
  struct api_auth_stats stats;
};

/* ---- digests ------------------------------------------------------------------------------- */

static bool digest_eq(const struct digest *a, const struct digest *b) {
  return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Of digests and what comes last: no two of token, path and verb give one text. */
static struct digest key_of(const struct digest *token, struct str path, const char *verb) {
  CLEANUP_BUF struct buf text;
  struct digest of_path, key;
  buf_init(&text, 1024);
  certs_sha256(path, of_path.bytes);
  buf_append(&text, token->bytes, sizeof(token->bytes));
  buf_append(&text, of_path.bytes, sizeof(of_path.bytes));
  buf_append_cstr(&text, verb);
  certs_sha256(buf_str(&text), key.bytes);
  return key;
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static const struct entry *find(const struct api_auth *auth, const struct digest *key) {
  struct sys_mono now = sys_mono_now();
  for (size_t i = 0; i < auth->entry_count; i++)
    if (digest_eq(&auth->entries[i].key, key))
      return auth->entries[i].until.ns > now.ns ? &auth->entries[i] : NULL;
  return NULL;
}

/* Its own place, a new one, or that of what is over; else a refusal's, because whoever makes up
 * tokens must not push out those that are good; else that of what ends first. */
static struct entry *place_for(struct api_auth *auth, const struct digest *key) {
  int64_t now_ns = sys_mono_now().ns;
  struct entry *worst = NULL;
  for (size_t i = 0; i < auth->entry_count; i++)
    if (digest_eq(&auth->entries[i].key, key))
      return &auth->entries[i];
  if (auth->entry_count < auth->config.max_entries)
    return &auth->entries[auth->entry_count++];
  for (size_t i = 0; i < auth->entry_count; i++) {
    struct entry *entry = &auth->entries[i];
    if (entry->until.ns <= now_ns)
      return entry;
    bool is_refusal = entry->answer.status != 200;
    bool is_worst_refusal = worst && worst->answer.status != 200;
    if (!worst || is_refusal > is_worst_refusal ||
        (is_refusal == is_worst_refusal && entry->until.ns < worst->until.ns))
      worst = entry;
  }
  return worst;
}

static void keep(struct api_auth *auth, const struct digest *key,
                 const struct api_auth_answer *answer) {
  if (answer->status == 503)
    return;
  int64_t ms = answer->status == 200 ? auth->config.keep_ms : auth->config.keep_refusal_ms;
  struct entry *entry = place_for(auth, key);
  *entry =
      (struct entry){.key = *key, .until = sys_mono_add_ms(sys_mono_now(), ms), .answer = *answer};
}

/* ---- one at a time -----------------------------------------------------------------------------
 */

static bool is_being_asked(const struct api_auth *auth, const struct digest *token) {
  for (size_t i = 0; i < auth->asking_count; i++)
    if (digest_eq(&auth->asking[i], token))
      return true;
  return false;
}

static void stop_asking(struct api_auth *auth, const struct digest *token) {
  for (size_t i = 0; i < auth->asking_count; i++) {
    if (!digest_eq(&auth->asking[i], token))
      continue;
    auth->asking[i] = auth->asking[--auth->asking_count];
    return;
  }
}

/* Waits until nobody asks about the token, or its answer is there. False: not in time. */
static bool wait_for_turn(struct api_auth *auth, const struct digest *token,
                          const struct digest *key) {
  struct sys_mono until = sys_mono_add_ms(sys_mono_now(), auth->config.timeout_ms);
  while (!find(auth, key) && is_being_asked(auth, token) &&
         sys_cond_wait(&auth->answered, &auth->mutex, until))
    continue;
  return find(auth, key) || !is_being_asked(auth, token);
}

static void answer_busy(struct api_auth *auth, struct api_auth_answer *ret) {
  auth->stats.busy++;
  *ret = (struct api_auth_answer){.status = 503};
  (void)snprintf(ret->why, sizeof(ret->why),
                 "too many readers are being checked at this moment: try again");
}

/* With the mutex, which is let go of meanwhile. */
static void ask(struct api_auth *auth, struct str token, const struct digest *token_digest,
                const struct digest *key, struct str path, const char *verb,
                struct api_auth_answer *ret) {
  int calls = 0;
  auth->asking[auth->asking_count++] = *token_digest;
  (void)pthread_mutex_unlock(&auth->mutex);
  api_auth_ask(&auth->config, token, path, verb, ret, &calls);
  (void)pthread_mutex_lock(&auth->mutex);
  auth->stats.reviews += calls;
  stop_asking(auth, token_digest);
  keep(auth, key, ret);
  (void)pthread_cond_broadcast(&auth->answered);
}

static void answer(struct api_auth *auth, struct str token, struct str path, const char *verb,
                   struct api_auth_answer *ret) {
  struct digest token_digest;
  certs_sha256(token, token_digest.bytes);
  struct digest key = key_of(&token_digest, path, verb);
  (void)pthread_mutex_lock(&auth->mutex);
  const struct entry *kept = find(auth, &key);
  if (!kept && auth->blocked >= auth->config.max_blocked) {
    answer_busy(auth, ret);
  } else if (!kept) {
    auth->blocked++;
    if (!wait_for_turn(auth, &token_digest, &key))
      answer_busy(auth, ret);
    else if (!(kept = find(auth, &key)))
      ask(auth, token, &token_digest, &key, path, verb, ret);
    auth->blocked--;
  }
  if (kept) {
    auth->stats.hits++;
    *ret = kept->answer;
  }
  (void)pthread_mutex_unlock(&auth->mutex);
}

/* ---- from outside ---------------------------------------------------------------------------- */

/* RFC 6750: "Bearer", and of a token's characters those that are one each: no blanks. */
static bool bearer_token(struct str header, struct str *ret) {
  static const char scheme[] = "bearer ";
  if (header.len < sizeof(scheme) - 1 || strncasecmp(header.ptr, scheme, sizeof(scheme) - 1) != 0)
    return false;
  struct str token = str_skip(header, sizeof(scheme) - 1);
  while (token.len > 0 && token.ptr[0] == ' ')
    token = str_skip(token, 1);
  for (size_t i = 0; i < token.len; i++)
    if ((unsigned char)token.ptr[i] <= ' ' || (unsigned char)token.ptr[i] >= 0x7f)
      return false;
  *ret = token;
  return token.len > 0 && token.len <= TOKEN_MAX_BYTES;
}

void api_auth_check(struct api_auth *auth, struct str authorization, struct str path,
                    const char *verb, struct api_auth_answer *ret) {
  struct str token;
  if (bearer_token(authorization, &token)) {
    answer(auth, token, path, verb, ret);
    return;
  }
  *ret = (struct api_auth_answer){.status = 401};
  (void)snprintf(ret->why, sizeof(ret->why),
                 "send a token of the cluster: Authorization: Bearer TOKEN (kubectl create token "
                 "SERVICEACCOUNT prints one)");
}

void api_auth_get_stats(struct api_auth *auth, struct api_auth_stats *ret) {
  (void)pthread_mutex_lock(&auth->mutex);
  *ret = auth->stats;
  ret->entries = auth->entry_count;
  (void)pthread_mutex_unlock(&auth->mutex);
}

struct api_auth *api_auth_new(const struct api_auth_config *config) {
  struct api_auth *auth = mem_zalloc(sizeof(*auth));
  struct api_auth_config *c = &auth->config;
  *c = *config;
  c->keep_ms = c->keep_ms ? c->keep_ms : KEEP_MS;
  c->keep_refusal_ms = c->keep_refusal_ms ? c->keep_refusal_ms : KEEP_REFUSAL_MS;
  c->timeout_ms = c->timeout_ms ? c->timeout_ms : TIMEOUT_MS;
  c->max_entries = c->max_entries ? c->max_entries : MAX_ENTRIES;
  c->max_blocked = c->max_blocked ? c->max_blocked : MAX_BLOCKED;
  auth->audience = c->audience ? mem_strndup(c->audience, strlen(c->audience)) : NULL;
  c->audience = auth->audience;
  auth->entries = mem_zalloc(c->max_entries * sizeof(*auth->entries));
  auth->asking = mem_zalloc(c->max_blocked * sizeof(*auth->asking));
  (void)pthread_mutex_init(&auth->mutex, NULL);
  sys_cond_init(&auth->answered);
  return auth;
}

void api_auth_free(struct api_auth *auth) {
  if (!auth)
    return;
  (void)pthread_cond_destroy(&auth->answered);
  (void)pthread_mutex_destroy(&auth->mutex);
  free(auth->audience);
  free(auth->entries);
  free(auth->asking);
  free(auth);
}
