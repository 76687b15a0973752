/* SPDX-License-Identifier: Apache-2.0 */
/* Where a configuration comes from, and the service account of a pod. */
#include "kube_internal.h"

#include <stdlib.h>

static const char service_account_folder[] = "/var/run/secrets/kubernetes.io/serviceaccount";

static const char *or_environment(const char *value, const char *name) {
  if (!value)
    value = getenv(name);
  return value && *value ? value : NULL;
}

/* ---- the server's address ---------------------------------------------------------------- */

/* "host" of "host:port/path", "[::1]:80". */
static struct str host_of(struct str rest) {
  if (rest.len > 0 && rest.ptr[0] == '[') {
    size_t end = str_find_char(rest, ']');
    return (struct str){rest.ptr, end < rest.len ? end + 1 : 0};
  }
  struct str host = {rest.ptr, str_find_char(rest, '/')};
  host.len = str_find_char(host, ':');
  return host;
}

static bool is_this_machine(struct str host) {
  return str_is(host, "localhost") || str_is(host, "[::1]") ||
         str_starts_with(host, STR_LIT("127."));
}

static bool has_odd_bytes(struct str url) {
  for (size_t i = 0; i < url.len; i++) {
    unsigned char c = (unsigned char)url.ptr[i];
    if (c <= ' ' || c >= 0x7f || c == '?' || c == '#' || c == '@' || c == '"' || c == '\\')
      return true;
  }
  return false;
}

bool config_set_server(struct kube_config *config, struct str url, const char *origin,
                       struct err *reterr) {
  bool is_plain = str_starts_with(url, STR_LIT("http://"));
  if (!is_plain && !str_starts_with(url, STR_LIT("https://")))
    return err_set(reterr, ERR_INVALID, "%s: \"%.*s\" does not begin with https://", origin,
                   STR_FMT(url));
  struct str host = host_of(str_skip(url, is_plain ? 7 : 8));
  if (host.len == 0 || has_odd_bytes(url))
    return err_set(reterr, ERR_INVALID, "%s: \"%.*s\" is no address of a server", origin,
                   STR_FMT(url));
  if (is_plain && !is_this_machine(host))
    return err_set(reterr, ERR_INVALID,
                   "%s: \"%.*s\" is not encrypted; http is for servers of this machine only",
                   origin, STR_FMT(url));
  while (url.ptr[url.len - 1] == '/')
    url.len--;
  config->server = str_copy(config->arena, url);
  return true;
}

/* ---- in a pod ---------------------------------------------------------------------------- */

static struct source file_source(struct kube_config *config, const char *folder, const char *name) {
  struct str path = str_printf(config->arena, "%s/%s", folder, name);
  return (struct source){.is_set = true, .path = path.ptr, .origin = STR_LIT("service account")};
}

static bool read_namespace(struct kube_config *config, const char *folder, struct err *reterr) {
  struct source source = file_source(config, folder, "namespace");
  CLEANUP_BUF struct buf text;
  if (!sys_file_read(source.path, 4096, &text, reterr)) {
    if (reterr->code != ERR_NOT_FOUND)
      return err_wrap(reterr, "service account");
    config->namespace = STR_LIT("default");
    return true;
  }
  struct str name = buf_str(&text);
  while (name.len > 0 && (name.ptr[name.len - 1] == '\n' || name.ptr[name.len - 1] == ' '))
    name.len--;
  config->namespace = name.len > 0 ? str_copy(config->arena, name) : STR_LIT("default");
  return true;
}

bool in_cluster_read(struct kube_config *config, const struct kube_config_request *request,
                     struct err *reterr) {
  const char *host = or_environment(request->service_host, "KUBERNETES_SERVICE_HOST");
  const char *port = or_environment(request->service_port, "KUBERNETES_SERVICE_PORT");
  const char *folder = request->service_account ? request->service_account : service_account_folder;
  if (!host || !port)
    return err_set(reterr, ERR_NOT_FOUND,
                   "no kubeconfig, and KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT of a "
                   "pod are not set");
  bool is_ipv6 = strchr(host, ':') != NULL;
  struct str url = str_printf(config->arena, "https://%s%s%s:%s", is_ipv6 ? "[" : "", host,
                              is_ipv6 ? "]" : "", port);
  config->token = file_source(config, folder, "token");
  config->ca = file_source(config, folder, "ca.crt");
  return config_set_server(config, url, "KUBERNETES_SERVICE_HOST", reterr) &&
         read_namespace(config, folder, reterr);
}

/* ---- the choice -------------------------------------------------------------------------- */

static bool load(struct kube_config *config, const struct kube_config_request *request,
                 struct err *reterr) {
  if (request->kubeconfig)
    return kubeconfig_read(config, str_of(request->kubeconfig), true, request->context, reterr);
  const char *paths = or_environment(NULL, "KUBECONFIG");
  const char *home = or_environment(request->home, "HOME");
  struct str chosen = {0};
  if (paths)
    chosen = str_of(paths);
  else if (home)
    chosen = str_printf(config->arena, "%s/.kube/config", home);
  if (chosen.len > 0) {
    if (kubeconfig_read(config, chosen, false, request->context, reterr))
      return true;
    if (reterr->code != ERR_NOT_FOUND)
      return false;
  }
  if (in_cluster_read(config, request, reterr))
    return true;
  return reterr->code == ERR_NOT_FOUND && chosen.len > 0 ? err_wrap(reterr, "%.*s", STR_FMT(chosen))
                                                         : false;
}

struct kube_config *kube_config_load(const struct kube_config_request *request,
                                     struct err *reterr) {
  struct arena *arena = arena_new(16 << 10);
  struct kube_config *config = arena_alloc(arena, sizeof(*config));
  config->arena = arena;
  if (load(config, request, reterr))
    return config;
  arena_free(arena);
  return NULL;
}

void kube_config_free(struct kube_config *config) {
  if (config)
    arena_free(config->arena);
}

void kube_config_free_ptr(struct kube_config **config) {
  kube_config_free(*config);
}

struct str kube_config_server(const struct kube_config *config) {
  return config->server;
}

struct str kube_config_namespace(const struct kube_config *config) {
  return config->namespace;
}
