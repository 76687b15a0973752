/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extender: kube-scheduler's part of the extender protocol, over and over: a filter call with the
 * names of all nodes, then a prioritize call with the names that came back, for one pod after
 * another. Nothing is bound here, so each comes again after PODS_WAITING others: about as many are
 * between filter and the news of their Binding at any time; with --once each comes once only. Says
 * how long each took, and how many different pods there were, as key=value lines. A connection for
 * each call in flight, closed-loop, as kube-scheduler's are; one thread for all of them, since
 * sixteen would compete with the server for the same cores. An answer's time is that at which this
 * thread comes to it: with several in flight the figures are upper bounds.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_FLIGHT_MAX = 256, ANSWER_MAX = 8 << 20, SAMPLES_MAX = 4 << 20, PODS_WAITING = 1024 };

struct options {
  int port, in_flight, nodes, seconds;
  int once;           /* so many pods, each once, of other names than without; 0: for seconds */
  const char *client; /* folder of ca.crt, client.crt and client.key: over TLS; NULL: without */
  const char *resource, *node_format;
};

static struct options options = {.in_flight = 1,
                                 .nodes = 5000,
                                 .seconds = 5,
                                 .resource = "nvidia.com/gpu",
                                 .node_format = "gpu-node-%05d"};
static SSL_CTX *tls;
static char *names; /* "a","b", ... */
static size_t names_len;
static int64_t end_ns;

/* One connection, and what it waits for. */
struct lane {
  int number, fd;
  SSL *ssl;
  char *request, *answer;
  size_t have, header, need; /* of the answer: bytes, where its body begins, where it ends */
  bool is_ranking;
  int64_t turn, began, filtered;
  uint32_t *filter_us, *rank_us;
  size_t count;
  int64_t errors, done;
};

