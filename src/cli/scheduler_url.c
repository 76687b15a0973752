/* SPDX-License-Identifier: Apache-2.0 */
/* The address at which kube-scheduler reaches slicegate: it would take any text, and fail later. */
#include "src/cli/scheduler_config.h"

#include "src/cli/cli_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* ---- its parts ----------------------------------------------------------------------------- */

struct url_parts {
  struct str host; /* an IPv6 address without its brackets */
  struct str port;
  bool is_bracketed, is_closed, has_port;
};

static struct url_parts parts_of(const char *url) {
  struct url_parts parts = {0};
  struct str rest = str_skip(str_of(url), str_find_char(str_of(url), ':') + 3);
  size_t end = str_find_char(rest, '/');
  struct str place = {rest.ptr, end};
  parts.is_bracketed = place.len && place.ptr[0] == '[';
  if (parts.is_bracketed)
    place = str_skip(place, 1);
  size_t len = str_find_char(place, parts.is_bracketed ? ']' : ':');
  parts.host = (struct str){place.ptr, len};
  parts.is_closed = !parts.is_bracketed || len < place.len;
  place = str_skip(place, parts.is_bracketed && len < place.len ? len + 1 : len);
  parts.has_port = place.len > 0;
  parts.port = place;
  return parts;
}

static bool is_address(int family, struct str host) {
  unsigned char address[sizeof(struct in6_addr)];
  char text[INET6_ADDRSTRLEN];
  if (host.len >= sizeof(text))
    return false;
  (void)snprintf(text, sizeof(text), "%.*s", STR_FMT(host));
  return inet_pton(family, text, address) == 1;
}

/* A last label of digits makes an address of it: 999.1.1.1 is no name either. */
static bool looks_like_address(struct str host) {
  for (size_t i = host.len; i > 0 && host.ptr[i - 1] != '.'; i--) {
    if (host.ptr[i - 1] < '0' || host.ptr[i - 1] > '9')
      return false;
  }
  return true;
}

/* Labels of letters, digits and '-' within; '_' is in names that resolvers answer, too. */
static bool is_name(struct str host) {
  while (host.len) {
    size_t len = str_find_char(host, '.');
    if (len == 0 || host.ptr[0] == '-' || host.ptr[len - 1] == '-')
      return false;
    for (size_t i = 0; i < len; i++) {
      char c = host.ptr[i];
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '_'))
        return false;
    }
    host = str_skip(host, len < host.len ? len + 1 : len);
  }
  return true;
}

static bool is_host(const struct url_parts *parts) {
  if (!parts->is_closed || parts->host.len == 0)
    return false;
  if (parts->is_bracketed) /* with the interface behind a '%', where there is one */
    return is_address(AF_INET6, (struct str){parts->host.ptr, str_find_char(parts->host, '%')});
  struct str host = parts->host;
  if (host.ptr[host.len - 1] == '.')
    host.len--; /* the root's */
  return looks_like_address(host) ? is_address(AF_INET, host) : is_name(host);
}

static bool is_port(struct str text) {
  enum { PORT_MAX = 65535 };
  int64_t port;
  return text.len > 1 && text.ptr[0] == ':' && text.ptr[1] != '-' &&
         i64_parse(str_skip(text, 1), &port) && port >= 1 && port <= PORT_MAX;
}

/* ---- what is said of it -------------------------------------------------------------------- */

bool scheduler_url_uses_tls(const char *url) {
  return str_starts_with(str_of(url), STR_LIT("https://"));
}

bool scheduler_url_is_loopback(const char *url) {
  struct str host = parts_of(url).host;
  return str_is(host, "localhost") || str_is(host, "::1") ||
         (str_starts_with(host, STR_LIT("127.")) && is_address(AF_INET, host));
}

static bool is_plain_text(struct str url) {
  enum { URL_MAX = 2048 };
  for (size_t i = 0; i < url.len; i++) {
    if ((unsigned char)url.ptr[i] <= 0x20 || (unsigned char)url.ptr[i] >= 0x7f ||
        strchr("?#@\"'\\<>", url.ptr[i]))
      return false;
  }
  return url.len < URL_MAX;
}

bool scheduler_url_check(const char *text, FILE *err) {
  struct str url = str_of(text);
  bool is_https = scheduler_url_uses_tls(text);
  bool is_url = (is_https || str_starts_with(url, STR_LIT("http://"))) && is_plain_text(url) &&
                !str_ends_with(url, STR_LIT("/"));
  struct url_parts parts = {0};
  if (is_url)
    parts = parts_of(text);
  if (!is_url || parts.host.len == 0)
    return cli_complain(err, "--url is https://HOST[:PORT] without a slash at its end, not \"%s\"",
                        text);
  if (!is_host(&parts))
    return cli_complain(err,
                        "--url: a host is a name, an IPv4 address or an IPv6 address in [], not as "
                        "in \"%s\"",
                        text);
  if (parts.has_port && !is_port(parts.port))
    return cli_complain(err, "--url: a port is \":\" and a number from 1 to 65535, not \"%.*s\"",
                        STR_FMT(parts.port));
  if (str_ends_with(url, STR_LIT("/scheduler")))
    return cli_complain(err, "--url is without /scheduler, which is added: not \"%s\"", text);
  if (is_https || scheduler_url_is_loopback(text))
    return true;
  return cli_complain(err,
                      "--url %s: slicegate serves plain HTTP on loopback only; elsewhere it is "
                      "https, and kube-scheduler shows a certificate",
                      text);
}
