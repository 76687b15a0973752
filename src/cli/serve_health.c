/* SPDX-License-Identifier: Apache-2.0 */
/* GET /healthz, /readyz and /metrics. */
#include "serve_internal.h"
#include "src/cli/serve_live.h"

static const char plain_text[] = "text/plain; charset=utf-8";

void serve_healthz(void *ctx, const struct http_request *request, struct http_response *response) {
  (void)ctx;
  (void)request;
  http_response_static(response, 200, plain_text, STR_LIT("ok\n"));
}

static void list_live(struct serve *serve, const struct cluster *cluster,
                      const struct judges_status *status, struct buf *out) {
  bool is_stale = judges_stale_seconds(serve->judges) > 0;
  buf_printf(out, "[%c] cluster: live, %zu nodes, %zu namespaces, ", is_stale ? '!' : '+',
             cluster->node_count, cluster->namespace_count);
  if (status->unheard_ms < 1000)
    buf_append_cstr(out, "followed\n");
  else
    buf_printf(out, "last heard of %lld s ago%s\n", (long long)(status->unheard_ms / 1000),
               is_stale ? "; what it showed refuses nothing, only warns" : "");
}

static void list_judge(struct serve *serve, struct buf *out) {
  struct judges_status status;
  judges_get_status(serve->judges, &status);
  struct judge *judge = judges_acquire(serve->judges);
  bool is_policy_stale = status.error[0] && !status.is_of_cluster;
  bool is_cluster_stale = status.error[0] && status.is_of_cluster;
  buf_printf(out, "[%c] policy: \"%.*s\" of %.*s (generation %lld)%s%s\n",
             is_policy_stale ? '!' : '+', STR_FMT(judge->view->name), STR_FMT(judge->view->source),
             (long long)status.generation, is_policy_stale ? " keeps serving; reload failed: " : "",
             is_policy_stale ? status.error : "");
  if (judge->cluster && status.is_live)
    list_live(serve, judge->cluster, &status, out);
  else if (judge->cluster)
    buf_printf(out, "[%c] cluster: recorded, %zu nodes, %zu namespaces%s%s\n",
               is_cluster_stale ? '!' : '+', judge->cluster->node_count,
               judge->cluster->namespace_count,
               is_cluster_stale ? "; keeps serving; reload failed: " : "",
               is_cluster_stale ? status.error : "");
  else
    buf_append_cstr(out, "[ ] cluster: not known; checks that need it are silent\n");
  judge_release(judge);
}

static void list_certificate(struct serve *serve, struct buf *out) {
  char error[512];
  serve_metrics_certificate_error(serve->metrics, error, sizeof(error));
  int64_t now = sys_wall_now().ns / 1000000000;
  int64_t days = (serve_metrics_certificate_end(serve->metrics) - now) / 86400;
  buf_printf(out, "[%c] certificate: ends in %lld days%s%s\n", days < 7 || error[0] ? '!' : '+',
             (long long)days, error[0] ? "; keeps serving; reload failed: " : "", error);
}

void serve_list_checks(struct serve *serve, struct buf *out) {
  bool is_draining = atomic_load(&serve->is_draining);
  list_judge(serve, out);
  list_certificate(serve, out);
  buf_append_cstr(out, is_draining ? "[-] draining: no new work\n" : "[+] serving\n");
}

void serve_readyz(void *ctx, const struct http_request *request, struct http_response *response) {
  struct serve *serve = ctx;
  bool is_draining = atomic_load(&serve->is_draining);
  CLEANUP_BUF struct buf live;
  buf_init(&live, 8192);
  bool is_ready = (!serve->live || serve_live_is_ready(serve->live, &live)) && !is_draining;
  response->status = is_ready ? 200 : 503;
  response->content_type = plain_text;
  struct str verbose;
  if (http_request_query(request, "verbose", &verbose)) {
    serve_list_checks(serve, &response->body);
    buf_append_str(&response->body, buf_str(&live));
  }
  buf_append_cstr(&response->body, is_ready ? "ok\n" : "not ready\n");
}

void serve_metrics_page(void *ctx, const struct http_request *request,
                        struct http_response *response) {
  struct serve *serve = ctx;
  (void)request;
  response->content_type = "text/plain; version=0.0.4; charset=utf-8";
  if (serve->live)
    serve_live_refresh_metrics(serve->live);
  serve_metrics_write(serve->metrics, &response->body);
}
