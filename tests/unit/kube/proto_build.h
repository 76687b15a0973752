/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages in protobuf, made out of their fields, as kube-apiserver sends them. All are in one
 * arena, for as long as a test takes.
 */
#ifndef SLICEGATE_TESTS_KUBE_PROTO_BUILD_H
#define SLICEGATE_TESTS_KUBE_PROTO_BUILD_H

#include "slicegate/base.h"

#define PROTOBUF_WATCH "Content-Type: application/vnd.kubernetes.protobuf;stream=watch\r\n"
#define PROTOBUF "Content-Type: application/vnd.kubernetes.protobuf\r\n"

/* Fixture of each test. */
void pb_setup(void);
void pb_teardown(void);

struct str pb_join(const struct str *parts, size_t count);
/* Of what stands one after the other. */
#define PB(...)                                                                                    \
  pb_join((const struct str[]){__VA_ARGS__},                                                       \
          sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

/* Fields. */
struct str pb_tag(uint64_t number, unsigned wire_type);
struct str pb_varint(uint64_t value);
struct str pb_number(unsigned number, int64_t value);
struct str pb_bytes(unsigned number, struct str bytes);
struct str pb_text(unsigned number, const char *text);
struct str pb_pair(unsigned number, const char *key, const char *value);    /* of a map */
struct str pb_quantity(unsigned number, const char *key, const char *text); /* of a map */
#define PB_MESSAGE(number, ...) pb_bytes((number), PB(__VA_ARGS__))

/* Objects in their envelope, events, and events behind their length. */
struct str pb_object(const char *kind, struct str message);
struct str pb_event(const char *type, struct str object);
struct str pb_frame(struct str message);

/* A pod of which this is known, and the frame of an event of it. */
struct str pb_pod(const char *name, const char *version);
struct str pb_pod_event(const char *type, const char *name, const char *version);
/* Bookmarks: one, and that behind the last object of a list. */
struct str pb_bookmark(const char *version);
struct str pb_initial_end(const char *version);
struct str pb_status(int code, const char *reason, const char *message);

#endif
