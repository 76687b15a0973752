/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server with a history, which does everything that servers and networks do to a watch, and a
 * receiver that does what kube.h says of sinks. In the end the receiver has what the server has,
 * and what it had at each `synced` was the truth of one moment, not older than the one before.
 */
#include "slicegate/kube.h"
#include "tests/support/api_server.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"
#include "tests/support/temp_dir.h"

#include <pthread.h>

enum { NAMES = 12, CHANGES = 120, HISTORY = 15, ROUNDS = 30, GARBAGE_MAX = 6 };

/* ---- the truth ---------------------------------------------------------------------------- */

/* Change i makes version i + 1 of the world: an object gets that version, or is deleted. */
struct change {
  int name;
  bool is_deleted, is_new;
};

struct world {
  struct random random;
  struct change changes[CHANGES];
  int now;                       /* changes made */
  int faults_left;               /* so that every story ends */
  struct arena *arena;           /* of answers */
  int truth[CHANGES + 1][NAMES]; /* version of each object after so many changes; 0: absent */
};

static void world_init(struct world *world, uint64_t seed) {
  *world = (struct world){.faults_left = 60, .arena = arena_new(1 << 16)};
  random_init(&world->random, seed);
  for (int i = 0; i < CHANGES; i++) {
    int name = (int)random_below(&world->random, NAMES);
    int had = world->truth[i][name];
    bool is_deleted = had > 0 && random_one_in(&world->random, 3);
    memcpy(world->truth[i + 1], world->truth[i], sizeof(world->truth[0]));
    world->truth[i + 1][name] = is_deleted ? 0 : i + 1;
    world->changes[i] = (struct change){name, is_deleted, had == 0};
  }
  world->now = CHANGES / 4;
}

static bool fault(struct world *world, size_t one_in) {
  if (world->faults_left == 0 || !random_one_in(&world->random, one_in))
    return false;
  world->faults_left--;
  return true;
}

static void go_on(struct world *world) {
  world->now += (int)random_below(&world->random, 8);
  if (world->now > CHANGES)
    world->now = CHANGES;
}

/* ---- what the server says ------------------------------------------------------------------ */

static void put_object(struct buf *out, int name, int version) {
  buf_printf(out, "{\"metadata\":{\"name\":\"%d\",\"resourceVersion\":\"%d\"}}", name, version);
}

static void put_event(struct buf *out, int index, const struct change *change) {
  const char *type = change->is_deleted ? "DELETED" : change->is_new ? "ADDED" : "MODIFIED";
  buf_printf(out, "{\"type\":\"%s\",\"object\":", type);
  put_object(out, change->name, index + 1);
  buf_append_cstr(out, "}\n");
}

