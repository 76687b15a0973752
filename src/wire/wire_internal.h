/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of this module only. */
#ifndef SLICEGATE_WIRE_INTERNAL_H
#define SLICEGATE_WIRE_INTERNAL_H

#include "slicegate/wire.h"

/* ---- where we are, for errors: a chain on the stack, turned to text only when one happens ---- */

struct trail {
  const struct trail *up; /* NULL: the first */
  struct str name;        /* field or key; empty: an index */
  uint32_t index;
};

/* "spec.containers[0].env: a list was expected, found a string", at the node's position. */
bool wire_wrong_type(const struct trail *trail, const struct doc_node *node, const char *expected,
                     struct err *reterr);

/* "spec.replicas: " and what is wrong there. */
bool wire_invalid(const struct trail *trail, const struct doc_node *node, struct err *reterr,
                  const char *fmt, ...) SG_PRINTF(4, 5);
/* A number as written, not more than a message has room for. */
struct str wire_shown(const struct doc_node *scalar);

/*
 * The child `name` of `parent`, when it has this kind. Absent and null give *ret NULL and
 * success; another kind is the error.
 */
bool wire_child(const struct doc_node *parent, const char *name, enum doc_kind kind,
                const struct trail *trail, const struct doc_node **ret,
                struct err *reterr) SG_MUST_CHECK;

enum { WIRE_NAME_MAX = 253, WIRE_NAMESPACE_MAX = 63 }; /* a uid has fewer than a name */
/*
 * What an object is known by: a string of at most `max` bytes without control characters, of which
 * the API server lets no name have any; empty when absent. It is kept, compared and written: what
 * nobody can be called must not get that far.
 */
bool wire_child_id(const struct doc_node *parent, const char *name, const struct trail *trail,
                   size_t max, struct str *ret, struct err *reterr) SG_MUST_CHECK;

/* Text of a string child; of a number or boolean as written; empty when absent. */
bool wire_child_text(const struct doc_node *parent, const char *name, const struct trail *trail,
                     struct str *ret, struct err *reterr) SG_MUST_CHECK;

/* A mapping of scalars (labels, annotations, nodeSelector). */
bool wire_child_pairs(struct arena *arena, const struct doc_node *parent, const char *name,
                      const struct trail *trail, const struct key_value **ret, size_t *ret_count,
                      struct err *reterr) SG_MUST_CHECK;

/* Without white space in front and behind. */
struct str wire_trim(struct str text);

/* ---- files that people write (fields.c) --------------------------------------------------- */

/* What a mapping of such a file may hold. */
struct wire_field {
  const char *name;
  bool is_read;     /* otherwise it only informs: any value will do */
  bool is_required; /* null is not enough */
  uint8_t kind;     /* enum doc_kind of a field that is read; null is always as if absent */
};

/*
 * The node is a mapping, what is read of it has the right kind and nothing is missing. A field
 * of another name passes, unless it is likely to be one that is read and not there, misspelt.
 */
bool wire_fields_check(const struct doc_node *node, const struct wire_field *fields, size_t count,
                       const struct trail *trail, struct err *reterr) SG_MUST_CHECK;
/* A whole number in these bounds; *ret stays when there is none. */
bool wire_child_number(const struct doc_node *parent, const char *name, const struct trail *trail,
                       int64_t min, int64_t max, int64_t *ret, struct err *reterr) SG_MUST_CHECK;

/* ---- HAMi (hami.c) ------------------------------------------------------------------------- */

struct keeper;
/* The cards of its plugin; none where what it has registered cannot be read. */
void wire_hami_cards_decode(const struct keeper *keeper, const struct doc_node *annotations,
                            struct node *ret);

/* ---- products ------------------------------------------------------------------------------ */

/* One item of a product's profiles. `axis`: memory slices of the product, 0: not known. */
bool wire_mig_profile_decode(struct arena *arena, const struct doc_node *node, unsigned axis,
                             const struct trail *trail, struct mig_profile *ret,
                             struct err *reterr) SG_MUST_CHECK;

/* ---- paths of the kinds table ----------------------------------------------------------- */

enum { PATH_WILDCARDS_MAX = 4 };

