/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of this module and its own suite.
 *
 * How a policy is read: every mapping of the file has one table of keys (struct
 * key_row). reader_mapping walks the mapping, finds each key's row, checks the kind of
 * the value and calls the row's `read`, which puts a value into the target. Nothing
 * stops at an error: it is noted, with its place, and reading goes on. The same rows
 * carry the words of `slicegate policy explain`.
 */
#ifndef SLICEGATE_POLICY_INTERNAL_H
#define SLICEGATE_POLICY_INTERNAL_H

#include "slicegate/policy.h"

/* ---- where we are, and what is wrong there (errors.c) ------------------------------ */

/* A path of fields, innermost last; made on the stack while descending. */
struct field_path {
  const struct field_path *parent;
  struct str key; /* of a mapping; an item of a list when ptr is NULL */
  size_t index;
};

struct reader {
  struct arena *arena;   /* of the values: lives as long as the policy */
  struct arena *scratch; /* of the errors */
  struct policy_error *errors;
  size_t count, capacity;
};

void reader_error(struct reader *r, const struct field_path *at, uint32_t line, uint32_t column,
                  const char *fmt, ...) SG_PRINTF(5, 6);
/* At a value, and at the key of a pair. */
void reader_error_value(struct reader *r, const struct field_path *at, const struct doc_node *node,
                        const char *fmt, ...) SG_PRINTF(4, 5);
void reader_error_key(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                      const char *fmt, ...) SG_PRINTF(4, 5);
/* Adds what the YAML reader noted (duplicate keys), each with its field path. */
void reader_note_problems(struct reader *r, const struct doc_node *root,
                          const struct doc_stream *stream);
/* The errors in the order of the text; at most MAX_ERRORS and one that says so. */
void reader_take_errors(struct reader *r, struct policy_errors *ret);
/*
 * Errors that are shown, and those that are noted at all: not every one is found in the
 * order of the text. When so many are noted, looking for the nearest name of each further
 * mistake would only cost time.
 */
enum { MAX_ERRORS = 200, NOTED_ERRORS = 1000 };
bool reader_is_full(const struct reader *r);

/* ---- tables of keys (reader.c) ------------------------------------------------------ */

struct key_row;
/* `pair` is the key and its value, `at` the path down to it; `target` is the table's. */
typedef void key_read_fn(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                         const struct key_row *row, void *target);

struct key_row {
  const char *key;
  uint8_t kind; /* enum doc_kind of the value, or KIND_ANY: `read` looks itself */
  bool is_required;
  bool may_be_empty;    /* an empty list or mapping is a statement, not an oversight */
  const char *expected; /* "a list such as [dev, prod]"; for messages and for the docs */
  key_read_fn *read;
  size_t offset;     /* of the value in the target, for the generic readers below */
  const void *extra; /* for `read`: a struct text_form, a table, ... */
  const struct key_table
      *below;          /* the keys of the mapping, or of the list's items; for `explain` */
  const char *help;    /* one or two sentences for `policy explain`, or NULL */
  const char *offline; /* what `check` cannot know of it, or NULL: evaluated fully */
};
enum { KIND_ANY = 255 };

struct key_table {
  const struct key_row *rows;
  size_t count;
};
#define KEY_TABLE(array) ((struct key_table){(array), SG_ARRAY_LEN(array)})

/* False, with an error, when `node` is no mapping; a mapping is read through to its end. */
bool reader_mapping(struct reader *r, const struct field_path *at, const struct doc_node *node,
                    struct key_table table, void *target);
/* The row of a key, or NULL. */
const struct key_row *key_table_find(struct key_table table, struct str key);
/* The kind that was expected, an error otherwise; `expected` as in key_row. */
bool reader_expect(struct reader *r, const struct field_path *at, const struct doc_node *node,
                   enum doc_kind kind, const char *expected);
/* Something in it was refused already: what then seems to be missing may be that. */
bool has_unknown_key(const struct doc_node *mapping, struct key_table table);
/* Items of a list; 0 for anything else, NULL too. */
static inline uint32_t list_count(const struct doc_node *node) {
  return node && node->kind == DOC_SEQUENCE ? node->count : 0;
}
/* A later pair of the same mapping has the same key: this one does not count. */
bool is_shadowed(const struct doc_node *mapping, size_t index);

/*
 * What a text must look like. `expected` continues "is ..., expected"; `is_valid` looks
 * at the characters only.
 */
struct text_form {
  const char *expected;
  bool (*is_valid)(struct str text);
};
/* A string of that form, copied into r->arena; false with an error. */
bool reader_text(struct reader *r, const struct field_path *at, const struct doc_node *node,
                 const struct text_form *form, struct str *ret);
/* A list of such strings, at most MAX_TEXTS. Wrong items are left out, with an error each. */
bool reader_texts(struct reader *r, const struct field_path *at, const struct doc_node *node,
                  const struct text_form *form, bool may_be_empty, struct strings *ret);