static void put_bookmark(struct buf *out, int version, bool is_end) {
  buf_printf(out,
             "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"%d\"%s}}}\n",
             version, is_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
}

static const char *keep(struct world *world, struct buf *text) {
  return str_copy(world->arena, buf_str(text)).ptr;
}

static bool say_expired(struct api_step *ret) {
  ret->status = 410;
  ret->body = "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"old\"}";
  return true;
}

/* Breaks an answer off, or says that there is none. */
static void spoil(struct world *world, struct api_step *ret) {
  static const unsigned ways[] = {API_CUT, API_RESET, API_NO_ANSWER | API_CUT,
                                  API_NO_ANSWER | API_RESET};
  if (random_one_in(&world->random, 4)) {
    ret->status = 503;
    ret->body = "not now";
    ret->how = API_SIZED;
    return;
  }
  ret->how |= ways[random_below(&world->random, SG_ARRAY_LEN(ways))];
  ret->how &= ~(unsigned)API_HANG;
}

static void choose_split(struct world *world, struct api_step *ret) {
  size_t length = strlen(ret->body);
  ret->how = API_CHUNKED;
  if (length > 1 && random_one_in(&world->random, 2)) {
    ret->how = API_SPLIT;
    ret->split = 1 + random_below(&world->random, length - 1);
  }
}

/* ---- lists: the token of a page is "version.first name" -------------------------------------- */

static bool answer_list(struct world *world, const char *head, struct api_step *ret) {
  const char *token = strstr(head, "continue=");
  int version = world->now, first = 0, limit = strstr(head, "limit=") ? 3 : NAMES;
  if (token) {
    ck_assert_int_eq(sscanf(token, "continue=%d.%d", &version, &first), 2);
    if (fault(world, 6))
      return say_expired(ret);
  }
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  int name = first, count = 0;
  buf_append_cstr(&text, "{\"kind\":\"PodList\",\"items\":[");
  for (; name < NAMES && count < limit; name++) {
    if (world->truth[version][name] == 0)
      continue;
    buf_append_cstr(&text, count++ > 0 ? "," : "");
    put_object(&text, name, world->truth[version][name]);
  }
  buf_printf(&text, "],\"metadata\":{\"resourceVersion\":\"%d\"", version);
  if (name < NAMES)
    buf_printf(&text, ",\"continue\":\"%d.%d\"", version, name);
  buf_append_cstr(&text, "}}");
  ret->body = keep(world, &text);
  choose_split(world, ret);
  if (fault(world, 5))
    spoil(world, ret);
  return true;
}

/* ---- watches --------------------------------------------------------------------------------- */

/* Lines that no event is made of, or that end the watch. */
static void put_garbage(struct world *world, struct buf *text) {
  static const char *const garbage[GARBAGE_MAX] = {
      "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410}}\n",
      "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500}}\n",
      "{\"type\":\"ADDED\",\"obj\n",
      "no json\n",
      "{\"type\":\"NEW\",\"object\":{}}\n",
      "\n\n",
  };
  buf_append_cstr(text, garbage[random_below(&world->random, GARBAGE_MAX)]);
}

static void end_watch(struct world *world, struct buf *text, struct api_step *ret) {
  if (fault(world, 4))
    put_garbage(world, text);
  size_t length = text->len;
  if (length > 0 && fault(world, 6)) /* in the middle of a line */
    text->ptr[random_below(&world->random, length)] = '\0';
  ret->body = keep(world, text);
  choose_split(world, ret);
  if (world->now == CHANGES && world->faults_left == 0)
    ret->how |= API_HANG;
  else if (fault(world, 3))
    spoil(world, ret);
}

static void put_changes(struct world *world, struct buf *text, int from) {
  for (int i = from; i < world->now; i++) {
    put_event(text, i, &world->changes[i]);
    if (random_one_in(&world->random, 6))
      put_bookmark(text, i + 1, false);
  }
}

static bool answer_watch(struct world *world, const char *head, struct api_step *ret) {
  const char *at = strstr(head, "resourceVersion=");
  int version = 0;
  ck_assert(at && sscanf(at, "resourceVersion=%d", &version) == 1);
  ck_assert_int_le(version, world->now);
  if (world->now - version > HISTORY || fault(world, 12))
    return say_expired(ret);
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  put_changes(world, &text, version);
  end_watch(world, &text, ret);
  return true;
}

static bool answer_streamed_list(struct world *world, struct api_step *ret) {
  if (fault(world, 8)) {
    ret->status = 422;
    ret->body = "{\"kind\":\"Status\",\"code\":422,\"reason\":\"Invalid\"}";
    return true;
  }
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1 << 20);
  int version = world->now;
  for (int name = 0; name < NAMES; name++) {
    if (world->truth[version][name] == 0)
      continue;
    buf_append_cstr(&text, "{\"type\":\"ADDED\",\"object\":");
    put_object(&text, name, world->truth[version][name]);
    buf_append_cstr(&text, "}\n");
  }
  if (!fault(world, 4))
    put_bookmark(&text, version, true);
  go_on(world);
  if (strstr(text.ptr ? text.ptr : "", "initial-events-end"))
    put_changes(world, &text, version);
  end_watch(world, &text, ret);
  return true;
}

static bool decide(void *ctx, const struct api_request *request, struct api_step *ret) {
  struct world *world = ctx;
  go_on(world);
  if (world->now == CHANGES && random_one_in(&world->random, 4))
    world->faults_left = 0;
  if (!strstr(request->head, "watch=1"))
    return answer_list(world, request->head, ret);
  if (strstr(request->head, "sendInitialEvents=true"))
    return answer_streamed_list(world, ret);
  return answer_watch(world, request->head, ret);
}

/* ---- the receiver ------------------------------------------------------------------------------
 */

struct receiver {
  const struct world *world;
  pthread_mutex_t mutex;
  bool is_listing;
  int listed[NAMES], content[NAMES];
  int synced_at; /* the version that the last list showed, at least */
  const char *wrong;
};

static void read_object(const struct kube_object *object, int *ret_name, int *ret_version) {
  char text[256];
  (void)snprintf(text, sizeof(text), "%.*s", STR_FMT(object->json));
  ck_assert_int_eq(sscanf(text, "{\"metadata\":{\"name\":\"%d\",\"resourceVersion\":\"%d\"}}",
                          ret_name, ret_version),
                   2);
}

static void on_begin(void *ctx) {
  struct receiver *receiver = ctx;
  memset(receiver->listed, 0, sizeof(receiver->listed));
  receiver->is_listing = true;
}

static void on_object(void *ctx, const struct kube_object *object) {
  struct receiver *receiver = ctx;
  int name, version;
  read_object(object, &name, &version);
  (void)pthread_mutex_lock(&receiver->mutex);
  (receiver->is_listing ? receiver->listed : receiver->content)[name] = version;
  (void)pthread_mutex_unlock(&receiver->mutex);
}

