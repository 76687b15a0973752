/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base: what every other module stands on: attributes, errors by value, string
 * views, a bounded buffer, an arena, checked integers. No I/O, no globals, no
 * clock. Nothing here is locked: an object belongs to one thread at a time;
 * const objects may be read by many.
 *
 * Ownership words, used in every header of this project:
 *   new/free    own heap memory            init/done   storage the caller owns
 *   get/find    borrow, never free         take        move out, empties the source
 *   ref/unref   count references           copy        says so when it copies
 * free and done accept NULL and zeroed objects.
 *
 * When malloc itself fails the process prints one line and aborts; a limit that
 * is exceeded is an ordinary error instead.
 */
#ifndef SLICEGATE_BASE_H
#define SLICEGATE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SG_MUST_CHECK __attribute__((warn_unused_result))
#define SG_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SG_CLEANUP(fn) __attribute__((cleanup(fn)))
#define SG_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- errors ---------------------------------------------------------------- */

/* What the *caller* can do about it. */
enum err_code {
  ERR_NONE = 0,
  ERR_INVALID,     /* the input is wrong; say so to who wrote it */
  ERR_LIMIT,       /* the input is larger than a stated limit */
  ERR_NOT_FOUND,   /* a named file or thing is not there */
  ERR_EXISTS,      /* something is there that must not be overwritten */
  ERR_UNAVAILABLE, /* may work later: address in use, too many open files */
  ERR_INTERNAL,    /* our fault or the system's */
};

/*
 * An error by value, on the caller's stack. Fallible functions return bool and
 * take `struct err *reterr` last; success leaves it untouched, failure always
 * fills it. reterr is never NULL.
 */
struct err {
  enum err_code code;
  unsigned line;   /* 1-based; 0 = does not apply */
  unsigned column; /* 1-based, in bytes; 0 = does not apply */
  char text[512];  /* one line, no trailing newline, cut with "..." when longer */
};

/* Fills *reterr and returns false, so that `return err_set(...)` is the failure path. */
bool err_set(struct err *reterr, enum err_code code, const char *fmt, ...) SG_PRINTF(3, 4);
/* The same with a position in a text. */
bool err_set_at(struct err *reterr, enum err_code code, unsigned line, unsigned column,
                const char *fmt, ...) SG_PRINTF(5, 6);
/* Puts "context: " in front of the text; code and position stay. Returns false. */
bool err_wrap(struct err *reterr, const char *fmt, ...) SG_PRINTF(2, 3);

/* ---- memory ---------------------------------------------------------------- */

/* calloc/realloc/strndup that never return NULL: out of memory aborts with one line. */
void *mem_zalloc(size_t size) SG_MUST_CHECK;
void *mem_realloc(void *ptr, size_t size) SG_MUST_CHECK;
char *mem_strndup(const char *ptr, size_t len) SG_MUST_CHECK;
void mem_free_ptr(void *ptr_to_ptr); /* for SG_CLEANUP: frees *(void **)ptr_to_ptr */
#define CLEANUP_FREE SG_CLEANUP(mem_free_ptr)

/*
 * An arena: allocations that die together. Good for everything that belongs to
 * one request, one policy or one file; bad for objects with lives of their own.
 * Memory is zeroed and aligned for any type.
 */
struct arena;
struct arena *arena_new(size_t first_chunk_bytes) SG_MUST_CHECK;
void arena_free(struct arena *arena);
void arena_free_ptr(struct arena **arena);
#define CLEANUP_ARENA SG_CLEANUP(arena_free_ptr)
/* Drops every allocation and keeps the first chunk for the next use. */
void arena_reset(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t size) SG_MUST_CHECK;
/* count * size, aborting on overflow (counts come from inputs already bounded). */
void *arena_array(struct arena *arena, size_t count, size_t size) SG_MUST_CHECK;
/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *arena);

/* ---- string views ---------------------------------------------------------- */

/* Bytes someone else owns; not NUL-terminated. ptr may be NULL only if len is 0. */
struct str {
  const char *ptr;
  size_t len;
};
#define STR_LIT(s) ((struct str){(s), sizeof(s) - 1})
#define STR_FMT(s) (int)(s).len, (s).ptr /* for "%.*s" */

