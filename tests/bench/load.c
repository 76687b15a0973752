/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: sends one request over and over on TLS keep-alive connections and says how
 * that went, as key=value lines. One thread, one epoll loop.
 *
 * With --rate the schedule is open: request i is due at start + i/rate whatever has
 * become of the others, and its latency counts from when it was due. A server that
 * stalls cannot hide the requests that would have come meanwhile (coordinated
 * omission). Without --rate every connection sends as soon as it has its answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  CONNECTIONS_MAX = 4096,
  RESPONSE_MAX = 4 << 20,
  LATENCY_MAX_US = 2000000, /* counted exactly up to here */
  EVENTS = 64,
};

struct options {
  const char *address;
  int port;
  const char *path;
  const char *host;
  const char *body_file;
  const char *content_type;
  int connections;
  int64_t rate;     /* a second; 0: as fast as it goes */
  int64_t seconds;  /* of measuring */
  int64_t warmup_s; /* before, not counted */
  int64_t requests; /* stop after as many; 0: by time */
  int record_bytes; /* bytes given to one SSL_write; 0: the whole request */
  int reconnect;    /* requests for each connection; 0: keep it */
  long server_pid;
};

struct connection {
  int fd;
  SSL *ssl;
  bool is_connected; /* TLS handshake done */
  bool is_busy;      /* a request is under way */
  int64_t due_ns;
  size_t sent;
  char *response;
  size_t response_len;
  int requests;
};

struct load {
  struct options options;
  SSL_CTX *tls;
  char *request;
  size_t request_len;
  struct connection connections[CONNECTIONS_MAX];
  int epoll;
  int64_t start_ns; /* of the schedule */
  int64_t scheduled;
  bool is_counting;
  int64_t done;
  int64_t errors;
  int64_t bad_status;
  int64_t max_us;
  int64_t sum_us;
  int64_t beyond; /* slower than LATENCY_MAX_US */
  uint32_t *latencies;
};

static int64_t now_ns(void) {
  struct timespec ts;
  (void)clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

_Noreturn static void die(const char *what) {
  (void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(2);
}

/* ---- the request --------------------------------------------------------------------- */

static char *read_file(const char *path, size_t *ret_len) {
  FILE *file = fopen(path, "rb");
  if (!file)
    die(path);
  size_t cap = 1 << 16;
  size_t len = 0;
  char *bytes = malloc(cap);
  for (;;) {
    if (!bytes)
      die("memory");
    size_t n = fread(bytes + len, 1, cap - len, file);
    len += n;
    if (n == 0)
      break;
    if (len == cap) {
      cap *= 2;
      bytes = realloc(bytes, cap);
    }
  }
  if (ferror(file))
    die(path);
  (void)fclose(file);
  *ret_len = len;
  return bytes;
}

static void make_request(struct load *load) {
  const struct options *options = &load->options;
  size_t body_len = 0;
  char *body = options->body_file ? read_file(options->body_file, &body_len) : NULL;
  size_t cap = body_len + 1024 + strlen(options->path) + strlen(options->host);
  load->request = malloc(cap);
  if (!load->request)
    die("memory");
  int head = snprintf(load->request, cap,
                      "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\nAccept: application/json, "
                      "*/*\r\n",
                      body ? "POST" : "GET", options->path, options->host);
  if (body)
    head +=
        snprintf(load->request + head, cap - (size_t)head,
                 "Content-Type: %s\r\nContent-Length: %zu\r\n", options->content_type, body_len);
  head += snprintf(load->request + head, cap - (size_t)head, "\r\n");
  if (body)
    memcpy(load->request + head, body, body_len);
  load->request_len = (size_t)head + body_len;
  free(body);
}

/* ---- connections ----------------------------------------------------------------------- */

static void watch(struct load *load, struct connection *c, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  if (epoll_ctl(load->epoll, operation, c->fd, &event) != 0)
    die("epoll_ctl");
}

static void open_connection(struct load *load, struct connection *c) {
  static const int on = 1;
  struct sockaddr_in addr = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)load->options.port)};
  if (inet_pton(AF_INET, load->options.address, &addr.sin_addr) != 1)
    die("address");
  char *response = c->response;
  *c = (struct connection){.response = response};
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
    die("connect");
  (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  (void)fcntl(c->fd, F_SETFL, O_NONBLOCK);
  c->ssl = SSL_new(load->tls);
  if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
    die("TLS");
  (void)SSL_set_tlsext_host_name(c->ssl, load->options.host);
  SSL_set_connect_state(c->ssl);
  watch(load, c, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT | EPOLLET);
}

static void close_connection(struct connection *c) {
  SSL_free(c->ssl);
  (void)close(c->fd);
  c->ssl = NULL;
}

