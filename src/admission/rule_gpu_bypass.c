/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gpu-bypass: a container that reaches GPUs which the scheduler did not give it. The
 * devices it uses are promised to other pods, and both fail in ways that are hard to trace.
 */
#include "src/admission/admission_internal.h"

/* Those that hand out and watch GPUs are DaemonSets, in namespaces that are known by name. */
static void report(struct rule_context *ctx, enum severity cap, struct str field,
                   struct str message, struct str remedy) {
  if (is_daemon(ctx))
    remedy = str_printf(ctx->arena, "%.*s, or have its namespace exempted in the policy",
                        STR_FMT(remedy));
  rule_report(ctx, RULE_GPU_BYPASS, cap, field, message, remedy);
}

/* ---- environment ---------------------------------------------------------------------- */

/* What NVIDIA's container runtime takes for no device at all. */
static bool is_harmless_value(struct str value) {
  return value.len == 0 || str_is(value, "void") || str_is(value, "none");
}

/* Another variable's value, put in when the container starts. */
static bool is_expanded(struct str value) {
  for (size_t i = 0; i + 1 < value.len; i++)
    if (value.ptr[i] == '$' && value.ptr[i + 1] == '(')
      return true;
  return false;
}

static bool is_asking(const struct rule_context *ctx, const struct container *container) {
  for (size_t i = 0; i < ctx->gpu_count; i++)
    if (ctx->gpus[i].container == container)
      return true;
  return false;
}

static void judge_env(struct rule_context *ctx, const struct container *container, size_t index) {
  const struct env_var *env = &container->env[index];
  if (!env->is_from_source && is_harmless_value(env->value))
    return;
  struct str name = shown(ctx, env->name);
  struct str field = str_printf(ctx->arena, "%.*s.env[%zu].%s",
                                STR_FMT(container_path(ctx->arena, ctx->tmpl, container)), index,
                                env->is_from_source ? "valueFrom" : "value");
  if (env->is_from_source || is_expanded(env->value)) {
    report(ctx, SEVERITY_WARN, field,
           str_printf(ctx->arena,
                      "%.*s hands out GPUs without asking for them, unless its value is void, "
                      "which is not known here",
                      STR_FMT(name)),
           str_printf(ctx->arena, "remove %.*s, or set it to void", STR_FMT(name)));
    return;
  }
  report(ctx, SEVERITY_DENY, field,
         str_printf(ctx->arena, "%.*s=%.*s gives the container GPUs that may be another pod's",
                    STR_FMT(name), STR_FMT(shown(ctx, env->value))),
         is_asking(ctx, container)
             ? STR_LIT("remove it: the device plugin sets it to the GPUs that are asked for")
             : STR_LIT("remove it and ask for a GPU in resources.limits; if none is needed, set it "
                       "to void"));
}

static void judge_envs(struct rule_context *ctx, const struct container *container) {
  const struct strings *names = &ctx->effective->params[P_BYPASS_ENV]->strings;
  for (size_t i = 0; i < container->env_count; i++)
    if (strings_match(names, container->env[i].name))
      judge_env(ctx, container, i);
}

/* ---- host paths ------------------------------------------------------------------------ */

/* "/dev//x/../nvidia0/" as the kernel reads it: "/dev/nvidia0". Symbolic links stay unknown. */
static struct str resolved_path(struct arena *arena, struct str path) {
  char *out = arena_alloc(arena, path.len + 2);
  size_t len = 0;
  while (path.len) {
    size_t slash = str_find_char(path, '/');
    struct str part = {path.ptr, slash};
    path = str_skip(path, slash < path.len ? slash + 1 : slash);
    if (part.len == 0 || str_is(part, "."))
      continue;
    if (str_is(part, "..")) {
      while (len > 0 && out[--len] != '/')
        ;
      continue;
    }
    out[len++] = '/';
    memcpy(out + len, part.ptr, part.len);
    len += part.len;
  }
  if (len == 0)
    out[len++] = '/';
  return (struct str){out, len};
}

/* "/dev" and "/" hold what "/dev/nvidia*" means. */
static bool holds(struct str folder, struct str pattern) {
  if (str_is(folder, "/"))
    return true;
  return str_starts_with(pattern, folder) && pattern.len > folder.len &&
         pattern.ptr[folder.len] == '/';
}

