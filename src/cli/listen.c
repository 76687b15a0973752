/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/listen.h"

#include <arpa/inet.h>

/* False: no IP address. */
static bool read_address(const char *address, bool *ret_is_loopback) {
  struct in_addr four;
  struct in6_addr six;
  if (inet_pton(AF_INET, address, &four) == 1) {
    *ret_is_loopback = ntohl(four.s_addr) >> 24 == 127;
    return true;
  }
  *ret_is_loopback = false;
  if (inet_pton(AF_INET6, address, &six) != 1)
    return false;
  *ret_is_loopback = IN6_IS_ADDR_LOOPBACK(&six);
  return true;
}

bool listen_address_parse(struct arena *arena, const char *flag, const char *listen,
                          struct listen_address *ret, struct err *reterr) {
  struct str text = str_of(listen);
  size_t colon = text.len;
  while (colon > 0 && text.ptr[colon - 1] != ':')
    colon--;
  int64_t port;
  if (colon == 0 || !i64_parse(str_skip(text, colon), &port) || port < 0 || port > 65535)
    return err_set(reterr, ERR_INVALID,
                   "--%s is ADDRESS:PORT, such as 127.0.0.1:8443 or :8443, not \"%s\"", flag,
                   listen);
  struct str address = {text.ptr, colon - 1};
  if (address.len >= 2 && address.ptr[0] == '[' && address.ptr[address.len - 1] == ']')
    address = (struct str){address.ptr + 1, address.len - 2};
  ret->address = address.len ? str_copy(arena, address).ptr : NULL;
  ret->port = (uint16_t)port;
  ret->is_loopback = false;
  if (!ret->address || read_address(ret->address, &ret->is_loopback))
    return true;
  return err_set(reterr, ERR_INVALID,
                 "--%s: \"%s\" is no IP address, and names are not looked up; write 127.0.0.1 or "
                 "[::1] for loopback, nothing before the colon for every address",
                 flag, ret->address);
}

/* IPv4 in its IPv6 form. */
static struct in6_addr to_six(const char *address) {
  struct in6_addr six = IN6ADDR_ANY_INIT;
  if (address && inet_pton(AF_INET, address, &six.s6_addr[12]) == 1)
    six.s6_addr[10] = six.s6_addr[11] = 0xff;
  else if (address)
    (void)inet_pton(AF_INET6, address, &six);
  return six;
}

/* "::" listens for IPv4 as well. */
static bool covers(const struct in6_addr *wide, const struct in6_addr *other) {
  const struct in6_addr every_four = to_six("0.0.0.0");
  return IN6_IS_ADDR_UNSPECIFIED(wide) || IN6_ARE_ADDR_EQUAL(wide, other) ||
         (IN6_ARE_ADDR_EQUAL(wide, &every_four) && IN6_IS_ADDR_V4MAPPED(other));
}

bool listen_address_meets(const struct listen_address *a, const struct listen_address *b) {
  const struct in6_addr x = to_six(a->address), y = to_six(b->address);
  return a->port && a->port == b->port && (covers(&x, &y) || covers(&y, &x));
}

struct str listen_address_text(struct arena *arena, const char *address, uint16_t port) {
  return str_printf(arena, address && strchr(address, ':') ? "[%s]:%u" : "%s:%u",
                    address ? address : "", port);
}
