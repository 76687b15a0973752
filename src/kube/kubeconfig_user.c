/* SPDX-License-Identifier: Apache-2.0 */
/* The user of a context: certificate, token, or a program that gives them. */
#include "kube_internal.h"

enum { EXEC_ARGS_MAX = 256 };

static const char user_parent[] = "users[].user";
static const char exec_parent[] = "users[].user.exec";

/* ---- exec -------------------------------------------------------------------------------- */

static bool read_version(const struct kubeconfig_file *file, const struct doc_node *exec,
                         enum exec_version *ret, struct err *reterr) {
  struct str text;
  if (!kubeconfig_text(file, exec, exec_parent, "apiVersion", &text, reterr))
    return false;
  const struct doc_node *node = doc_get_lit(exec, "apiVersion");
  if (str_is(text, "client.authentication.k8s.io/v1")) {
    *ret = EXEC_V1;
  } else if (str_is(text, "client.authentication.k8s.io/v1beta1")) {
    *ret = EXEC_V1BETA1;
  } else {
    return kubeconfig_fail(file, node ? node : exec, "users[].user.exec.apiVersion", reterr,
                           "must be client.authentication.k8s.io/v1 or v1beta1");
  }
  return true;
}

static bool check_mode(const struct kubeconfig_file *file, const struct doc_node *exec,
                       struct err *reterr) {
  struct str mode;
  if (!kubeconfig_text(file, exec, exec_parent, "interactiveMode", &mode, reterr))
    return false;
  if (mode.len == 0 || str_is(mode, "Never") || str_is(mode, "IfAvailable"))
    return true;
  return kubeconfig_fail(file, doc_get_lit(exec, "interactiveMode"),
                         "users[].user.exec.interactiveMode", reterr,
                         str_is(mode, "Always") ? "is Always, but there is no terminal to ask at"
                                                : "must be Never, IfAvailable or Always");
}

static bool read_command(struct kube_config *config, const struct kubeconfig_file *file,
                         const struct doc_node *exec, struct exec_plugin *plugin,
                         struct err *reterr) {
  struct str command;
  if (!kubeconfig_text(file, exec, exec_parent, "command", &command, reterr) ||
      !kubeconfig_text(file, exec, exec_parent, "installHint", &plugin->install_hint, reterr) ||
      !kubeconfig_bool(file, exec, exec_parent, "provideClusterInfo", &plugin->wants_cluster,
                       reterr))
    return false;
  if (command.len == 0)
    return kubeconfig_fail(file, exec, "users[].user.exec.command", reterr, "is missing");
  const struct doc_node *node = doc_get_lit(exec, "command");
  plugin->origin =
      str_printf(config->arena, "%s:%u: %s.command", file->path, node->line, exec_parent);
  bool is_path = str_find_char(command, '/') < command.len;
  plugin->command = is_path ? kubeconfig_path(config->arena, file, command)
                            : str_copy(config->arena, command).ptr;
  return true;
}

/* The sequence under `key`, or NULL; at most EXEC_ARGS_MAX items. */
static bool get_list(const struct kubeconfig_file *file, const struct doc_node *exec,
                     const char *key, const char *field, const struct doc_node **ret,
                     struct err *reterr) {
  const struct doc_node *list = doc_get_lit(exec, key);
  *ret = doc_is(list, DOC_SEQUENCE) ? list : NULL;
  if (list && !doc_is(list, DOC_NULL) && !*ret)
    return kubeconfig_fail(file, list, field, reterr, "must be a list, not %s",
                           doc_kind_name(list));
  if (*ret && list->count > EXEC_ARGS_MAX)
    return kubeconfig_fail(file, list, field, reterr, "has more than %d items", EXEC_ARGS_MAX);
  return true;
}

static bool read_args(struct kube_config *config, const struct kubeconfig_file *file,
                      const struct doc_node *exec, struct exec_plugin *plugin, struct err *reterr) {
  static const char field[] = "users[].user.exec.args";
  const struct doc_node *list;
  if (!get_list(file, exec, "args", field, &list, reterr))
    return false;
  if (!list)
    return true;
  const char **args = arena_array(config->arena, list->count, sizeof(*args));
  for (size_t i = 0; i < list->count; i++) {
    struct str text = doc_text(&list->items[i]);
    if (!doc_is(&list->items[i], DOC_STRING) || str_find_char(text, '\0') < text.len)
      return kubeconfig_fail(file, &list->items[i], field, reterr, "must be strings, not %s",
                             doc_kind_name(&list->items[i]));
    args[i] = str_copy(config->arena, text).ptr;
  }
  plugin->args = args;
  plugin->arg_count = list->count;
  return true;
}