static inline struct str str_of(const char *cstr) {
  return (struct str){cstr, cstr ? strlen(cstr) : 0};
}
static inline bool str_eq(struct str a, struct str b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
static inline bool str_is(struct str a, const char *cstr) {
  return str_eq(a, str_of(cstr));
}
bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);
/* The index of the first `c`, or s.len. */
size_t str_find_char(struct str s, char c);
/* Bytes of the well-formed UTF-8 character at the start of s; 0: there is none (RFC 3629: no
 * overlong forms, no surrogates, nothing above U+10FFFF). */
size_t str_utf8_len(struct str s);
/* FNV-1a; goes on from `hash`, which is HASH_START first. */
#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len);
/* The rest of s after its first `n` bytes (n <= s.len). */
struct str str_skip(struct str s, size_t n);
/* Byte order; <0, 0, >0. */
int str_cmp(struct str a, struct str b);
/* A NUL-terminated copy in the arena, as a view (ptr[len] == 0). */
struct str str_copy(struct arena *arena, struct str s);
/* A copy at *at, which is behind it then: for what lies in one allocation with its texts, of which
 * the sizes were summed first. An empty text takes no room. */
struct str str_put(char **at, struct str s);
struct str str_printf(struct arena *arena, const char *fmt, ...) SG_PRINTF(2, 3);
/*
 * Text of somebody else in one line of ours: the view itself when it is harmless, otherwise a copy
 * in which each control character (C0, C1, DEL), mark of direction and byte that is no UTF-8 is a
 * question mark, cut with "..." to `max` bytes.
 */
struct str str_printable(struct arena *arena, struct str text, size_t max);
/*
 * Shell-style match of the whole text: '*' any run of bytes (also none), '?' one
 * byte, everything else itself. Linear in text.len * pattern.len, no recursion.
 */
bool str_glob(struct str pattern, struct str text);
/*
 * Of `names`, the one nearest to `word` (Damerau-Levenshtein), or an empty view
 * when none is near enough to be a plausible typo (more than a third of the word differs).
 */
struct str str_nearest(struct str word, const struct str *names, size_t count);

/* ---- a buffer with a maximum ------------------------------------------------ */

/*
 * Grows up to `max` bytes. When an append would exceed it, what was there stays,
 * `truncated` is set, and every later append does nothing: callers check once.
 */
struct buf {
  char *ptr; /* NUL-terminated when not NULL */
  size_t len;
  size_t cap;
  size_t max;
  bool truncated;
};
void buf_init(struct buf *buf, size_t max);
void buf_done(struct buf *buf);
#define CLEANUP_BUF SG_CLEANUP(buf_done)
void buf_append(struct buf *buf, const void *bytes, size_t len);
void buf_append_str(struct buf *buf, struct str s);
void buf_append_cstr(struct buf *buf, const char *cstr);
void buf_append_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) SG_PRINTF(2, 3);
void buf_vprintf(struct buf *buf, const char *fmt, va_list args) SG_PRINTF(2, 0);
void buf_clear(struct buf *buf);
/* RFC 4648 with padding, on one line. */
void buf_append_base64(struct buf *buf, struct str bytes);
struct str buf_str(const struct buf *buf);
/* Moves the heap string out (NUL-terminated, never NULL; free() it); the buffer is empty after. */
char *buf_take(struct buf *buf) SG_MUST_CHECK;

/* ---- integers -------------------------------------------------------------- */

/* Saturating at INT64_MAX / INT64_MIN: sums of what users wrote never wrap. */
int64_t i64_add_sat(int64_t a, int64_t b);
int64_t i64_mul_sat(int64_t a, int64_t b);
/* Decimal digits only, optional leading '-'; false on anything else or overflow. */
bool i64_parse(struct str text, int64_t *ret) SG_MUST_CHECK;

/* ---- times ----------------------------------------------------------------- */

/* Seconds since 1970; false when the text is no time in RFC 3339. And back, in UTC. */
bool rfc3339_parse(struct str text, int64_t *ret_seconds) SG_MUST_CHECK;
struct str rfc3339_text(struct arena *arena, int64_t seconds);

#endif
