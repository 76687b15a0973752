/* SPDX-License-Identifier: Apache-2.0 */
/* A server with routes for tests, and certificates for it. */
#ifndef SLICEGATE_TESTS_HTTP_FIXTURE_H
#define SLICEGATE_TESTS_HTTP_FIXTURE_H

#include "slicegate/http.h"
#include "slicegate/sys.h"

#include <check.h>
#include <semaphore.h>

struct pair {
  struct buf cert;
  struct buf key;
};
/* A new self-made certificate for localhost. */
void pair_make(struct pair *pair);
void pair_done(struct pair *pair);

/*
 * POST /echo     answers with the body
 * POST /small    the same, body at most 1,000 bytes
 * POST /any      the same, any content type
 * POST /length   the length of the body
 * GET  /hello    "hello"
 * GET  /ask      the query argument "q" and the header "X-Ask"
 * GET  /peer     the peer's address
 * GET  /big      BIG_BYTES of letters
 * GET  /busy     503 with "Connection: close"
 * GET  /wait     says `entered`, answers after `release`
 *      /aside    the same on a thread aside, then the query argument "q" and the body
 * POST /aside/echo  the body, on a thread aside
 * GET  /tree/ *  the path
 */
enum { BIG_BYTES = 3000000, SMALL_MAX = 1000 };
extern sem_t fixture_entered;
extern sem_t fixture_release;

/* The last exchanges that the access hook saw. */
struct seen_access {
  char method[16];
  char path[64];
  char route[64];
  unsigned status;
  size_t request_bytes;
  size_t response_bytes;
  int64_t duration_us;
};
struct seen_access fixture_last_access(int64_t *ret_count);

/* Tests' own limits; zeros take the defaults of these fields. */
struct http_server *fixture_start(const struct http_limits *limits, uint16_t port);
/* With the routes; on 127.0.0.1, four threads and the shared pair where nothing is said. */
struct http_server *fixture_start_with(struct http_config config);
/* The pair that it shows. */
const struct pair *fixture_pair(void);
/* The checked fixture of most tests: one server, default limits. */
extern struct http_server *server;
extern uint16_t port;
void fixture_setup(void);
void fixture_teardown(void);
/* The running server again, with other limits. */
void fixture_restart(const struct http_limits *limits);

/* Polls until the condition holds; fails the test after PATIENCE_S. */
#define WAIT_UNTIL(condition)                                                                      \
  do {                                                                                             \
    struct sys_mono until_ = sys_mono_add_ms(sys_mono_now(), 30000);                               \
    while (!(condition)) {                                                                         \
      ck_assert_msg(sys_mono_now().ns < until_.ns, "never came true: %s", #condition);             \
      fixture_pause();                                                                             \
    }                                                                                              \
  } while (0)
void fixture_pause(void); /* a millisecond */

static inline struct http_stats fixture_stats(void) {
  struct http_stats stats;
  http_server_stats(server, &stats);
  return stats;
}
/* Every connection gone, nothing in flight, nothing buffered. */
void fixture_expect_idle(void);

#endif