static void on_deleted(void *ctx, const struct kube_object *object) {
  struct receiver *receiver = ctx;
  int name, version;
  read_object(object, &name, &version);
  (void)pthread_mutex_lock(&receiver->mutex);
  if (receiver->is_listing)
    receiver->wrong = "a deletion inside a list";
  receiver->content[name] = 0;
  (void)pthread_mutex_unlock(&receiver->mutex);
}

/* The list must be the world of one moment, and time must not run backwards. */
static void on_synced(void *ctx) {
  struct receiver *receiver = ctx;
  int moment = receiver->synced_at;
  size_t size = sizeof(receiver->listed);
  (void)pthread_mutex_lock(&receiver->mutex);
  while (moment <= CHANGES && memcmp(receiver->world->truth[moment], receiver->listed, size) != 0)
    moment++;
  if (moment > CHANGES)
    receiver->wrong = "a list of no moment";
  else
    receiver->synced_at = moment;
  if (!receiver->is_listing)
    receiver->wrong = "synced without begin";
  receiver->is_listing = false;
  memcpy(receiver->content, receiver->listed, size);
  (void)pthread_mutex_unlock(&receiver->mutex);
}

static void on_error(void *ctx, const struct kube_watch_error *error) {
  struct receiver *receiver = ctx;
  if (error->is_object_lost)
    receiver->wrong = "an object was lost";
}

static bool is_there(struct receiver *receiver) {
  (void)pthread_mutex_lock(&receiver->mutex);
  bool ok =
      memcmp(receiver->content, receiver->world->truth[CHANGES], sizeof(receiver->content)) == 0;
  (void)pthread_mutex_unlock(&receiver->mutex);
  return ok;
}

/* ---- a story
 * --------------------------------------------------------------------------------------- */

static uint64_t first_seed;

static struct kube_config *config_of(const struct api_server *server, struct err *reterr) {
  struct temp_dir dir = temp_dir_make();
  struct temp_path path = temp_path(&dir, "config");
  char text[512];
  (void)snprintf(text, sizeof(text),
                 "current-context: c\ncontexts: [{name: c, context: {cluster: c}}]\n"
                 "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:%u'}}]\n",
                 api_server_port(server));
  temp_write(path.text, text);
  struct kube_config_request request = {.kubeconfig = path.text};
  struct kube_config *config = kube_config_load(&request, reterr);
  temp_dir_remove(&dir);
  return config;
}

START_TEST(the_receiver_ends_with_what_the_server_has) {
  struct world world;
  struct err err;
  uint64_t seed = first_seed + (uint64_t)_i;
  world_init(&world, seed);
  struct receiver receiver = {.world = &world};
  (void)pthread_mutex_init(&receiver.mutex, NULL);
  struct api_server *server = api_server_start_deciding(decide, &world);
  CLEANUP_KUBE_CONFIG struct kube_config *config = config_of(server, &err);
  struct kube_client_options client_options = {.seed = seed};
  struct kube_client *client = kube_client_new(config, &client_options, &err);
  struct kube_sink sink = {&receiver, on_begin, on_object, on_deleted, on_synced, on_error};
  struct kube_watch_options options = {.kind = &kube_pods,
                                       .no_streaming = seed % 3 == 0,
                                       .page = 3,
                                       .idle_ms = 200,
                                       .backoff_min_ms = 1,
                                       .backoff_max_ms = 2,
                                       .seed = seed};
  struct kube_watch *watch = kube_watch_start(client, &options, &sink, &err);
  for (int i = 0; i < 2000 && !is_there(&receiver); i++)
    (void)usleep(10000);
  struct kube_watch_stats stats;
  kube_watch_stats(watch, &stats);
  kube_watch_stop(watch);
  kube_client_free(client);
  api_server_stop(server);
  ck_assert_msg(is_there(&receiver), "seed %llu: not what the server has, after %d of %d changes",
                (unsigned long long)seed, world.now, CHANGES);
  ck_assert_msg(receiver.wrong == NULL, "seed %llu: %s", (unsigned long long)seed, receiver.wrong);
  ck_assert_int_ge(stats.lists, 1);
  (void)pthread_mutex_destroy(&receiver.mutex);
  arena_free(world.arena);
}
END_TEST

Suite *make_suite(void) {
  first_seed = random_seed();
  Suite *suite = suite_create("kube_watch");
  TCase *tc = tcase_create("history");
  tcase_set_timeout(tc, 60);
  tcase_add_loop_test(tc, the_receiver_ends_with_what_the_server_has, 0, ROUNDS);
  suite_add_tcase(suite, tc);
  return suite;
}
