/* SPDX-License-Identifier: Apache-2.0 */
/* How a request's first bytes are noticed without TLS, where libmicrohttpd alone reads. */
#include "http_internal.h"

/* The kernel's: the one of glibc has no byte counts, and the two cannot be had together. */
#include <linux/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

static uint64_t received(int fd) {
  struct tcp_info info = {0};
  socklen_t len = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
      len < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received))
    return 0; /* an old kernel: then the idle limit ends slow headers too */
  return info.tcpi_bytes_received;
}

void received_mark(const struct http_server *server, struct conn *conn) {
  if (!server->uses_tls)
    conn->received = received(conn->fd);
}

bool received_more(const struct http_server *server, const struct conn *conn) {
  return !server->uses_tls && received(conn->fd) > conn->received;
}
