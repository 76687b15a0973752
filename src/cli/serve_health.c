/* SPDX-License-Identifier: Apache-2.0 */
/* GET /healthz, /readyz and /metrics. */
#include "serve_internal.h"

static const char plain_text[] = "text/plain; charset=utf-8";

void serve_healthz(void *ctx, const struct http_request *request, struct http_response *response) {
  (void)ctx;
  (void)request;
  http_response_static(response, 200, plain_text, STR_LIT("ok\n"));
}

static void list_checks(struct serve *serve, bool is_draining, struct buf *out) {
  char error[512];
  int64_t generation, failures;
  judges_status(serve->judges, error, sizeof(error), &generation, &failures);
  struct judge *judge = judges_acquire(serve->judges);
  if (error[0])
    buf_printf(out, "[!] policy: \"%.*s\" keeps serving (generation %lld); reload failed: %s\n",
               STR_FMT(judge->view->name), (long long)generation, error);
  else
    buf_printf(out, "[+] policy: \"%.*s\" of %.*s (generation %lld)\n", STR_FMT(judge->view->name),
               STR_FMT(judge->view->source), (long long)generation);
  if (judge->facts)
    buf_printf(out, "[+] cluster: recorded, %zu nodes, %zu namespaces\n", judge->cluster.node_count,
               judge->cluster.namespace_count);
  else
    buf_append_cstr(out, "[ ] cluster: not known; checks that need it are silent\n");
  judge_release(judge);
  struct sys_wall now = sys_wall_now();
  int64_t days = (serve_metrics_certificate_end(serve->metrics) - now.ns / 1000000000) / 86400;
  buf_printf(out, "[%c] certificate: ends in %lld days\n", days < 7 ? '!' : '+', (long long)days);
  buf_append_cstr(out, is_draining ? "[-] draining: no new work\n" : "[+] serving\n");
}

void serve_readyz(void *ctx, const struct http_request *request, struct http_response *response) {
  struct serve *serve = ctx;
  bool is_draining = atomic_load(&serve->is_draining);
  response->status = is_draining ? 503 : 200;
  response->content_type = plain_text;
  struct str verbose;
  if (http_request_query(request, "verbose", &verbose))
    list_checks(serve, is_draining, &response->body);
  buf_append_cstr(&response->body, is_draining ? "not ready\n" : "ok\n");
}

void serve_metrics_page(void *ctx, const struct http_request *request,
                        struct http_response *response) {
  struct serve *serve = ctx;
  (void)request;
  response->content_type = "text/plain; version=0.0.4; charset=utf-8";
  serve_metrics_write(serve->metrics, &response->body);
}
