/* SPDX-License-Identifier: Apache-2.0 */
/* The open connections of all workers, counted at the door. */
#include "http_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

void table_init(struct table *table) {
  (void)pthread_mutex_init(&table->mutex, NULL);
}

void table_done(struct table *table) {
  assert(table->count == 0);
  free(table->conns);
  (void)pthread_mutex_destroy(&table->mutex);
}

/* IPv4 is kept in its IPv6 form, so that one address is one key. */
static void conn_set_peer(struct conn *conn, const struct sockaddr_storage *addr) {
  const struct sockaddr_in *in4 = (const struct sockaddr_in *)addr;
  const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;
  if (addr->ss_family == AF_INET) {
    conn->addr.s6_addr[10] = conn->addr.s6_addr[11] = 0xff;
    memcpy(&conn->addr.s6_addr[12], &in4->sin_addr, 4);
  } else {
    conn->addr = in6->sin6_addr;
  }
  if (IN6_IS_ADDR_V4MAPPED(&conn->addr))
    (void)inet_ntop(AF_INET, &conn->addr.s6_addr[12], conn->peer, sizeof(conn->peer));
  else
    (void)inet_ntop(AF_INET6, &conn->addr, conn->peer, sizeof(conn->peer));
}

/* Under the mutex. A look at every entry costs a microsecond a thousand. */
static bool is_within_caps(const struct http_server *server, const struct conn *conn) {
  const struct table *table = &server->table;
  const struct http_limits *limits = &server->limits;
  if (limits->connections >= 0 && (int64_t)table->count >= limits->connections)
    return false;
  if (limits->connections_per_peer < 0)
    return true;
  int64_t same = 0;
  for (size_t i = 0; i < table->count; i++) {
    if (IN6_ARE_ADDR_EQUAL(&table->conns[i]->addr, &conn->addr))
      same++;
  }
  return same < limits->connections_per_peer;
}

/* Under the mutex. */
static void enter(struct table *table, struct conn *conn) {
  if (table->count == table->cap) {
    table->cap = table->cap ? table->cap * 2 : 64;
    table->conns = mem_realloc(table->conns, table->cap * sizeof(struct conn *));
  }
  conn->table_index = table->count;
  table->conns[table->count++] = conn;
}

struct conn *table_add(struct http_server *server, int fd, const struct sockaddr_storage *addr) {
  struct table *table = &server->table;
  struct conn *conn = mem_zalloc(sizeof(*conn));
  conn->magic = CONN_MAGIC;
  conn->fd = fd;
  conn_set_peer(conn, addr);
  (void)pthread_mutex_lock(&table->mutex);
  bool is_welcome = is_within_caps(server, conn);
  if (is_welcome)
    enter(table, conn);
  (void)pthread_mutex_unlock(&table->mutex);
  if (is_welcome)
    return conn;
  free(conn);
  return NULL;
}

void table_remove(struct http_server *server, struct conn *conn) {
  struct table *table = &server->table;
  assert(conn->magic == CONN_MAGIC);
  (void)pthread_mutex_lock(&table->mutex);
  assert(table->conns[conn->table_index] == conn);
  struct conn *last = table->conns[--table->count];
  last->table_index = conn->table_index;
  table->conns[conn->table_index] = last;
  (void)pthread_mutex_unlock(&table->mutex);
  conn->magic = 0;
  free(conn);
}

int64_t table_count(struct http_server *server) {
  (void)pthread_mutex_lock(&server->table.mutex);
  int64_t count = (int64_t)server->table.count;
  (void)pthread_mutex_unlock(&server->table.mutex);
  return count;
}
