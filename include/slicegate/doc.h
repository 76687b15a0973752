/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doc: text in, a tree out in which every node knows its line and column. Two
 * readers, one tree: JSON (reviews, recorded clusters, JSON manifests) and YAML
 * (policies, manifests; libyaml lives here and nowhere else). Everything that
 * decides reads these trees, so a webhook and the command line see the same thing.
 *
 * Not for writing JSON: that is `wire`. Trees are immutable after parsing and may
 * be read by many threads; they live as long as their arena AND the text they
 * were read from (strings are views into it where nothing had to be unescaped).
 */
#ifndef SLICEGATE_DOC_H
#define SLICEGATE_DOC_H

#include "slicegate/base.h"

enum doc_kind { DOC_NULL, DOC_BOOL, DOC_NUMBER, DOC_STRING, DOC_SEQUENCE, DOC_MAPPING };

struct doc_pair;

struct doc_node {
  uint8_t kind;    /* enum doc_kind */
  bool truth;      /* DOC_BOOL */
  uint32_t count;  /* items of a sequence, pairs of a mapping */
  uint32_t line;   /* 1-based */
  uint32_t column; /* 1-based; bytes in JSON, characters in YAML */
  union {
    struct str text;              /* DOC_STRING: the value; DOC_NUMBER, DOC_BOOL: as written,
                                     but YAML integers in decimal (0x10 is "16") */
    const struct doc_node *items; /* DOC_SEQUENCE */
    const struct doc_pair *pairs; /* DOC_MAPPING, in the order of the text */
  };
};

struct doc_pair {
  struct str key;
  uint32_t line, column; /* of the key */
  struct doc_node value;
};

/* Bounds on what one text may cost. Exceeding one is ERR_LIMIT with a position. */
struct doc_limits {
  size_t max_bytes; /* of the text */
  unsigned max_depth;
  size_t max_nodes; /* aliases count as often as they are used */
};
/* 10 MiB, depth 200, 2,000,000 nodes: an AdmissionReview. */
extern const struct doc_limits doc_limits_review;
/* 256 MiB, depth 200, 16,000,000 nodes: manifests, `kubectl get pods -A -o json` among them. */
extern const struct doc_limits doc_limits_manifest;
/* 1 GiB, depth 200, 64,000,000 nodes: `kubectl get -A -o json` of a large cluster. */
extern const struct doc_limits doc_limits_cluster;
/* 1 MiB, depth 64, 20,000 nodes: a policy. */
extern const struct doc_limits doc_limits_policy;

/*
 * One JSON value (RFC 8259, UTF-8 checked) and nothing after it but white space.
 * Of two equal keys the last one counts, as in the API server. ERR_INVALID or
 * ERR_LIMIT with line and column on failure.
 */
bool doc_parse_json(struct arena *arena, struct str text, const struct doc_limits *limits,
                    const struct doc_node **ret, struct err *reterr) SG_MUST_CHECK;

/* Something wrong that does not keep the rest of the text from being read. */
struct doc_problem {
  uint32_t line, column;
  struct str message;
};

struct doc_stream {
  const struct doc_node **documents; /* empty documents are left out */
  size_t count;
  struct doc_problem *problems; /* duplicate keys, in the order of the text; at most 100 */
  size_t problem_count;
};

/*
 * A stream of YAML documents, resolved as Kubernetes' tools do (YAML 1.1 scalars:
 * yes/no/on/off are booleans; anchors, aliases and "<<" merges). Of two equal keys
 * the last one counts and a problem is noted. Keys must be scalars.
 *
 * *ret is set on failure, too: to the documents that ended before the error. Who needs all of
 * the text looks at the result only; `check` judges what kubectl would have applied by then.
 */
bool doc_parse_yaml(struct arena *arena, struct str text, const struct doc_limits *limits,
                    struct doc_stream *ret, struct err *reterr) SG_MUST_CHECK;

/*
 * A manifest as kubectl takes it: JSON values one behind the other when the text begins with
 * '{' and a quoted key and reads as JSON, YAML otherwise. When such a text is neither, the
 * error is JSON's. On failure *ret holds the documents before it, as with doc_parse_yaml.
 */
bool doc_parse_manifest(struct arena *arena, struct str text, const struct doc_limits *limits,
                        struct doc_stream *ret, struct err *reterr) SG_MUST_CHECK;

/*
 * The same text, one object at a time, for recordings whose tree would be too large: of JSON
 * only one item is in memory at once. Objects are the documents and the items of those that are
 * lists; a list itself is told behind its items, without a node.
 */
struct doc_object {
  const struct doc_node *node; /* gone when `each` returns; NULL: the list itself */
  bool is_item;                /* of a list; otherwise a document of its own */
  struct str list_kind;        /* "PodList"; empty as well where items say their own kind */
  size_t index;                /* in the list */
};
/* False stops the walk, with *reterr filled; a position in the node is a position in the text. */
typedef bool doc_object_fn(void *context, const struct doc_object *object, struct err *reterr);
/* Strings that were views into `text` stay valid as long as it does; others are gone with the
 * node. Limits on values count an item, not the text. */
bool doc_each_object(struct str text, const struct doc_limits *limits, doc_object_fn *each,
                     void *context, struct err *reterr) SG_MUST_CHECK;

/* ---- reading a tree: all of these accept NULL and the wrong kind (-> NULL/empty/false) ---- */

/* The value of `key` in a mapping, or NULL; the last one when it is there twice. */
const struct doc_node *doc_get(const struct doc_node *node, struct str key);
const struct doc_node *doc_get_lit(const struct doc_node *node, const char *key);
/* The pair itself, for its key's position. */
const struct doc_pair *doc_get_pair(const struct doc_node *node, struct str key);
/* The text of a string, or an empty view. */
struct str doc_text(const struct doc_node *node);
struct str doc_text_at(const struct doc_node *mapping, const char *key);
/* A number that is a whole one and fits; false otherwise, *ret untouched. */
bool doc_int(const struct doc_node *node, int64_t *ret);
bool doc_is(const struct doc_node *node, enum doc_kind kind);
/* True for a boolean that is true. */
bool doc_is_true(const struct doc_node *node);
/* "a string", "a mapping", ... for messages. */
const char *doc_kind_name(const struct doc_node *node);
/* Deep equality by value; order of keys does not matter, positions neither. */
bool doc_equal(const struct doc_node *a, const struct doc_node *b);

/*
 * Follows a field path as findings name them:
 * "spec.containers[0].resources.limits[nvidia.com/gpu]", "metadata.labels[a.b/c]".
 * The position of the field (of its key, where it has one); of the deepest parent
 * that exists when the field itself is missing. *ret_found tells which.
 */
void doc_locate(const struct doc_node *root, struct str field_path, uint32_t *ret_line,
                uint32_t *ret_column, bool *ret_found);

/* The node at such a path, or NULL. */
const struct doc_node *doc_follow(const struct doc_node *root, struct str field_path);

#endif
