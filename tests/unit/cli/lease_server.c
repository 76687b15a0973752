/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cli/lease_server.h"

#include "slicegate/doc.h"
#include "tests/support/api_server.h"

#include <pthread.h>

enum { ANSWERS = 64 };

struct lease_server {
  struct api_server *api;
  struct temp_dir dir;
  struct kube_config *config;
  struct kube_client *clients[LEASE_REPLICAS];
  pthread_mutex_t mutex; /* guards what follows */
  struct lease_record record;
  enum lease_fault faults[LEASE_REPLICAS][2]; /* leases, pods */
  char answers[ANSWERS][1024];                /* being sent, for a while */
  size_t next_answer;
};

static const char conflict[] = "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"the "
                               "object has been modified\"}";

/* ---- what it stores ---------------------------------------------------------------------- */

static void copy_text(struct str text, char *ret, size_t size) {
  (void)snprintf(ret, size, "%.*s", STR_FMT(text));
}

static const char *show_lease(struct lease_server *server) {
  char *answer = server->answers[server->next_answer++ % ANSWERS];
  const struct lease_record *record = &server->record;
  (void)snprintf(answer, sizeof(server->answers[0]),
                 "{\"metadata\":{\"name\":\"l\",\"resourceVersion\":\"%lld\"},\"spec\":{"
                 "\"holderIdentity\":\"%s\",\"leaseDurationSeconds\":%lld,\"leaseTransitions\":"
                 "%lld,\"acquireTime\":\"%s\",\"renewTime\":\"%s\"}}",
                 (long long)record->version, record->holder, (long long)record->duration_seconds,
                 (long long)record->transitions, record->acquire_time, record->renew_time);
  return answer;
}

static bool write_lease(struct lease_server *server, const char *body, bool is_new) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  const struct doc_node *root;
  struct err err;
  char version[32];
  struct lease_record *record = &server->record;
  ck_assert(doc_parse_json(arena, str_of(body), &doc_limits_policy, &root, &err));
  const struct doc_node *spec = doc_get_lit(root, "spec");
  (void)snprintf(version, sizeof(version), "%lld", (long long)record->version);
  bool is_same = str_is(doc_text_at(doc_get_lit(root, "metadata"), "resourceVersion"), version);
  if (is_new ? record->is_there : !record->is_there || !is_same) {
    record->conflicts++;
    return false;
  }
  copy_text(doc_text_at(spec, "holderIdentity"), record->holder, sizeof(record->holder));
  copy_text(doc_text_at(spec, "renewTime"), record->renew_time, sizeof(record->renew_time));
  copy_text(doc_text_at(spec, "acquireTime"), record->acquire_time, sizeof(record->acquire_time));
  ck_assert(doc_int(doc_get_lit(spec, "leaseDurationSeconds"), &record->duration_seconds));
  ck_assert(doc_int(doc_get_lit(spec, "leaseTransitions"), &record->transitions));
  record->is_there = true;
  record->version++;
  record->writes++;
  return true;
}

static void answer_lease(struct lease_server *server, const struct api_request *request,
                         struct api_step *ret) {
  bool is_get = strncmp(request->head, "GET ", 4) == 0;
  bool is_new = strncmp(request->head, "POST ", 5) == 0;
  if (is_get && !server->record.is_there) {
    *ret = (struct api_step){.status = 404, .body = "{\"kind\":\"Status\"}"};
    return;
  }
  if (!is_get && !write_lease(server, request->body, is_new)) {
    *ret = (struct api_step){.status = 409, .body = conflict};
    return;
  }
  *ret = (struct api_step){.status = is_new ? 201 : 200, .body = show_lease(server)};
}

/* ---- pods -------------------------------------------------------------------------------- */

static void answer_pods(struct lease_server *server, const struct api_request *request,
                        struct api_step *ret) {
  char *answer = server->answers[server->next_answer++ % ANSWERS];
  const char *name = strstr(request->head, "/pods/pod-");
  if (strncmp(request->head, "PATCH ", 6) == 0) {
    int pod = name ? name[10] - '0' : LEASE_PODS;
    if (pod < 0 || pod >= LEASE_PODS) {
      *ret = (struct api_step){.status = 404, .body = "{\"kind\":\"Status\"}"};
      return;
    }
    ck_assert_ptr_nonnull(strstr(request->body, "\"slicegate.dev/lease-holder\""));
    server->record.is_labelled[pod] = strstr(request->body, "\"true\"") != NULL;
    *ret = (struct api_step){.body = "{}"};
    return;
  }
  ck_assert_ptr_nonnull(
      strstr(request->head, "?labelSelector=slicegate.dev%2Flease-holder%3Dtrue"));
  int length = snprintf(answer, sizeof(server->answers[0]), "{\"items\":[");
  const char *between = "";
  for (int pod = 0; pod < LEASE_PODS; pod++) {
    if (!server->record.is_labelled[pod])
      continue;
    length += snprintf(answer + length, sizeof(server->answers[0]) - (size_t)length,
                       "%s{\"metadata\":{\"name\":\"pod-%d\"}}", between, pod);
    between = ",";
  }
  (void)snprintf(answer + length, sizeof(server->answers[0]) - (size_t)length, "]}");
  *ret = (struct api_step){.body = answer};
}

