/* SPDX-License-Identifier: Apache-2.0 */
/* How a port passes from one listening socket to the next. */
#include "src/http/http_internal.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

TCase *tcase_listen(void);

static int open_on(uint16_t port, uint16_t *ret_port) {
  struct err err = {0};
  int fd = listen_open("127.0.0.1", port, ret_port, &err);
  ck_assert_msg(fd >= 0, "%s", err.text);
  return fd;
}

/* A client that connects and waits in an accept queue. */
static int knock(uint16_t port) {
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
  (void)inet_pton(AF_INET, "127.0.0.1", &addr.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
  return fd;
}

/* Connections that wait at a listening socket, taken and closed. */
static int take_all(int listener) {
  int count = 0;
  struct pollfd poller = {.fd = listener, .events = POLLIN};
  while (poll(&poller, 1, 0) == 1) {
    int fd = accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    count++;
  }
  return count;
}

enum { KNOCKS = 200 };

static void knock_many(uint16_t port) {
  for (int i = 0; i < KNOCKS; i++)
    (void)close(knock(port));
}

START_TEST(steering_sends_every_connection_to_the_successor) {
  uint16_t port;
  int old = open_on(0, &port);
  int successor = open_on(port, &port);
  knock_many(port);
  ck_assert_msg(take_all(old) > 0 && take_all(successor) > 0, "the kernel spreads");
  listen_steer(old, 1);
  knock_many(port);
  ck_assert_int_eq(take_all(old), 0);
  ck_assert_int_eq(take_all(successor), KNOCKS);
  /* And when the old one has gone, the successor, alone now, still gets all. */
  (void)close(old);
  knock_many(port);
  ck_assert_int_eq(take_all(successor), KNOCKS);
  /* Its own successor in turn. */
  int third = open_on(port, &port);
  listen_steer(successor, 1);
  knock_many(port);
  ck_assert_int_eq(take_all(successor), 0);
  ck_assert_int_eq(take_all(third), KNOCKS);
  (void)close(successor);
  (void)close(third);
}
END_TEST

START_TEST(steering_without_a_successor_changes_nothing) {
  uint16_t port;
  int alone = open_on(0, &port);
  listen_steer(alone, 1);
  knock_many(port);
  ck_assert_int_eq(take_all(alone), KNOCKS);
  (void)close(alone);
}
END_TEST

static const struct {
  const char *name;
  const char *address;
  enum err_code code;
} bad[] = {
    {"a name", "localhost", ERR_INVALID},
    {"nothing", "", ERR_INVALID},
    {"too many numbers", "127.0.0.1.1", ERR_INVALID},
    {"an address that is not here", "192.0.2.1", ERR_UNAVAILABLE},
};

START_TEST(bad_addresses) {
  struct err err = {0};
  uint16_t port;
  ck_assert_int_eq(listen_open(bad[_i].address, 0, &port, &err), -1);
  ck_assert_msg(err.code == bad[_i].code, "%s: %s", bad[_i].name, err.text);
  ck_assert_msg(strstr(err.text, bad[_i].address) != NULL, "%s: %s", bad[_i].name, err.text);
}
END_TEST

START_TEST(a_port_that_is_taken) {
  struct err err = {0};
  struct sockaddr_in addr = {.sin_family = AF_INET};
  socklen_t len = sizeof(addr);
  uint16_t port;
  (void)inet_pton(AF_INET, "127.0.0.1", &addr.sin_addr);
  int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* does not share */
  ck_assert_int_eq(bind(other, (struct sockaddr *)&addr, sizeof(addr)), 0);
  ck_assert_int_eq(listen(other, 1), 0);
  ck_assert_int_eq(getsockname(other, (struct sockaddr *)&addr, &len), 0);
  ck_assert_int_eq(listen_open("127.0.0.1", ntohs(addr.sin_port), &port, &err), -1);
  ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
  (void)close(other);
}
END_TEST

TCase *tcase_listen(void) {
  TCase *tc = tcase_create("listen");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, steering_sends_every_connection_to_the_successor);
  tcase_add_test(tc, steering_without_a_successor_changes_nothing);
  tcase_add_loop_test(tc, bad_addresses, 0, (int)SG_ARRAY_LEN(bad));
  tcase_add_test(tc, a_port_that_is_taken);
  return tc;
}