/* The connection failed: the request under way is an error, and a new one is opened. */
static void fail_connection(struct load *load, struct connection *c) {
  if (c->is_busy && load->is_counting)
    load->errors++;
  ERR_clear_error();
  close_connection(c);
  open_connection(load, c);
}

static void record(struct load *load, struct connection *c, bool is_good) {
  int64_t us = (now_ns() - c->due_ns) / 1000;
  if (!load->is_counting)
    return;
  load->done++;
  if (!is_good)
    load->bad_status++;
  if (us > load->max_us)
    load->max_us = us;
  load->sum_us += us;
  if (us < LATENCY_MAX_US)
    load->latencies[us]++;
  else
    load->beyond++;
}

/* Whether the answer is complete; *ret_good if its status is 2xx. */
static bool is_complete(struct connection *c, bool *ret_good, bool *ret_close) {
  c->response[c->response_len] = '\0';
  const char *end = strstr(c->response, "\r\n\r\n");
  if (!end)
    return false;
  size_t body_len = 0;
  const char *length = strcasestr(c->response, "\r\nContent-Length:");
  if (length && length < end)
    body_len = strtoul(length + 17, NULL, 10);
  if (c->response_len < (size_t)(end - c->response) + 4 + body_len)
    return false;
  *ret_good = strncmp(c->response, "HTTP/1.1 2", 10) == 0;
  const char *close_header = strcasestr(c->response, "\r\nConnection: close");
  *ret_close = close_header && close_header < end;
  return true;
}

enum progress { PROGRESS_WAIT, PROGRESS_DONE, PROGRESS_FAILED };

static enum progress of_result(const struct connection *c, int result) {
  int reason = SSL_get_error(c->ssl, result);
  return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? PROGRESS_WAIT
                                                                         : PROGRESS_FAILED;
}

static enum progress send_request(struct load *load, struct connection *c) {
  while (c->sent < load->request_len) {
    size_t len = load->request_len - c->sent;
    if (load->options.record_bytes > 0 && len > (size_t)load->options.record_bytes)
      len = (size_t)load->options.record_bytes;
    int n = SSL_write(c->ssl, load->request + c->sent, (int)len);
    if (n <= 0)
      return of_result(c, n);
    c->sent += (size_t)n;
  }
  return PROGRESS_DONE;
}

static enum progress read_response(struct load *load, struct connection *c) {
  for (;;) {
    int n =
        SSL_read(c->ssl, c->response + c->response_len, (int)(RESPONSE_MAX - 1 - c->response_len));
    if (n <= 0)
      return of_result(c, n);
    c->response_len += (size_t)n;
    bool is_good = false;
    bool must_close = false;
    if (c->is_busy && is_complete(c, &is_good, &must_close)) {
      record(load, c, is_good);
      c->is_busy = false;
      c->response_len = 0;
      c->requests++;
      if (must_close || (load->options.reconnect > 0 && c->requests >= load->options.reconnect)) {
        close_connection(c);
        open_connection(load, c);
      }
      return PROGRESS_DONE;
    }
  }
}

/* Everything that can be done for the connection now. */
static void advance(struct load *load, struct connection *c) {
  if (!c->is_connected) {
    int result = SSL_do_handshake(c->ssl);
    if (result != 1) {
      if (of_result(c, result) == PROGRESS_FAILED)
        fail_connection(load, c);
      return;
    }
    c->is_connected = true;
  }
  enum progress progress = PROGRESS_DONE;
  if (c->is_busy && c->sent < load->request_len)
    progress = send_request(load, c);
  if (progress != PROGRESS_FAILED)
    progress = read_response(load, c);
  if (progress == PROGRESS_FAILED)
    fail_connection(load, c);
}

/* ---- the schedule ------------------------------------------------------------------------ */

static void begin_request(struct load *load, struct connection *c, int64_t due_ns) {
  c->is_busy = true;
  c->sent = 0;
  c->response_len = 0;
  c->due_ns = due_ns;
  load->scheduled++;
  advance(load, c);
}

static int64_t next_due_ns(const struct load *load, int64_t now) {
  if (load->options.rate == 0)
    return now;
  int64_t i = load->scheduled;
  int64_t rate = load->options.rate;
  return load->start_ns + i / rate * 1000000000 + i % rate * 1000000000 / rate;
}

/* Gives due requests to free connections. */
static void begin_due(struct load *load) {
  for (int i = 0; i < load->options.connections; i++) {
    struct connection *c = &load->connections[i];
    int64_t now = now_ns();
    int64_t due = next_due_ns(load, now);
    if (due > now)
      return;
    if (c->is_connected && !c->is_busy)
      begin_request(load, c, due);
  }
}

