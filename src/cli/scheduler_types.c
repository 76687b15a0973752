/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kube-scheduler would refuse of a configuration by type alone, with its place in the file.
 * Other names stay: kube-scheduler knows its own best, and judges them strictly.
 */
#include "src/cli/scheduler_config.h"

#include "src/cli/cli_internal.h"

/* A field and the kind of its value. */
struct field {
  const char *name; /* NULL ends a table */
  enum doc_kind kind;
  const struct field *items; /* of a list: mappings with these fields */
};

static const struct field any[] = {{0}};
static const struct field managed_resource[] = {
    {"name", DOC_STRING, NULL}, {"ignoredByScheduler", DOC_BOOL, NULL}, {0}};
static const struct field extender[] = {{"urlPrefix", DOC_STRING, NULL},
                                        {"filterVerb", DOC_STRING, NULL},
                                        {"prioritizeVerb", DOC_STRING, NULL},
                                        {"preemptVerb", DOC_STRING, NULL},
                                        {"bindVerb", DOC_STRING, NULL},
                                        {"weight", DOC_NUMBER, NULL},
                                        {"enableHTTPS", DOC_BOOL, NULL},
                                        {"tlsConfig", DOC_MAPPING, NULL},
                                        {"httpTimeout", DOC_STRING, NULL},
                                        {"nodeCacheCapable", DOC_BOOL, NULL},
                                        {"managedResources", DOC_SEQUENCE, managed_resource},
                                        {"ignorable", DOC_BOOL, NULL},
                                        {0}};
static const struct field profile[] = {{"schedulerName", DOC_STRING, NULL},
                                       {"percentageOfNodesToScore", DOC_NUMBER, NULL},
                                       {"plugins", DOC_MAPPING, NULL},
                                       {"pluginConfig", DOC_SEQUENCE, any},
                                       {0}};
static const struct field configuration[] = {{"parallelism", DOC_NUMBER, NULL},
                                             {"leaderElection", DOC_MAPPING, NULL},
                                             {"clientConnection", DOC_MAPPING, NULL},
                                             {"percentageOfNodesToScore", DOC_NUMBER, NULL},
                                             {"podInitialBackoffSeconds", DOC_NUMBER, NULL},
                                             {"podMaxBackoffSeconds", DOC_NUMBER, NULL},
                                             {"profiles", DOC_SEQUENCE, profile},
                                             {"extenders", DOC_SEQUENCE, extender},
                                             {0}};

struct walk {
  const char *path; /* of the file */
  struct arena *arena;
  FILE *err;
};

static bool check_kind(const struct walk *w, const char *name, const struct doc_node *node,
                       enum doc_kind kind) {
  const struct doc_node wanted = {.kind = (uint8_t)kind};
  return doc_is(node, kind) ||
         cli_complain(w->err, "%s:%u:%u: %s is %s, not %s", w->path, node->line, node->column, name,
                      doc_kind_name(&wanted), doc_kind_name(node));
}

/* `name` is that of the mapping, with a '.' behind it; empty for the whole. It goes as deep as the
 * tables do. */
static bool check_fields(const struct walk *w, const char *name, const struct doc_node *mapping,
                         const struct field *fields) {
  for (; fields->name; fields++) {
    const struct doc_node *value = doc_get_lit(mapping, fields->name);
    const char *full = str_printf(w->arena, "%s%s", name, fields->name).ptr;
    if (!value || doc_is(value, DOC_NULL)) /* which is as if it were not there */
      continue;
    if (!check_kind(w, full, value, fields->kind))
      return false;
    for (uint32_t i = 0; i < value->count && fields->kind == DOC_SEQUENCE; i++) {
      const char *item = str_printf(w->arena, "%s[%u]", full, i).ptr;
      if (!check_kind(w, item, &value->items[i], DOC_MAPPING) ||
          !check_fields(w, str_printf(w->arena, "%s.", item).ptr, &value->items[i], fields->items))
        return false;
    }
  }
  return true;
}

bool scheduler_types_check(const char *path, const struct doc_node *root, FILE *err) {
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct walk walk = {path, arena, err};
  return check_fields(&walk, "", root, configuration);
}
