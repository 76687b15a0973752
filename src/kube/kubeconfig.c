/* SPDX-License-Identifier: Apache-2.0 */
/* kubeconfig files: read, merged, and of them the one context that is asked for. */
#include "kube_internal.h"

static const struct doc_limits file_limits = {KUBE_CONFIG_MAX_BYTES, 64, 200000};

struct files {
  struct kubeconfig_file items[KUBE_CONFIG_FILES_MAX];
  size_t count;
};

/* ---- reading ----------------------------------------------------------------------------- */

static bool parse(struct kube_config *config, struct kubeconfig_file *file, struct str text,
                  struct err *reterr) {
  struct doc_stream stream;
  if (!doc_parse_yaml(config->arena, text, &file_limits, &stream, reterr)) {
    unsigned line = reterr->line;
    return err_wrap(reterr, "%s:%u", file->path, line ? line : 1);
  }
  if (stream.count > 1)
    return kubeconfig_fail(file, stream.documents[1], "kubeconfig", reterr,
                           "a second document begins here");
  file->root = stream.count > 0 ? stream.documents[0] : NULL;
  if (file->root && !doc_is(file->root, DOC_MAPPING))
    return kubeconfig_fail(file, file->root, "kubeconfig", reterr, "must be a mapping, not %s",
                           doc_kind_name(file->root));
  const struct doc_node *kind = doc_get_lit(file->root, "kind");
  if (kind && !str_is(doc_text(kind), "Config"))
    return kubeconfig_fail(file, kind, "kind", reterr, "must be Config");
  return true;
}

static bool read_file(struct kube_config *config, struct files *files, struct str path,
                      bool must_exist, struct err *reterr) {
  if (files->count == KUBE_CONFIG_FILES_MAX)
    return err_set(reterr, ERR_LIMIT, "$KUBECONFIG lists more than %d files",
                   KUBE_CONFIG_FILES_MAX);
  struct kubeconfig_file file = {.path = str_copy(config->arena, path).ptr};
  CLEANUP_BUF struct buf bytes;
  if (!sys_file_read(file.path, KUBE_CONFIG_MAX_BYTES, &bytes, reterr))
    return reterr->code == ERR_NOT_FOUND && !must_exist;
  if (!parse(config, &file, str_copy(config->arena, buf_str(&bytes)), reterr))
    return false;
  if (file.root)
    files->items[files->count++] = file;
  return true;
}

static bool read_files(struct kube_config *config, struct files *files, struct str paths,
                       struct err *reterr) {
  while (paths.len > 0) {
    struct str path = {paths.ptr, str_find_char(paths, ':')};
    paths = str_skip(paths, path.len < paths.len ? path.len + 1 : path.len);
    if (path.len > 0 && !read_file(config, files, path, false, reterr))
      return false;
  }
  return true;
}

/* ---- finding ----------------------------------------------------------------------------- */

struct entry {
  const struct kubeconfig_file *file;
  const struct doc_node *body; /* what stands under "cluster", "user", "context" */
};

enum { NAMES_MAX = 256 };

/* In one file; the last entry of a name counts, as in the API's decoder. */
static bool find_in_file(const struct kubeconfig_file *file, const char *list, const char *body,
                         struct str name, struct entry *ret, struct str *names, size_t *count,
                         struct err *reterr) {
  const struct doc_node *items = doc_get_lit(file->root, list);
  if (items && !doc_is(items, DOC_NULL) && !doc_is(items, DOC_SEQUENCE))
    return kubeconfig_fail(file, items, list, reterr, "must be a list, not %s",
                           doc_kind_name(items));
  size_t item_count = items && doc_is(items, DOC_SEQUENCE) ? items->count : 0;
  for (size_t i = 0; i < item_count; i++) {
    struct str item_name = doc_text_at(&items->items[i], "name");
    if (*count < NAMES_MAX)
      names[(*count)++] = item_name;
    if (str_eq(item_name, name))
      *ret = (struct entry){file, doc_get_lit(&items->items[i], body)};
  }
  return true;
}

/* The first file that has the name. */
static bool find_entry(const struct files *files, const char *list, const char *body,
                       struct str name, struct entry *ret, struct err *reterr) {
  struct str names[NAMES_MAX];
  size_t count = 0;
  *ret = (struct entry){0};
  for (size_t i = 0; i < files->count && !ret->file; i++) {
    if (!find_in_file(&files->items[i], list, body, name, ret, names, &count, reterr))
      return false;
  }
  if (ret->file)
    return true;
  struct str nearest = str_nearest(name, names, count);
  err_set(reterr, ERR_INVALID, "%s: %s: there is no %s \"%.*s\"%s%.*s%s", files->items[0].path,
          list, body, STR_FMT(name), nearest.len > 0 ? "; did you mean \"" : "", STR_FMT(nearest),
          nearest.len > 0 ? "\"?" : "");
  return false;
}