static void run_until(struct load *load, int64_t end_ns, int64_t stop_after) {
  load->start_ns = now_ns();
  load->scheduled = 0;
  for (;;) {
    begin_due(load);
    int64_t now = now_ns();
    if (now >= end_ns || (stop_after > 0 && load->done >= stop_after))
      return;
    /* Sleeping a whole millisecond would be late: the loop spins when something is due soon. */
    int64_t left_ns = next_due_ns(load, now + 1000000000) - now;
    int timeout_ms =
        load->options.rate == 0 || left_ns < 2000000 ? 0 : (int)(left_ns / 1000000 - 1);
    if (load->options.rate == 0)
      timeout_ms = 100;
    struct epoll_event events[EVENTS];
    int count = epoll_wait(load->epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++)
      advance(load, events[i].data.ptr);
  }
}

/* ---- the server's figures ------------------------------------------------------------------ */

static int64_t server_cpu_us(long pid) {
  char path[64];
  char line[1024];
  (void)snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file)
    die(path);
  size_t n = fread(line, 1, sizeof(line) - 1, file);
  (void)fclose(file);
  line[n] = '\0';
  /* utime and stime are fields 14 and 15; the name, field 2, may hold blanks. */
  const char *at = strrchr(line, ')');
  unsigned long user = 0;
  unsigned long system = 0;
  if (!at ||
      sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
    die("cannot read the server's CPU time");
  return (int64_t)(user + system) * (1000000 / sysconf(_SC_CLK_TCK));
}

static long server_kib(long pid, const char *field) {
  char path[64];
  char line[256];
  long kib = -1;
  (void)snprintf(path, sizeof(path), "/proc/%ld/status", pid);
  FILE *file = fopen(path, "r");
  if (!file)
    die(path);
  while (fgets(line, sizeof(line), file)) {
    if (strncmp(line, field, strlen(field)) == 0)
      kib = strtol(line + strlen(field) + 1, NULL, 10);
  }
  (void)fclose(file);
  return kib;
}

/* The smallest latency that `per_mille` of the requests did not exceed. */
static int64_t percentile_us(const struct load *load, int64_t per_mille) {
  int64_t wanted = (load->done * per_mille + 999) / 1000;
  int64_t seen = 0;
  for (int64_t us = 0; us < LATENCY_MAX_US; us++) {
    seen += load->latencies[us];
    if (seen >= wanted)
      return us;
  }
  return load->max_us;
}

static void print_result(const struct load *load, int64_t elapsed_ns, int64_t cpu_us) {
  int64_t done = load->done;
  (void)printf("requests=%" PRId64 "\n", done);
  (void)printf("errors=%" PRId64 "\n", load->errors);
  (void)printf("bad_status=%" PRId64 "\n", load->bad_status);
  (void)printf("seconds=%" PRId64 ".%03" PRId64 "\n", elapsed_ns / 1000000000,
               elapsed_ns / 1000000 % 1000);
  (void)printf("requests_per_second=%" PRId64 "\n",
               elapsed_ns > 0 ? done * 1000000 / (elapsed_ns / 1000) : 0);
  (void)printf("p50_us=%" PRId64 "\n", percentile_us(load, 500));
  (void)printf("p90_us=%" PRId64 "\n", percentile_us(load, 900));
  (void)printf("p99_us=%" PRId64 "\n", percentile_us(load, 990));
  (void)printf("p999_us=%" PRId64 "\n", percentile_us(load, 999));
  (void)printf("max_us=%" PRId64 "\n", load->max_us);
  (void)printf("mean_us=%" PRId64 "\n", done > 0 ? load->sum_us / done : 0);
  if (load->options.server_pid == 0)
    return;
  (void)printf("server_cpu_ms=%" PRId64 "\n", cpu_us / 1000);
  (void)printf("server_cpu_us_per_request_x100=%" PRId64 "\n", done > 0 ? cpu_us * 100 / done : 0);
  (void)printf("requests_per_server_cpu_second=%" PRId64 "\n",
               cpu_us > 0 ? done * 1000000 / cpu_us : 0);
  (void)printf("server_rss_kib=%ld\n", server_kib(load->options.server_pid, "VmRSS"));
  (void)printf("server_hwm_kib=%ld\n", server_kib(load->options.server_pid, "VmHWM"));
}

/* ---- main ----------------------------------------------------------------------------------- */

static const char usage[] =
    "usage: load --port PORT [options]\n"
    "  --address ADDR      IPv4 address of the server [127.0.0.1]\n"
    "  --path PATH         request path [/validate]\n"
    "  --host NAME         Host header and SNI [localhost]\n"
    "  --body FILE         POST these bytes; without it GET\n"
    "  --content-type T    of the body [application/json]\n"
    "  --connections N     TLS connections [16]\n"
    "  --rate N            requests a second, on an open schedule; 0 as fast as it goes [0]\n"
    "  --seconds N         how long to measure [10]\n"
    "  --warmup N          seconds before that [1]\n"
    "  --requests N        stop measuring after as many answers [by time]\n"
    "  --record BYTES      largest piece given to TLS at once [the whole request]\n"
    "  --reconnect N       new connection after N requests [never]\n"
    "  --server-pid PID    also print the server's CPU time and memory\n";

