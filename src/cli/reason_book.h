/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has been said of which waiting pod, and how much may be said now. Pure but for its memory:
 * time is an argument. A pod is told again only what is new, and at most once a minute; all pods
 * together hear at most so much a second and a minute, whatever happens to the cluster.
 */
#ifndef SLICEGATE_CLI_REASON_BOOK_H
#define SLICEGATE_CLI_REASON_BOOK_H

#include "slicegate/base.h"

enum {
  REASON_POD_MS = 60000,    /* between two events of one pod */
  REASON_SECOND_MAX = 10,   /* events in any second */
  REASON_MINUTE_MAX = 200,  /* in any minute */
  REASON_PODS_MAX = 100000, /* pods that are remembered; others are told nothing */
};

struct reason_book;
struct reason_book *reason_book_new(void) SG_MUST_CHECK;
void reason_book_free(struct reason_book *book);

/* A look at all pods that wait begins. What is not asked about until the end is forgotten: such a
 * pod is placed, or gone. */
void reason_book_begin(struct reason_book *book);
void reason_book_end(struct reason_book *book);
size_t reason_book_count(const struct reason_book *book);

enum reason_wish {
  REASON_ASK,   /* find out why it waits */
  REASON_KNOWN, /* that was found out of this generation of the state already */
  REASON_LATER, /* it was told something within the last minute */
  REASON_FULL,  /* more pods wait than are remembered */
};
enum reason_wish reason_book_wish(struct reason_book *book, struct str uid, uint64_t generation,
                                  int64_t now_ms);

enum reason_due {
  REASON_DUE,     /* say it: it counts as said */
  REASON_SAME,    /* nothing new */
  REASON_LIMITED, /* too much was said of late: ask again later */
};
/* Of a pod with REASON_ASK: whether what was found (a key for what it says) is due. */
enum reason_due reason_book_judge(struct reason_book *book, struct str uid, uint64_t key,
                                  uint64_t generation, int64_t now_ms);
/* It could not be said: to be tried again, when the pod's minute is over. */
void reason_book_failed(struct reason_book *book, struct str uid);
/* It fits somewhere: there is nothing to say, and what was said is of the past. */
void reason_book_fits(struct reason_book *book, struct str uid, uint64_t generation);
/* How long until something may be said again; 0: now. */
int64_t reason_book_pause_ms(const struct reason_book *book, int64_t now_ms);

#endif