static bool find_context(const struct files *files, const char *wanted, struct entry *ret,
                         struct err *reterr) {
  struct str name = str_of(wanted);
  for (size_t i = 0; name.len == 0 && i < files->count; i++) {
    const struct kubeconfig_file *file = &files->items[i];
    if (!kubeconfig_text(file, file->root, "kubeconfig", "current-context", &name, reterr))
      return false;
  }
  if (name.len == 0) {
    kubeconfig_fail(&files->items[0], files->items[0].root, "current-context", reterr,
                    "is not set, and no context was named");
    return false;
  }
  return find_entry(files, "contexts", "context", name, ret, reterr);
}

/* ---- the cluster --------------------------------------------------------------------------------
 */

static bool check_proxy(const struct kubeconfig_file *file, const struct doc_node *cluster,
                        struct str url, struct err *reterr) {
  static const char *const schemes[] = {"http://", "https://", "socks5://", "socks5h://"};
  for (size_t i = 0; i < SG_ARRAY_LEN(schemes); i++) {
    if (str_starts_with(url, str_of(schemes[i])) && url.len > strlen(schemes[i]))
      return true;
  }
  return kubeconfig_fail(file, doc_get_lit(cluster, "proxy-url"), "clusters[].cluster.proxy-url",
                         reterr, "must begin with http://, https:// or socks5://");
}

static bool read_cluster(struct kube_config *config, const struct entry *entry,
                         struct err *reterr) {
  static const char parent[] = "clusters[].cluster";
  const struct kubeconfig_file *file = entry->file;
  const struct doc_node *cluster = entry->body;
  struct str server, name, proxy;
  if (!kubeconfig_text(file, cluster, parent, "server", &server, reterr) ||
      !kubeconfig_text(file, cluster, parent, "tls-server-name", &name, reterr) ||
      !kubeconfig_text(file, cluster, parent, "proxy-url", &proxy, reterr) ||
      !kubeconfig_bool(file, cluster, parent, "insecure-skip-tls-verify", &config->skip_tls_verify,
                       reterr) ||
      !kubeconfig_source(config, file, cluster, parent, "certificate-authority", &config->ca,
                         reterr))
    return false;
  const struct doc_node *node = doc_get_lit(cluster, "server");
  if (!node || server.len == 0)
    return kubeconfig_fail(file, cluster, "clusters[].cluster.server", reterr, "is missing");
  struct str origin = str_printf(config->arena, "%s:%u: %s.server", file->path, node->line, parent);
  if (!config_set_server(config, server, origin.ptr, reterr) ||
      (proxy.len > 0 && !check_proxy(file, cluster, proxy, reterr)))
    return false;
  if (config->skip_tls_verify && config->ca.is_set)
    return kubeconfig_fail(file, doc_get_lit(cluster, "insecure-skip-tls-verify"),
                           "clusters[].cluster.insecure-skip-tls-verify", reterr,
                           "and certificate-authority exclude each other");
  config->tls_server_name = name.len > 0 ? str_copy(config->arena, name).ptr : NULL;
  config->proxy_url = proxy.len > 0 ? str_copy(config->arena, proxy).ptr : NULL;
  return true;
}

/* ---- all together ------------------------------------------------------------------------ */

static bool read_context(struct kube_config *config, const struct files *files,
                         const struct entry *context, struct err *reterr) {
  static const char parent[] = "contexts[].context";
  struct str cluster_name, user_name, namespace;
  if (!kubeconfig_text(context->file, context->body, parent, "cluster", &cluster_name, reterr) ||
      !kubeconfig_text(context->file, context->body, parent, "user", &user_name, reterr) ||
      !kubeconfig_text(context->file, context->body, parent, "namespace", &namespace, reterr))
    return false;
  if (cluster_name.len == 0)
    return kubeconfig_fail(context->file, context->body, "contexts[].context.cluster", reterr,
                           "is missing");
  config->namespace = namespace.len > 0 ? str_copy(config->arena, namespace) : STR_LIT("default");
  struct entry cluster, user;
  if (!find_entry(files, "clusters", "cluster", cluster_name, &cluster, reterr) ||
      !read_cluster(config, &cluster, reterr))
    return false;
  if (user_name.len == 0)
    return true;
  return find_entry(files, "users", "user", user_name, &user, reterr) &&
         kubeconfig_user(config, user.file, user.body, reterr);
}

bool kubeconfig_read(struct kube_config *config, struct str paths, bool must_exist,
                     const char *context, struct err *reterr) {
  struct files files = {.count = 0};
  if (must_exist) {
    if (!read_file(config, &files, paths, true, reterr))
      return false;
  } else if (!read_files(config, &files, paths, reterr)) {
    return false;
  }
  if (files.count == 0)
    return err_set(reterr, must_exist ? ERR_INVALID : ERR_NOT_FOUND, "%.*s: %s", STR_FMT(paths),
                   must_exist ? "the file is empty" : "no such file");
  struct entry chosen;
  return find_context(&files, context, &chosen, reterr) &&
         read_context(config, &files, &chosen, reterr);
}