static int64_t number(const char *text, int64_t least, int64_t most) {
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno || *end || end == text || value < least || value > most) {
    (void)fprintf(stderr, "load: not a number in range: %s\n%s", text, usage);
    exit(2);
  }
  return value;
}

static struct options parse(int argc, char **argv) {
  enum { A = 256, PORT, PATH, HOST, BODY, TYPE, CONNS, RATE, SECS, WARM, REQS, REC, RECON, PID };
  static const struct option names[] = {{"address", 1, NULL, A},
                                        {"port", 1, NULL, PORT},
                                        {"path", 1, NULL, PATH},
                                        {"host", 1, NULL, HOST},
                                        {"body", 1, NULL, BODY},
                                        {"content-type", 1, NULL, TYPE},
                                        {"connections", 1, NULL, CONNS},
                                        {"rate", 1, NULL, RATE},
                                        {"seconds", 1, NULL, SECS},
                                        {"warmup", 1, NULL, WARM},
                                        {"requests", 1, NULL, REQS},
                                        {"record", 1, NULL, REC},
                                        {"reconnect", 1, NULL, RECON},
                                        {"server-pid", 1, NULL, PID},
                                        {0}};
  struct options o = {.address = "127.0.0.1",
                      .path = "/validate",
                      .host = "localhost",
                      .content_type = "application/json",
                      .connections = 16,
                      .seconds = 10,
                      .warmup_s = 1};
  int option;
  while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
    switch (option) {
    case A:
      o.address = optarg;
      break;
    case PORT:
      o.port = (int)number(optarg, 1, 65535);
      break;
    case PATH:
      o.path = optarg;
      break;
    case HOST:
      o.host = optarg;
      break;
    case BODY:
      o.body_file = optarg;
      break;
    case TYPE:
      o.content_type = optarg;
      break;
    case CONNS:
      o.connections = (int)number(optarg, 1, CONNECTIONS_MAX);
      break;
    case RATE:
      o.rate = number(optarg, 0, 10000000);
      break;
    case SECS:
      o.seconds = number(optarg, 1, 86400);
      break;
    case WARM:
      o.warmup_s = number(optarg, 0, 86400);
      break;
    case REQS:
      o.requests = number(optarg, 1, INT64_MAX);
      break;
    case REC:
      o.record_bytes = (int)number(optarg, 1, 1 << 20);
      break;
    case RECON:
      o.reconnect = (int)number(optarg, 1, 1 << 30);
      break;
    case PID:
      o.server_pid = (long)number(optarg, 1, INT32_MAX);
      break;
    default:
      (void)fputs(usage, stderr);
      exit(2);
    }
  }
  if (o.port == 0 || optind != argc) {
    (void)fputs(usage, stderr);
    exit(2);
  }
  return o;
}

static struct load load;

int main(int argc, char **argv) {
  load.options = parse(argc, argv);
  (void)signal(SIGPIPE, SIG_IGN);
  load.tls = SSL_CTX_new(TLS_client_method());
  load.epoll = epoll_create1(EPOLL_CLOEXEC);
  load.latencies = calloc(LATENCY_MAX_US, sizeof(*load.latencies));
  if (!load.tls || load.epoll < 0 || !load.latencies)
    die("start");
  (void)SSL_CTX_set_mode(load.tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
  make_request(&load);
  for (int i = 0; i < load.options.connections; i++) {
    load.connections[i].response = malloc(RESPONSE_MAX);
    if (!load.connections[i].response)
      die("memory");
    open_connection(&load, &load.connections[i]);
  }
  run_until(&load, now_ns() + load.options.warmup_s * 1000000000, 0);
  long pid = load.options.server_pid;
  int64_t cpu_us = pid ? server_cpu_us(pid) : 0;
  int64_t start = now_ns();
  load.is_counting = true;
  run_until(&load, load.options.requests ? INT64_MAX : start + load.options.seconds * 1000000000,
            load.options.requests);
  int64_t elapsed = now_ns() - start;
  cpu_us = pid ? server_cpu_us(pid) - cpu_us : 0;
  print_result(&load, elapsed, cpu_us);
  for (int i = 0; i < load.options.connections; i++) {
    close_connection(&load.connections[i]);
    free(load.connections[i].response);
  }
  SSL_CTX_free(load.tls);
  free(load.request);
  free(load.latencies);
  return load.errors + load.bad_status > 0 || load.done == 0;
}