static int64_t now_ns(void) {
  struct timespec ts;
  (void)clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void die(const char *what) {
  (void)fprintf(stderr, "extender: %s\n", what);
  exit(1);
}

static void dial(struct lane *w) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
  int one = 1;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  w->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (w->fd < 0 || connect(w->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
    die("cannot connect");
  (void)setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  if (!tls)
    return;
  w->ssl = SSL_new(tls);
  if (!w->ssl || SSL_set_fd(w->ssl, w->fd) != 1 || SSL_connect(w->ssl) != 1)
    die("no TLS");
}

static void send_all(struct lane *w, const char *bytes, size_t len) {
  while (len > 0) {
    ssize_t sent =
        w->ssl ? SSL_write(w->ssl, bytes, (int)len) : send(w->fd, bytes, len, MSG_NOSIGNAL);
    if (sent <= 0)
      die("the connection was closed while a request was sent");
    bytes += sent;
    len -= (size_t)sent;
  }
}

static ssize_t take(struct lane *w) {
  char *at = w->answer + w->have;
  size_t room = ANSWER_MAX - 1 - w->have;
  return w->ssl ? SSL_read(w->ssl, at, (int)room) : recv(w->fd, at, room, 0);
}

/* Reads what has come. True: the answer is whole. */
static bool receive(struct lane *w) {
  do {
    ssize_t got = take(w);
    if (got <= 0)
      die("the connection was closed before the answer's end");
    w->have += (size_t)got;
    w->answer[w->have] = '\0';
    char *blank = w->header ? NULL : strstr(w->answer, "\r\n\r\n");
    if (blank) {
      char *length = strcasestr(w->answer, "\r\nContent-Length:");
      w->header = (size_t)(blank + 4 - w->answer);
      w->need = w->header + (length ? (size_t)strtoul(length + 17, NULL, 10) : 0);
    }
  } while (w->ssl && SSL_pending(w->ssl) > 0);
  return w->header && w->have >= w->need;
}

/* How many different pods one lane asks for. */
static int64_t own_pods(void) {
  return (options.once ? options.once : PODS_WAITING) / options.in_flight;
}

static bool is_over(const struct lane *w) {
  return options.once ? w->turn + 1 >= own_pods() : now_ns() >= end_ns;
}

static void ask(struct lane *w, const char *verb, const char *list, size_t list_len) {
  static const char args[] =
      "{\"Pod\":{\"metadata\":{\"name\":\"load-%d-%" PRId64 "\",\"namespace\":\"load\","
      "\"uid\":\"%08d-0000-4000-8000-%012" PRId64
      "\"},\"spec\":{\"containers\":[{\"name\":\"main\","
      "\"image\":\"example.org/train:1\",\"resources\":{\"limits\":{\"%s\":\"1\",\"cpu\":\"4\","
      "\"memory\":\"16Gi\"},\"requests\":{\"%s\":\"1\",\"cpu\":\"4\",\"memory\":\"16Gi\"}}}],"
      "\"schedulerName\":\"default-scheduler\",\"priority\":0},\"status\":{\"phase\":\"Pending\"}},"
      "\"Nodes\":null,\"NodeNames\":[";
  int64_t pod = options.once ? PODS_WAITING + w->turn : w->turn % own_pods();
  char head[2048], line[256];
  int head_len = snprintf(head, sizeof(head), args, w->number, pod, w->number, pod,
                          options.resource, options.resource);
  size_t body = (size_t)head_len + list_len + 2;
  int line_len = snprintf(line, sizeof(line),
                          "POST /scheduler/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                          "application/json\r\nContent-Length: %zu\r\n\r\n",
                          verb, body);
  char *at = w->request;
  memcpy(at, line, (size_t)line_len);
  at += line_len;
  memcpy(at, head, (size_t)head_len);
  at += head_len;
  memcpy(at, list, list_len);
  at += list_len;
  memcpy(at, "]}", 2);
  w->have = w->header = w->need = 0;
  send_all(w, w->request, (size_t)(at + 2 - w->request));
}

static void ask_filter(struct lane *w) {
  w->is_ranking = false;
  w->began = now_ns();
  ask(w, "filter", names, names_len);
}

static void count_error(struct lane *w, const char *verb) {
  if (w->errors++ == 0)
    (void)fprintf(stderr, "extender: %s: %.400s\n", verb, w->answer);
}

static bool is_well(const struct lane *w) {
  return strncmp(w->answer, "HTTP/1.1 200", 12) == 0;
}

/* Asks for the rank of the names that came back. */
static bool on_filtered(struct lane *w) {
  char kept[64 << 10];
  const char *list = is_well(w) ? strstr(w->answer + w->header, "\"NodeNames\":[") : NULL;
  const char *end = list ? strchr(list, ']') : NULL;
  if (!end || end - list <= 13) {
    count_error(w, "filter");
    return false;
  }
  size_t len = (size_t)(end - list) - 13;
  if (len > sizeof(kept))
    die("too many names came back");
  memcpy(kept, list + 13, len);
  w->is_ranking = true;
  w->filtered = now_ns();
  ask(w, "prioritize", kept, len);
  return true;
}

static void on_ranked(struct lane *w) {
  const char *body = w->answer + w->header;
  if (!is_well(w) || body[0] != '[' || !strstr(body, "10")) {
    count_error(w, "prioritize");
    return;
  }
  size_t most = SAMPLES_MAX / (size_t)options.in_flight;
  size_t at = (size_t)w->done++ % most; /* of a long run the last ones are kept */
  w->filter_us[at] = (uint32_t)((w->filtered - w->began) / 1000);
  w->rank_us[at] = (uint32_t)((now_ns() - w->filtered) / 1000);
  w->count = w->done < (int64_t)most ? (size_t)w->done : most;
}

/* An answer is whole. False: the run is over, and nothing more was asked. */
static bool go_on(struct lane *w) {
  if (!w->is_ranking && on_filtered(w))
    return true;
  if (w->is_ranking)
    on_ranked(w);
  if (is_over(w))
    return false;
  w->turn++;
  ask_filter(w);
  return true;
}

static void run(struct lane *lanes) {
  struct pollfd fds[IN_FLIGHT_MAX];
  int open = options.in_flight;
  for (int i = 0; i < options.in_flight; i++) {
    fds[i] = (struct pollfd){.fd = lanes[i].fd, .events = POLLIN};
    ask_filter(&lanes[i]);
  }
  while (open > 0) {
    if (poll(fds, (nfds_t)options.in_flight, 30000) <= 0)
      die("no answer for 30 seconds");
    for (int i = 0; i < options.in_flight; i++) {
      if (!fds[i].revents || !receive(&lanes[i]) || go_on(&lanes[i]))
        continue;
      fds[i].fd = -1; /* poll passes it by */
      open--;
    }
  }
}

static int compare(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static void report(const char *verb, struct lane *lanes, bool is_rank) {
  size_t count = 0, at = 0;
  for (int i = 0; i < options.in_flight; i++)
    count += lanes[i].count;
  uint32_t *all = calloc(count + 1, sizeof(*all));
  if (!all || count == 0)
    die("nothing was measured");
  for (int i = 0; i < options.in_flight; i++) {
    const uint32_t *from = is_rank ? lanes[i].rank_us : lanes[i].filter_us;
    memcpy(all + at, from, lanes[i].count * sizeof(*all));
    at += lanes[i].count;
  }
  qsort(all, count, sizeof(*all), compare);
  (void)printf("%s_p50_us=%u\n%s_p99_us=%u\n%s_max_us=%u\n", verb, all[count / 2], verb,
               all[count * 99 / 100], verb, all[count - 1]);
  free(all);
}

static void make_names(void) {
  names = malloc((size_t)options.nodes * 64 + 1);
  if (!names)
    die("no memory");
  for (int i = 0; i < options.nodes; i++) {
    char name[56];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(name, sizeof(name), options.node_format, i);
#pragma GCC diagnostic pop
    names_len += (size_t)snprintf(names + names_len, 64, "%s\"%s\"", i ? "," : "", name);
  }
}

static int number(const char *text) {
  long value = strtol(text, NULL, 10);
  if (value < 0 || value > 10000000)
    die("a number is out of range");
  return (int)value;
}

static void read_options(int argc, char **argv) {
  static const struct option flags[] = {
      {"port", 1, NULL, 'p'},        {"in-flight", 1, NULL, 'i'}, {"nodes", 1, NULL, 'n'},
      {"seconds", 1, NULL, 's'},     {"client", 1, NULL, 'c'},    {"resource", 1, NULL, 'r'},
      {"node-format", 1, NULL, 'f'}, {"once", 1, NULL, 'o'},      {NULL, 0, NULL, 0}};
  int flag;
  while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
    switch (flag) {
    case 'p':
      options.port = number(optarg);
      break;
    case 'i':
      options.in_flight = number(optarg);
      break;
    case 'n':
      options.nodes = number(optarg);
      break;
    case 's':
      options.seconds = number(optarg);
      break;
    case 'o':
      options.once = number(optarg);
      break;
    case 'c':
      options.client = optarg;
      break;
    case 'r':
      options.resource = optarg;
      break;
    case 'f':
      options.node_format = optarg;
      break;
    default:
      die("usage: extender --port N [--in-flight N] [--nodes N] [--seconds N | --once N] "
          "[--client FOLDER] [--resource NAME] [--node-format FORMAT]");
    }
  }
  if (options.port == 0 || options.in_flight < 1 || options.in_flight > IN_FLIGHT_MAX)
    die("--port is needed, and --in-flight from 1 to 256");
}

/* As kube-scheduler: it says who it is, and wants to know whom it asks. */
static void use_tls(void) {
  char path[3][512];
  static const char *const names_of[] = {"ca.crt", "client.crt", "client.key"};
  for (int i = 0; i < 3; i++)
    (void)snprintf(path[i], sizeof(path[i]), "%s/%s", options.client, names_of[i]);
  tls = SSL_CTX_new(TLS_client_method());
  if (!tls || SSL_CTX_load_verify_locations(tls, path[0], NULL) != 1 ||
      SSL_CTX_use_certificate_file(tls, path[1], SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(tls, path[2], SSL_FILETYPE_PEM) != 1)
    die("--client needs a folder with ca.crt, client.crt and client.key");
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
}

int main(int argc, char **argv) {
  static struct lane lanes[IN_FLIGHT_MAX];
  read_options(argc, argv);
  make_names();
  if (options.client)
    use_tls();
  for (int i = 0; i < options.in_flight; i++) {
    struct lane *w = &lanes[i];
    w->number = i + 1;
    w->request = malloc(names_len + 8192);
    w->answer = malloc(ANSWER_MAX);
    w->filter_us = malloc(SAMPLES_MAX / (size_t)options.in_flight * sizeof(uint32_t) + 4096);
    w->rank_us = malloc(SAMPLES_MAX / (size_t)options.in_flight * sizeof(uint32_t) + 4096);
    if (!w->request || !w->answer || !w->filter_us || !w->rank_us)
      die("no memory");
    dial(w);
  }
  int64_t began = now_ns();
  end_ns = began + (int64_t)options.seconds * 1000000000;
  run(lanes);
  int64_t errors = 0, pods = 0, different = 0;
  for (int i = 0; i < options.in_flight; i++) {
    errors += lanes[i].errors;
    pods += lanes[i].done;
    different += lanes[i].turn + 1 < own_pods() ? lanes[i].turn + 1 : own_pods();
  }
  double took = (double)(now_ns() - began) / 1e9;
  (void)printf("pods=%" PRId64 "\ndifferent_pods=%" PRId64 "\nerrors=%" PRId64
               "\npods_per_second=%.0f\n",
               pods, different, errors, (double)pods / took);
  report("filter", lanes, false);
  report("prioritize", lanes, true);
  return errors != 0;
}