/* ---- requests ---------------------------------------------------------------------------- */

static bool decide(void *ctx, const struct api_request *request, struct api_step *ret) {
  struct lease_server *server = ctx;
  const char *agent = strstr(request->head, "replica-");
  int replica = agent ? agent[8] - '0' : 0;
  bool is_pods = strstr(request->head, "/pods") != NULL;
  (void)pthread_mutex_lock(&server->mutex);
  server->record.requests++;
  enum lease_fault fault = server->faults[replica][is_pods];
  if (fault == FAULT_REFUSED)
    *ret = (struct api_step){.status = 500, .body = "{\"kind\":\"Status\",\"message\":\"ill\"}"};
  else if (fault != FAULT_HANGS && is_pods)
    answer_pods(server, request, ret);
  else if (fault != FAULT_HANGS)
    answer_lease(server, request, ret);
  if (fault == FAULT_LOST_ANSWER && strncmp(request->head, "GET ", 4) != 0)
    *ret = (struct api_step){.how = API_NO_ANSWER | API_HANG};
  (void)pthread_mutex_unlock(&server->mutex);
  return fault != FAULT_HANGS;
}

/* ---- for tests --------------------------------------------------------------------------- */

struct lease_server *lease_server_start(void) {
  struct lease_server *server = mem_zalloc(sizeof(*server));
  struct err err;
  char text[1024];
  (void)pthread_mutex_init(&server->mutex, NULL);
  server->api = api_server_start_deciding(decide, server);
  server->dir = temp_dir_make();
  struct temp_path path = temp_path(&server->dir, "config");
  (void)snprintf(text, sizeof(text),
                 "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                 "contexts:\n- name: c\n  context: {cluster: c, user: u}\n"
                 "clusters:\n- name: c\n  cluster: {server: \"http://127.0.0.1:%u\"}\n"
                 "users:\n- name: u\n  user: {token: t}\n",
                 api_server_port(server->api));
  temp_write(path.text, text);
  struct kube_config_request request = {.kubeconfig = path.text};
  server->config = kube_config_load(&request, &err);
  ck_assert_msg(server->config != NULL, "%s", err.text);
  for (int i = 0; i < LEASE_REPLICAS; i++) {
    char agent[32];
    (void)snprintf(agent, sizeof(agent), "replica-%d", i);
    struct kube_client_options options = {.user_agent = agent, .seed = 1};
    server->clients[i] = kube_client_new(server->config, &options, &err);
    ck_assert_msg(server->clients[i] != NULL, "%s", err.text);
  }
  return server;
}

void lease_server_stop(struct lease_server *server) {
  for (int i = 0; i < LEASE_REPLICAS; i++)
    kube_client_free(server->clients[i]);
  kube_config_free(server->config);
  api_server_stop(server->api);
  temp_dir_remove(&server->dir);
  (void)pthread_mutex_destroy(&server->mutex);
  free(server);
}

struct kube_client *lease_server_client(struct lease_server *server, int replica) {
  return server->clients[replica];
}

void lease_server_fault(struct lease_server *server, int replica, bool is_pods,
                        enum lease_fault fault) {
  (void)pthread_mutex_lock(&server->mutex);
  server->faults[replica][is_pods] = fault;
  (void)pthread_mutex_unlock(&server->mutex);
}

struct lease_record lease_server_get(struct lease_server *server) {
  (void)pthread_mutex_lock(&server->mutex);
  struct lease_record record = server->record;
  (void)pthread_mutex_unlock(&server->mutex);
  return record;
}

void lease_server_put(struct lease_server *server, const char *holder, int64_t duration_seconds,
                      const char *renew_time) {
  (void)pthread_mutex_lock(&server->mutex);
  struct lease_record *record = &server->record;
  record->is_there = true;
  record->version++;
  record->duration_seconds = duration_seconds;
  copy_text(str_of(holder), record->holder, sizeof(record->holder));
  copy_text(str_of(renew_time), record->renew_time, sizeof(record->renew_time));
  (void)pthread_mutex_unlock(&server->mutex);
}

void lease_server_delete(struct lease_server *server) {
  (void)pthread_mutex_lock(&server->mutex);
  server->record.is_there = false;
  server->record.version++;
  (void)pthread_mutex_unlock(&server->mutex);
}

void lease_server_label(struct lease_server *server, int pod, bool is_labelled) {
  (void)pthread_mutex_lock(&server->mutex);
  server->record.is_labelled[pod] = is_labelled;
  (void)pthread_mutex_unlock(&server->mutex);
}
