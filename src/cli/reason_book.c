/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/reason_book.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 64 };

/*
 * Pods are known by a hash of their uid, which the API server chooses: should two ever share one,
 * one of them is told less.
 */
struct entry {
  uint64_t id;         /* 0: the slot is free */
  uint64_t key;        /* of what it was told; has_key */
  uint64_t generation; /* of the state that was looked at last; has_generation */
  int64_t said_ms;
  bool has_key, has_generation, is_seen;
};

struct reason_book {
  struct entry *slots; /* open addressing; the count of slots is a power of two */
  size_t slot_count, count;
  int64_t said_ms[REASON_MINUTE_MAX]; /* a ring of the last events' times, oldest at `next` */
  size_t next;
};

static void set_all_free(struct reason_book *book, size_t slot_count) {
  book->slots = mem_zalloc(slot_count * sizeof(*book->slots));
  book->slot_count = slot_count;
  book->count = 0;
}

struct reason_book *reason_book_new(void) {
  struct reason_book *book = mem_zalloc(sizeof(*book));
  set_all_free(book, FIRST_SLOTS);
  for (size_t i = 0; i < REASON_MINUTE_MAX; i++)
    book->said_ms[i] = INT64_MIN;
  return book;
}

void reason_book_free(struct reason_book *book) {
  if (!book)
    return;
  free(book->slots);
  free(book);
}

size_t reason_book_count(const struct reason_book *book) {
  return book->count;
}

/* ---- entries --------------------------------------------------------------------------------- */

static uint64_t id_of(struct str uid) {
  uint64_t hash = hash_bytes(HASH_START, uid.ptr, uid.len);
  return hash ? hash : 1;
}

/* Where it is, or the free slot for it. */
static struct entry *slot_of(const struct reason_book *book, uint64_t id) {
  size_t at = (size_t)id & (book->slot_count - 1);
  while (book->slots[at].id && book->slots[at].id != id)
    at = (at + 1) & (book->slot_count - 1);
  return &book->slots[at];
}

static struct entry *find(const struct reason_book *book, struct str uid) {
  struct entry *entry = slot_of(book, id_of(uid));
  return entry->id ? entry : NULL;
}

/* Into a table with room, at most half full, without those that are not to be kept. */
static void remake(struct reason_book *book, bool only_seen, size_t room_for) {
  struct entry *old = book->slots;
  size_t old_count = book->slot_count, slots = FIRST_SLOTS;
  while (slots < 2 * room_for)
    slots *= 2;
  set_all_free(book, slots);
  for (size_t i = 0; i < old_count; i++) {
    if (!old[i].id || (only_seen && !old[i].is_seen))
      continue;
    *slot_of(book, old[i].id) = old[i];
    book->count++;
  }
  free(old);
}

static struct entry *find_or_add(struct reason_book *book, struct str uid) {
  struct entry *entry = slot_of(book, id_of(uid));
  if (entry->id)
    return entry;
  if (book->count >= REASON_PODS_MAX)
    return NULL;
  if (2 * (book->count + 1) > book->slot_count) {
    remake(book, false, 2 * (book->count + 1));
    entry = slot_of(book, id_of(uid));
  }
  *entry = (struct entry){.id = id_of(uid), .said_ms = INT64_MIN};
  book->count++;
  return entry;
}

/* ---- a look ---------------------------------------------------------------------------------- */

void reason_book_begin(struct reason_book *book) {
  for (size_t i = 0; i < book->slot_count; i++)
    book->slots[i].is_seen = false;
}

void reason_book_end(struct reason_book *book) {
  size_t seen = 0;
  for (size_t i = 0; i < book->slot_count; i++)
    seen += book->slots[i].id && book->slots[i].is_seen;
  if (seen < book->count)
    remake(book, true, seen);
}

static bool is_within(int64_t then_ms, int64_t now_ms, int64_t span_ms) {
  return then_ms != INT64_MIN && now_ms - then_ms < span_ms;
}

enum reason_wish reason_book_wish(struct reason_book *book, struct str uid, uint64_t generation,
                                  int64_t now_ms) {
  struct entry *entry = find_or_add(book, uid);
  if (!entry)
    return REASON_FULL;
  entry->is_seen = true;
  if (entry->has_generation && entry->generation == generation)
    return REASON_KNOWN;
  return is_within(entry->said_ms, now_ms, REASON_POD_MS) ? REASON_LATER : REASON_ASK;
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* When so many events ago was: none may follow within `span_ms` of it. */
static int64_t pause_after(const struct reason_book *book, size_t ago, int64_t span_ms,
                           int64_t now_ms) {
  int64_t then = book->said_ms[(book->next + REASON_MINUTE_MAX - ago) % (size_t)REASON_MINUTE_MAX];
  return is_within(then, now_ms, span_ms) ? span_ms - (now_ms - then) : 0;
}

int64_t reason_book_pause_ms(const struct reason_book *book, int64_t now_ms) {
  int64_t of_second = pause_after(book, REASON_SECOND_MAX, 1000, now_ms);
  int64_t of_minute = pause_after(book, REASON_MINUTE_MAX, 60000, now_ms);
  return of_second > of_minute ? of_second : of_minute;
}

enum reason_due reason_book_judge(struct reason_book *book, struct str uid, uint64_t key,
                                  uint64_t generation, int64_t now_ms) {
  struct entry *entry = find(book, uid);
  if (!entry || is_within(entry->said_ms, now_ms, REASON_POD_MS))
    return REASON_LIMITED;
  bool is_same = entry->has_key && entry->key == key;
  if (!is_same && reason_book_pause_ms(book, now_ms) > 0)
    return REASON_LIMITED;
  entry->generation = generation;
  entry->has_generation = true;
  if (is_same)
    return REASON_SAME;
  entry->key = key;
  entry->has_key = true;
  entry->said_ms = now_ms;
  book->said_ms[book->next] = now_ms;
  book->next = (book->next + 1) % REASON_MINUTE_MAX;
  return REASON_DUE;
}

void reason_book_failed(struct reason_book *book, struct str uid) {
  struct entry *entry = find(book, uid);
  if (entry)
    entry->has_key = entry->has_generation = false;
}

void reason_book_fits(struct reason_book *book, struct str uid, uint64_t generation) {
  struct entry *entry = find(book, uid);
  if (!entry)
    return;
  entry->generation = generation;
  entry->has_generation = true;
}
