/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extender: kube-scheduler's part of the extender protocol, over and over: a filter call with the
 * names of all nodes, then a prioritize call with the names that came back, for one pod after
 * another. Nothing is bound here, so each comes again after PODS_WAITING others: about as many are
 * between filter and the news of their Binding at any time. Says how long each took, as key=value
 * lines. A thread and a connection for each call in flight; every call is closed-loop, as
 * kube-scheduler's are.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 256, ANSWER_MAX = 8 << 20, SAMPLES_MAX = 4 << 20, PODS_WAITING = 1024 };

struct options {
  int port, threads, nodes, seconds;
  bool is_tls;
  const char *resource, *node_format;
};

static struct options options = {.threads = 1,
                                 .nodes = 5000,
                                 .seconds = 5,
                                 .resource = "nvidia.com/gpu",
                                 .node_format = "gpu-node-%05d"};
static SSL_CTX *tls;
static char *names; /* "a","b", ... */
static size_t names_len;
static int64_t end_ns;

struct worker {
  pthread_t thread;
  int number;
  int fd;
  SSL *ssl;
  char *request, *answer;
  size_t answer_len;
  uint32_t *filter_us, *rank_us;
  size_t count;
  int64_t errors, passed, done;
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

static void dial(struct worker *w) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
  int one = 1;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  w->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (w->fd < 0 || connect(w->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
    die("cannot connect");
  (void)setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  if (!options.is_tls)
    return;
  w->ssl = SSL_new(tls);
  if (!w->ssl || SSL_set_fd(w->ssl, w->fd) != 1 || SSL_connect(w->ssl) != 1)
    die("no TLS");
}

static void send_all(struct worker *w, const char *bytes, size_t len) {
  while (len > 0) {
    ssize_t sent =
        w->ssl ? SSL_write(w->ssl, bytes, (int)len) : send(w->fd, bytes, len, MSG_NOSIGNAL);
    if (sent <= 0)
      die("the connection was closed while a request was sent");
    bytes += sent;
    len -= (size_t)sent;
  }
}

/* Reads one answer; its body is at *ret_body. False: not 200. */
static bool receive(struct worker *w, const char **ret_body) {
  size_t need = 0, have = 0, header = 0;
  do {
    ssize_t got = w->ssl ? SSL_read(w->ssl, w->answer + have, (int)(ANSWER_MAX - 1 - have))
                         : recv(w->fd, w->answer + have, ANSWER_MAX - 1 - have, 0);
    if (got <= 0)
      die("the connection was closed before the answer's end");
    have += (size_t)got;
    w->answer[have] = '\0';
    char *blank = header ? NULL : strstr(w->answer, "\r\n\r\n");
    if (blank) {
      char *length = strcasestr(w->answer, "\r\nContent-Length:");
      header = (size_t)(blank + 4 - w->answer);
      need = header + (length ? (size_t)strtoul(length + 17, NULL, 10) : 0);
    }
  } while (header == 0 || have < need);
  w->answer_len = have;
  *ret_body = w->answer + header;
  return strncmp(w->answer, "HTTP/1.1 200", 12) == 0;
}

static bool call(struct worker *w, const char *verb, int64_t pod, const char *list, size_t list_len,
                 const char **ret_body) {
  static const char args[] =
      "{\"Pod\":{\"metadata\":{\"name\":\"load-%d-%" PRId64 "\",\"namespace\":\"load\","
      "\"uid\":\"%08d-0000-4000-8000-%012" PRId64
      "\"},\"spec\":{\"containers\":[{\"name\":\"main\","
      "\"image\":\"example.org/train:1\",\"resources\":{\"limits\":{\"%s\":\"1\",\"cpu\":\"4\","
      "\"memory\":\"16Gi\"},\"requests\":{\"%s\":\"1\",\"cpu\":\"4\",\"memory\":\"16Gi\"}}}],"
      "\"schedulerName\":\"default-scheduler\",\"priority\":0},\"status\":{\"phase\":\"Pending\"}},"
      "\"Nodes\":null,\"NodeNames\":[";
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
  send_all(w, w->request, (size_t)(at + 2 - w->request));
  return receive(w, ret_body);
}

static void *work(void *ctx) {
  struct worker *w = ctx;
  size_t most = SAMPLES_MAX / (size_t)options.threads;
  for (int64_t turn = 0; now_ns() < end_ns; turn++) {
    int64_t pod = turn % (PODS_WAITING / options.threads);
    const char *body;
    int64_t began = now_ns();
    bool is_well = call(w, "filter", pod, names, names_len, &body);
    int64_t filtered = now_ns();
    const char *list = is_well ? strstr(body, "\"NodeNames\":[") : NULL;
    const char *end = list ? strchr(list, ']') : NULL;
    if (!end || end - list <= 13) {
      if (w->errors++ == 0)
        (void)fprintf(stderr, "extender: filter: %.400s\n", w->answer);
      continue;
    }
    w->passed++;
    char kept[64 << 10];
    size_t len = (size_t)(end - list) - 13;
    if (len > sizeof(kept))
      die("too many names came back");
    memcpy(kept, list + 13, len);
    is_well = call(w, "prioritize", pod, kept, len, &body);
    int64_t ranked = now_ns();
    if (!is_well || body[0] != '[' || !strstr(body, "10")) {
      if (w->errors++ == 0)
        (void)fprintf(stderr, "extender: prioritize: %.400s\n", w->answer);
      continue;
    }
    size_t at = (size_t)w->done++ % most; /* of a long run the last ones are kept */
    w->filter_us[at] = (uint32_t)((filtered - began) / 1000);
    w->rank_us[at] = (uint32_t)((ranked - filtered) / 1000);
    w->count = w->done < (int64_t)most ? (size_t)w->done : most;
  }
  return NULL;
}

static int compare(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static void report(const char *verb, struct worker *workers, bool is_rank) {
  size_t count = 0, at = 0;
  for (int i = 0; i < options.threads; i++)
    count += workers[i].count;
  uint32_t *all = calloc(count + 1, sizeof(*all));
  if (!all || count == 0)
    die("nothing was measured");
  for (int i = 0; i < options.threads; i++) {
    const uint32_t *from = is_rank ? workers[i].rank_us : workers[i].filter_us;
    memcpy(all + at, from, workers[i].count * sizeof(*all));
    at += workers[i].count;
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
  static const struct option flags[] = {{"port", 1, NULL, 'p'},        {"in-flight", 1, NULL, 'i'},
                                        {"nodes", 1, NULL, 'n'},       {"seconds", 1, NULL, 's'},
                                        {"tls", 0, NULL, 't'},         {"resource", 1, NULL, 'r'},
                                        {"node-format", 1, NULL, 'f'}, {NULL, 0, NULL, 0}};
  int flag;
  while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
    switch (flag) {
    case 'p':
      options.port = number(optarg);
      break;
    case 'i':
      options.threads = number(optarg);
      break;
    case 'n':
      options.nodes = number(optarg);
      break;
    case 's':
      options.seconds = number(optarg);
      break;
    case 't':
      options.is_tls = true;
      break;
    case 'r':
      options.resource = optarg;
      break;
    case 'f':
      options.node_format = optarg;
      break;
    default:
      die("usage: extender --port N [--in-flight N] [--nodes N] [--seconds N] [--tls] "
          "[--resource NAME] [--node-format FORMAT]");
    }
  }
  if (options.port == 0 || options.threads < 1 || options.threads > THREADS_MAX)
    die("--port is needed, and --in-flight from 1 to 256");
}

int main(int argc, char **argv) {
  static struct worker workers[THREADS_MAX];
  read_options(argc, argv);
  make_names();
  if (options.is_tls) {
    tls = SSL_CTX_new(TLS_client_method());
    if (!tls)
      die("no TLS");
  }
  int64_t began = now_ns();
  end_ns = began + (int64_t)options.seconds * 1000000000;
  for (int i = 0; i < options.threads; i++) {
    struct worker *w = &workers[i];
    w->number = i + 1;
    w->request = malloc(names_len + 8192);
    w->answer = malloc(ANSWER_MAX);
    w->filter_us = malloc(SAMPLES_MAX / (size_t)options.threads * sizeof(uint32_t) + 4096);
    w->rank_us = malloc(SAMPLES_MAX / (size_t)options.threads * sizeof(uint32_t) + 4096);
    if (!w->request || !w->answer || !w->filter_us || !w->rank_us)
      die("no memory");
    dial(w);
  }
  for (int i = 0; i < options.threads; i++)
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
      die("no thread");
  int64_t errors = 0, pods = 0;
  for (int i = 0; i < options.threads; i++) {
    (void)pthread_join(workers[i].thread, NULL);
    errors += workers[i].errors;
    pods += workers[i].done;
  }
  double took = (double)(now_ns() - began) / 1e9;
  (void)printf("pods=%" PRId64 "\nerrors=%" PRId64 "\npods_per_second=%.0f\n", pods, errors,
               (double)pods / took);
  report("filter", workers, false);
  report("prioritize", workers, true);
  return errors != 0;
}