static bool is_parent(const struct strings *patterns, struct str path) {
  for (size_t i = 0; i < patterns->count; i++)
    if (holds(path, patterns->items[i]))
      return true;
  return false;
}

static void judge_host_path(struct rule_context *ctx, const struct host_path *volume,
                            bool goes_to_gpus) {
  const struct strings *patterns = &ctx->effective->params[P_BYPASS_HOST_PATHS]->strings;
  struct str path = resolved_path(ctx->arena, volume->path);
  struct str field = spec_field(ctx, "volumes[%u].hostPath.path", volume->index);
  struct str text = shown(ctx, volume->path);
  struct str remedy = STR_LIT("remove the volume and ask for a GPU in resources.limits: the device "
                              "plugin brings the devices along");
  if (strings_match(patterns, path))
    report(ctx, SEVERITY_DENY, field,
           str_printf(ctx->arena, "%.*s of the host is a GPU device that may be another pod's",
                      STR_FMT(text)),
           remedy);
  /* Many agents mount a parent folder for other reasons; on a GPU node it deserves a word. */
  else if (goes_to_gpus && is_parent(patterns, path))
    report(ctx, SEVERITY_WARN, field,
           str_printf(ctx->arena, "%.*s of the host holds the GPU devices of all pods on the node",
                      STR_FMT(text)),
           STR_LIT("mount only the files or folders that are needed"));
}

/* ---- runtime class and privileges -------------------------------------------------------- */

/* An image may ask for all GPUs in its own environment; the container's comes after it. */
static bool says_void(const struct rule_context *ctx, const struct container *container) {
  const struct strings *names = &ctx->effective->params[P_BYPASS_ENV]->strings;
  bool is_said = false;
  for (size_t i = 0; i < container->env_count; i++) {
    const struct env_var *env = &container->env[i];
    if (strings_match(names, env->name))
      is_said = !env->is_from_source && is_harmless_value(env->value);
  }
  return is_said;
}

static void judge_runtime_class(struct rule_context *ctx) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  const struct strings *classes = &ctx->effective->params[P_BYPASS_RUNTIME_CLASSES]->strings;
  if (spec->runtime_class.len == 0 || !strings_match(classes, spec->runtime_class) ||
      ctx->gpu_count || claims_devices(ctx) || gpus_are_described_elsewhere(ctx) ||
      asks_by_mistaken_name(ctx))
    return;
  size_t open = 0;
  for (size_t i = 0; i < spec->container_count; i++)
    open += !says_void(ctx, &spec->containers[i]);
  if (open)
    report(ctx, SEVERITY_DENY, spec_field(ctx, "runtimeClassName"),
           str_printf(ctx->arena,
                      "runtime class %.*s gives a container the GPUs that its image names, often "
                      "all of them, and no container asks for one",
                      STR_FMT(shown(ctx, spec->runtime_class))),
           STR_LIT("ask for a GPU in resources.limits, or remove runtimeClassName"));
}

static void judge_privileged(struct rule_context *ctx, const struct container *container) {
  report(ctx, SEVERITY_DENY,
         str_printf(ctx->arena, "%.*s.securityContext.privileged",
                    STR_FMT(container_path(ctx->arena, ctx->tmpl, container))),
         STR_LIT("a privileged container on a GPU node sees every GPU there, those of other pods "
                 "too"),
         STR_LIT("remove it and add the capabilities that are needed, such as IPC_LOCK for RDMA"));
}

void rule_gpu_bypass(struct rule_context *ctx) {
  const struct pod_spec *spec = &ctx->tmpl->spec;
  bool goes_to_gpus =
      ctx->gpu_count || tolerates_gpu_taint_by_name(ctx, NULL) || selects_gpu_nodes(ctx, NULL);
  bool minds_privileged = goes_to_gpus && ctx->effective->params[P_BYPASS_PRIVILEGED]->truth;
  for (size_t i = 0; i < spec->container_count; i++) {
    judge_envs(ctx, &spec->containers[i]);
    if (minds_privileged && spec->containers[i].is_privileged)
      judge_privileged(ctx, &spec->containers[i]);
  }
  for (size_t i = 0; i < spec->host_path_count; i++)
    judge_host_path(ctx, &spec->host_paths[i], goes_to_gpus);
  judge_runtime_class(ctx);
}
