/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket, and how a port passes from a server to its successor. */
#include "http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static bool parse_address(const char *text, uint16_t port, struct sockaddr_storage *ret,
                          socklen_t *ret_len) {
  struct sockaddr_in *in4 = (struct sockaddr_in *)ret;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
  *ret = (struct sockaddr_storage){0};
  if (inet_pton(AF_INET, text, &in4->sin_addr) == 1) {
    in4->sin_family = AF_INET;
    in4->sin_port = htons(port);
    *ret_len = sizeof(*in4);
    return true;
  }
  if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    *ret_len = sizeof(*in6);
    return true;
  }
  return false;
}

bool listen_is_loopback(const char *address) {
  struct sockaddr_storage addr;
  socklen_t addr_len;
  if (!address || !parse_address(address, 0, &addr, &addr_len))
    return false;
  if (addr.ss_family == AF_INET6)
    return IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&addr)->sin6_addr);
  return ntohl(((struct sockaddr_in *)&addr)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static int fail_listen(int fd, const char *what, const char *address, uint16_t port,
                       struct err *reterr) {
  int number = errno;
  enum err_code code = number == EADDRNOTAVAIL || number == EADDRINUSE || number == EACCES ||
                               number == EMFILE || number == ENFILE
                           ? ERR_UNAVAILABLE
                           : ERR_INTERNAL;
  (void)err_set(reterr, code, "cannot %s [%s]:%u: %s", what, address, port, strerror(number));
  if (fd >= 0)
    (void)close(fd);
  return -1;
}

int listen_open(const char *address, uint16_t port, uint16_t *ret_port, struct err *reterr) {
  static const int on = 1;
  static const int off = 0;
  struct sockaddr_storage addr;
  socklen_t addr_len;
  const char *text = address ? address : "::";
  if (!parse_address(text, port, &addr, &addr_len)) {
    (void)err_set(reterr, ERR_INVALID, "'%s' is no IPv4 or IPv6 address", text);
    return -1;
  }
  int fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 && errno == EAFNOSUPPORT && !address) /* a kernel without IPv6 */
    return listen_open("0.0.0.0", port, ret_port, reterr);
  if (fd < 0)
    return fail_listen(fd, "open a socket for", text, port, reterr);
  if (addr.ss_family == AF_INET6)
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
    return fail_listen(fd, "share", text, port, reterr);
  if (bind(fd, (const struct sockaddr *)&addr, addr_len) != 0)
    return fail_listen(fd, "bind", text, port, reterr);
  if (listen(fd, SOMAXCONN) != 0)
    return fail_listen(fd, "listen on", text, port, reterr);
  addr_len = sizeof(addr);
  if (getsockname(fd, (struct sockaddr *)&addr, &addr_len) != 0)
    return fail_listen(fd, "ask for the port of", text, port, reterr);
  *ret_port = ntohs(addr.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&addr)->sin6_port
                                               : ((struct sockaddr_in *)&addr)->sin_port);
  return fd;
}

void listen_steer(int fd, unsigned index) {
  struct sock_filter code[] = {{BPF_RET | BPF_K, 0, 0, index}};
  struct sock_fprog program = {.len = SG_ARRAY_LEN(code), .filter = code};
  /* Where this fails the kernel goes on spreading, and the drain's last accepts remain. */
  (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
}
