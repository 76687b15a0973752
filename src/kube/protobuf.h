/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects in Kubernetes' protobuf encoding, told as the JSON that all else here reads.
 * kube-apiserver encodes an object once for all who watch it so, kube-scheduler among them; JSON it
 * would encode for us alone.
 *
 * From the bottom up: *protobuf* reads fields, *proto_objects* knows which fields of which objects
 * are wanted, *proto_json* writes those, *frames* cuts a stream into messages.
 *
 * Encoding: https://protobuf.dev/programming-guides/encoding/; messages: generated.proto of
 * k8s.io/api and k8s.io/apimachinery; the envelope: "Kubernetes Protobuf encoding" in
 * https://kubernetes.io/docs/reference/using-api/api-concepts/.
 */
#ifndef SLICEGATE_KUBE_PROTOBUF_H
#define SLICEGATE_KUBE_PROTOBUF_H

#include "slicegate/base.h"

/* ---- fields (protobuf.c) ----------------------------------------------------------------- */

enum proto_step { PROTO_FIELD, PROTO_END, PROTO_BAD };

struct proto_field {
  uint32_t number;
  bool is_bytes;  /* a string or a message: `bytes` */
  bool is_varint; /* `value`; neither: of a fixed width, which nothing here has */
  uint64_t value;
  struct str bytes; /* within the message */
};

/* Takes a field off the front of *rest. With `is_cut`, one that ends behind the end ends there. */
enum proto_step proto_next(struct str *rest, bool is_cut, struct proto_field *ret) SG_MUST_CHECK;

/* ---- what is wanted (proto_objects.c) ---------------------------------------------------- */

enum proto_kind {
  PROTO_TEXT,
  PROTO_INT,
  PROTO_BOOL,
  PROTO_TIME,      /* metav1.Time, as RFC 3339; not there when it is zero */
  PROTO_MESSAGE,   /* an object */
  PROTO_INLINE,    /* a message whose fields JSON has in the one around it */
  PROTO_TEXTS,     /* a map of strings */
  PROTO_QUANTITIES /* a map of resource.Quantity */
};

/* A field, and what JSON calls it. Others of the message are passed over. */
struct proto_entry {
  uint32_t number;
  enum proto_kind kind;
  bool is_list;
  const char *name;
  const struct proto_message *message; /* of PROTO_MESSAGE and PROTO_INLINE */
};

enum { PROTO_ENTRIES_MAX = 32 };
struct proto_message {
  const struct proto_entry *entries;
  size_t count; /* at most PROTO_ENTRIES_MAX */
};

/* Of an API object, by its kind; NULL: it is not read in this encoding. */
const struct proto_message *proto_message_of(struct str kind);

/* ---- as JSON (proto_json.c) -------------------------------------------------------------- */

/* Whether bytes are an object in its envelope. */
bool proto_is_object(struct str bytes);

/*
 * Appends the object: its kind, apiVersion, and what is wanted of it. ERR_INVALID: it is none, or
 * of a kind without a message; ERR_LIMIT: *out is full.
 */
bool proto_object_json(struct str bytes, struct buf *out, struct err *reterr) SG_MUST_CHECK;

/* An event of a watch; *ret_object in its envelope. */
bool proto_event(struct str frame, bool is_cut, struct str *ret_type,
                 struct str *ret_object) SG_MUST_CHECK;

/* Of the start of an object that is too long to be read: its metadata, as JSON, as far as known. */
void proto_cut_metadata_json(struct str bytes, struct buf *out);

/* ---- streams (frames.c) ------------------------------------------------------------------ */

/*
 * Cuts a stream into messages, each behind its length in four bytes, the highest first. Of a
 * longer one the first `max` bytes are given.
 */
struct frames {
  uint8_t head[4];
  size_t head_len;
  size_t left; /* of the frame under way */
  struct buf frame;
  bool is_cut;
};
typedef bool frames_fn(void *ctx, struct str frame, bool is_cut, struct err *reterr);
void frames_init(struct frames *frames, size_t max);
void frames_done(struct frames *frames);
bool frames_feed(struct frames *frames, struct str piece, frames_fn *each, void *ctx,
                 struct err *reterr) SG_MUST_CHECK;

#endif