struct path_hit {
  const struct doc_node *node;
  struct str path; /* as a field path, wildcards replaced */
  /* What the wildcards took, in order: an item's index or a key. */
  struct path_capture {
    bool is_index;
    uint32_t index;
    struct str key;
  } captures[PATH_WILDCARDS_MAX];
  size_t capture_count;
};

/* All places that `pattern` names in `root`, in the order of the text; none is no error. */
bool wire_path_find(struct arena *arena, const struct doc_node *root, struct str pattern,
                    struct str prefix, struct path_hit **ret, size_t *ret_count,
                    struct err *reterr) SG_MUST_CHECK;
/* The one place, with wildcards taking what `hit` took; NULL when it is not there. */
const struct doc_node *wire_path_follow(const struct doc_node *root, struct str pattern,
                                        const struct path_hit *hit);
/* The same place as a field path behind `prefix`. */
struct str wire_path_text(struct arena *arena, struct str pattern, struct str prefix,
                          const struct path_hit *hit);

/* ---- parts of pods ------------------------------------------------------------------------ */

bool wire_pod_spec_decode(struct arena *arena, const struct doc_node *node,
                          const struct trail *trail, struct pod_spec *ret,
                          struct err *reterr) SG_MUST_CHECK;
bool wire_amounts_decode(struct arena *arena, const struct doc_node *parent, const char *name,
                         const struct trail *trail, const struct resource_amount **ret,
                         size_t *ret_count, struct err *reterr) SG_MUST_CHECK;
bool wire_taint_effect(struct str text, enum taint_effect *ret);
/* Counted in whole numbers, by the name that somebody gave it: neither CPU nor memory. */
bool wire_is_extended(struct str resource);
/* Of a pod that is resized in place: requests become what kube-scheduler counts. */
void wire_pod_resize_apply(struct arena *scratch, const struct doc_node *status,
                           struct pod_spec *spec);
/* The first amount that kube-apiserver would refuse, in `scratch`: see struct pod's absurd. */
struct str wire_absurd_amount(struct arena *scratch, const struct pod_spec *spec);

/* ---- what outlives its tree --------------------------------------------------------------- */

/* Views into `text` stay; what was unescaped goes with the tree, unless it is kept. */
struct keeper {
  struct arena *arena;
  struct str text;
};
struct str wire_keep(const struct keeper *keeper, struct str s);
/* In place. */
void wire_keep_pairs(const struct keeper *keeper, const struct key_value *pairs, size_t count);

/* A Pod of a cluster, but for its resourceVersion. `scratch` is for what is not kept. */
bool wire_pod_decode(const struct keeper *keeper, struct arena *scratch,
                     const struct doc_node *object, struct pod *ret,
                     struct err *reterr) SG_MUST_CHECK;
/* Of enum pod_trait, as far as the spec shows them. */
bool wire_pod_traits_decode(const struct doc_node *spec, const struct trail *trail, uint32_t *ret,
                            struct err *reterr) SG_MUST_CHECK;
/* The devices that annotations and status name. ret->requests are those of the pod already. */
bool wire_pod_devices_decode(const struct keeper *keeper, struct arena *scratch,
                             const struct doc_node *metadata, const struct doc_node *status,
                             const struct pod_spec *spec, struct pod *ret,
                             struct err *reterr) SG_MUST_CHECK;
bool wire_node_decode(const struct keeper *keeper, const struct doc_node *object, struct node *ret,
                      struct err *reterr) SG_MUST_CHECK;
bool wire_namespace_decode(const struct keeper *keeper, const struct doc_node *object,
                           struct k8s_namespace *ret, struct err *reterr) SG_MUST_CHECK;

/* wire_pod_read of a part of a text; positions of errors are those in the whole. */
bool wire_pod_read_part(struct arena *arena, struct str text, struct str part, struct pod *ret,
                        struct err *reterr) SG_MUST_CHECK;
/* wire_pod_read of a tree. */
bool wire_pod_read_tree(const struct keeper *keeper, struct arena *scratch,
                        const struct doc_node *object, struct pod *ret,
                        struct err *reterr) SG_MUST_CHECK;

/* Splits "group/version" of apiVersion. */
void wire_split_api_version(struct str api_version, struct str *ret_group, struct str *ret_version);

#endif