static bool read_env(struct kube_config *config, const struct kubeconfig_file *file,
                     const struct doc_node *exec, struct exec_plugin *plugin, struct err *reterr) {
  static const char field[] = "users[].user.exec.env";
  const struct doc_node *list;
  if (!get_list(file, exec, "env", field, &list, reterr))
    return false;
  if (!list)
    return true;
  const char **env = arena_array(config->arena, list->count, sizeof(*env));
  for (size_t i = 0; i < list->count; i++) {
    struct str name, value;
    if (!kubeconfig_text(file, &list->items[i], "users[].user.exec.env[]", "name", &name, reterr) ||
        !kubeconfig_text(file, &list->items[i], "users[].user.exec.env[]", "value", &value, reterr))
      return false;
    if (name.len == 0 || str_find_char(name, '=') < name.len)
      return kubeconfig_fail(file, &list->items[i], field, reterr,
                             "needs a name, without an equals sign");
    env[i] = str_printf(config->arena, "%.*s=%.*s", STR_FMT(name), STR_FMT(value)).ptr;
  }
  plugin->env = env;
  plugin->env_count = list->count;
  return true;
}

static bool read_exec(struct kube_config *config, const struct kubeconfig_file *file,
                      const struct doc_node *exec, struct err *reterr) {
  if (!doc_is(exec, DOC_MAPPING))
    return kubeconfig_fail(file, exec, exec_parent, reterr, "must be a mapping, not %s",
                           doc_kind_name(exec));
  struct exec_plugin *plugin = arena_alloc(config->arena, sizeof(*plugin));
  config->exec = plugin;
  return read_version(file, exec, &plugin->version, reterr) && check_mode(file, exec, reterr) &&
         read_command(config, file, exec, plugin, reterr) &&
         read_args(config, file, exec, plugin, reterr) &&
         read_env(config, file, exec, plugin, reterr);
}

/* ---- the rest ----------------------------------------------------------------------------------
 */

static const struct {
  const char *key, *why;
} refused[] = {
    {"username", "API servers have no basic authentication since Kubernetes 1.19"},
    {"password", "API servers have no basic authentication since Kubernetes 1.19"},
    {"auth-provider", "is gone from Kubernetes; use exec"},
    {"as", "acting as another user is not supported"},
    {"as-uid", "acting as another user is not supported"},
    {"as-groups", "acting as another user is not supported"},
    {"as-user-extra", "acting as another user is not supported"},
};

/* What would be left out silently, and matters. */
static bool refuse(const struct kubeconfig_file *file, const struct doc_node *user,
                   struct err *reterr) {
  for (size_t i = 0; i < SG_ARRAY_LEN(refused); i++) {
    const struct doc_node *node = doc_get_lit(user, refused[i].key);
    if (!node || doc_is(node, DOC_NULL))
      continue;
    CLEANUP_BUF struct buf field;
    buf_init(&field, 128);
    buf_printf(&field, "%s.%s", user_parent, refused[i].key);
    return kubeconfig_fail(file, node, field.ptr, reterr, "%s", refused[i].why);
  }
  return true;
}

static bool read_token(struct kube_config *config, const struct kubeconfig_file *file,
                       const struct doc_node *user, struct err *reterr) {
  struct str token, path;
  if (!kubeconfig_text(file, user, user_parent, "token", &token, reterr) ||
      !kubeconfig_text(file, user, user_parent, "tokenFile", &path, reterr))
    return false;
  const char *key = path.len > 0 ? "tokenFile" : "token";
  const struct doc_node *node = doc_get_lit(user, key);
  config->token = (struct source){.is_set = token.len > 0 || path.len > 0, .data = token};
  if (!config->token.is_set)
    return true;
  if (path.len > 0)
    config->token.path = kubeconfig_path(config->arena, file, path);
  config->token.origin =
      str_printf(config->arena, "%s:%u: %s.%s", file->path, node->line, user_parent, key);
  return true;
}

bool kubeconfig_user(struct kube_config *config, const struct kubeconfig_file *file,
                     const struct doc_node *user, struct err *reterr) {
  if (user && !doc_is(user, DOC_MAPPING) && !doc_is(user, DOC_NULL))
    return kubeconfig_fail(file, user, user_parent, reterr, "must be a mapping, not %s",
                           doc_kind_name(user));
  if (!refuse(file, user, reterr) || !read_token(config, file, user, reterr) ||
      !kubeconfig_source(config, file, user, user_parent, "client-certificate", &config->cert,
                         reterr) ||
      !kubeconfig_source(config, file, user, user_parent, "client-key", &config->key, reterr))
    return false;
  if (config->cert.is_set != config->key.is_set)
    return kubeconfig_fail(file, user,
                           config->cert.is_set ? "users[].user.client-key"
                                               : "users[].user.client-certificate",
                           reterr, "is missing: certificate and key belong together");
  const struct doc_node *exec = doc_get_lit(user, "exec");
  /* A token that is written down is used without asking the program, as kubectl does. */
  if (!exec || doc_is(exec, DOC_NULL) || config->token.is_set)
    return true;
  return read_exec(config, file, exec, reterr);
}