enum { MAX_TEXTS = 1000 };
/* One of a few words; *ret is its index. `off` and `no` are booleans in YAML: read as words. */
bool reader_word(struct reader *r, const struct field_path *at, const struct doc_node *node,
                 const struct str *words, size_t count, size_t *ret);
bool reader_severity(struct reader *r, const struct field_path *at, const struct doc_node *node,
                     enum severity *ret);

/* key_read_fn for struct str, struct strings and bool at row->offset; extra: text_form. */
key_read_fn read_text_key, read_texts_key, read_bool_key;

/* ---- forms of text (forms.c) -------------------------------------------------------- */

extern const struct text_form form_any;              /* not empty, no control characters */
extern const struct text_form form_name;             /* a DNS subdomain: metadata.name */
extern const struct text_form form_namespace_glob;   /* "research-*" */
extern const struct text_form form_account_glob;     /* "namespace/name" */
extern const struct text_form form_user_glob;        /* "system:serviceaccount:*" */
extern const struct text_form form_label_key;        /* "slicegate.dev/team" */
extern const struct text_form form_label_key_glob;   /* "nvidia.com/gpu.*" */
extern const struct text_form form_label_value;      /* "production" */
extern const struct text_form form_label_value_glob; /* "prod-*" */
extern const struct text_form form_resource_glob;    /* "nvidia.com/mig-*" */
extern const struct text_form form_vendor_prefix;    /* "nvidia.com/" */
extern const struct text_form form_env_glob;         /* "NVIDIA_VISIBLE_DEVICES" */
extern const struct text_form form_path_glob;        /* "/dev/nvidia*" */
extern const struct text_form form_runtime_class;    /* "nvidia*" */
extern const struct text_form form_environment;      /* "dev" or "*" */
extern const struct text_form form_api_group;        /* "kubeflow.org" or "" */
extern const struct text_form form_api_version;      /* "v1beta1" */
extern const struct text_form form_kind_name;        /* "PyTorchJob" */
extern const struct text_form form_resource_name;    /* "pytorchjobs" */
extern const struct text_form form_template_path;    /* "spec.replicaSpecs.*.template" */
extern const struct text_form form_field_path;       /* "spec.runPolicy.ttl", no wildcards */
extern const struct text_form form_time;             /* RFC 3339; only its characters */
extern const struct text_form form_file_name;        /* relative or absolute, no NUL */

/* ---- sections of the file ------------------------------------------------------------ */

extern const struct key_table exempt_keys, match_keys; /* read_match.c; target: struct match */
void read_match(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                struct match *ret);
void read_exempt(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                 struct match *ret);
/* {key: glob, ...}; *ret is in r->arena. */
void read_label_globs(struct reader *r, const struct field_path *at, const struct doc_node *node,
                      const struct key_value **ret, size_t *ret_count);

/* What one `rules:` mapping says, in spec or in an override. */
struct rule_block {
  struct rule_setting rules[RULE_COUNT];
  const struct doc_pair *pairs[RULE_COUNT]; /* where each rule stands; NULL: it does not */
  struct param_value params[PARAM_COUNT];   /* those with is_set */
  size_t param_count;
};
/* `base` are the built-in severities, for rules that are written without one; NULL in overrides. */
void read_rules(struct reader *r, const struct field_path *at, const struct doc_pair *pair,
                const enum severity *base, struct rule_block *ret);
/* One parameter, by its row (params_read.c). */
bool read_param(struct reader *r, const struct field_path *at, const struct doc_node *node,
                const struct param_info *info, struct param_value *ret);
/* All parameters' defaults; PARAM_COUNT values in r->arena. */
struct param_value *params_read_defaults(struct reader *r);

extern const struct key_table gpu_nodes_keys, gpu_resource_keys, node_pool_keys;
extern const struct key_table extra_kind_keys, kind_template_keys;
extern const struct key_table label_requirement_keys, capacity_mark_keys;
key_read_fn read_gpu_resources, read_gpu_nodes, read_node_pools; /* target: struct policy_view */
key_read_fn read_extra_kinds;

/* spec and its neighbours (read_policy.c) */
extern const struct key_table spec_keys;
/* Reads over what `view` holds: keys that the document has replace it. */
void read_document(struct reader *r, const struct doc_node *root, struct policy_view *view);

/* ---- look-up tables (index.c) ---------------------------------------------------------- */

/* Hash of kinds, sorted list of keys that rules read; in `arena`. */
const struct policy_index *policy_index_new(struct arena *arena, const struct policy_view *view);

/* ---- words of `explain` ------------------------------------------------------------------ */

const char *param_type_name(enum param_type type); /* "list of strings" */
extern const char *const gpu_form_names[];         /* "whole", "mig", ..., "none" */
enum { GPU_FORM_NONE = GPU_AUX + 1, GPU_FORM_COUNT };
/* A parameter's value as one would write it in YAML; in `arena`. */
struct str param_value_text(struct arena *arena, const struct param_info *info,
                            const struct param_value *value);

#endif
