/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/listen.h"

#include <arpa/inet.h>

static bool is_loopback(const char *address) {
  struct in_addr four;
  struct in6_addr six;
  if (!address)
    return false;
  if (inet_pton(AF_INET, address, &four) == 1)
    return ntohl(four.s_addr) >> 24 == 127;
  return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
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
  ret->is_loopback = is_loopback(ret->address);
  return true;
}

struct str listen_address_text(struct arena *arena, const char *address, uint16_t port) {
  return str_printf(arena, address && strchr(address, ':') ? "[%s]:%u" : "%s:%u",
                    address ? address : "", port);
}
