/* SPDX-License-Identifier: Apache-2.0 */
/* What commands read before they start: the policy, a recorded cluster, GPU products, a
 * point in time. */
#include "src/cli/load.h"

#include "slicegate/sys.h"
#include "slicegate/wire.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void print_err(const char *path, const struct err *err, FILE *out) {
  struct str text = str_of(err->text), name = str_of(path);
  (void)fprintf(out, "slicegate: ");
  if (err->line)
    (void)fprintf(out, "%s:%u:%u: ", path, err->line, err->column);
  else if (!str_starts_with(text, name)) /* errors of reading a file name it already */
    (void)fprintf(out, "%s: ", path);
  (void)fprintf(out, "%s\n", err->text);
}

struct policy *cli_load_policy(const char *path, FILE *err) {
  if (!path)
    return policy_builtin();
  CLEANUP_BUF struct buf text = {0};
  struct err why = {0};
  if (!sys_file_read(path, doc_limits_policy.max_bytes, &text, &why)) {
    print_err(path, &why, err);
    return NULL;
  }
  CLEANUP_ARENA struct arena *arena = arena_new(4096);
  struct policy_errors errors = {0};
  struct policy *policy = policy_read(str_of(path), buf_str(&text), arena, &errors);
  if (policy)
    return policy;
  /* The line and the caret are for eyes; programs read the first line of each error. */
  struct str shown = isatty(fileno(err)) == 1 ? buf_str(&text) : (struct str){NULL, 0};
  CLEANUP_BUF struct buf out;
  buf_init(&out, 1 << 20);
  for (size_t i = 0; i < errors.count; i++)
    policy_error_print(&out, str_of(path), shown, &errors.items[i]);
  (void)fwrite(out.ptr, 1, out.len, err);
  return NULL;
}

/* ---- a recorded cluster ------------------------------------------------------------------- */

struct loaded_cluster {
  struct arena *arena;
  struct buf text; /* strings of the cluster are views into it */
  struct cluster cluster;
};

typedef bool decode_fn(struct arena *arena, struct str text, struct cluster *ret,
                       struct err *reterr);

static struct loaded_cluster *load_cluster(const char *path, decode_fn *decode, FILE *err) {
  struct loaded_cluster *loaded = mem_zalloc(sizeof(*loaded));
  struct err why = {0};
  loaded->arena = arena_new(64 * 1024);
  if (sys_file_read(path, doc_limits_cluster.max_bytes, &loaded->text, &why) &&
      decode(loaded->arena, buf_str(&loaded->text), &loaded->cluster, &why))
    return loaded;
  print_err(path, &why, err);
  loaded_cluster_free(loaded);
  return NULL;
}

struct loaded_cluster *cli_load_cluster(const char *path, FILE *err) {
  return load_cluster(path, wire_cluster_decode, err);
}

/* Without its pods a cluster would look empty, and nothing true could be said of it. */
static bool decode_full(struct arena *arena, struct str text, struct cluster *ret,
                        struct err *reterr) {
  if (!wire_cluster_decode_pods(arena, text, ret, reterr))
    return false;
  if (ret->has_nodes && ret->has_pods)
    return true;
  return err_set_at(reterr, ERR_INVALID, 1, 1,
                    "no %s in here; record a cluster with `kubectl get nodes,pods -A -o json`",
                    ret->has_nodes ? "pods are" : "nodes are");
}

struct loaded_cluster *cli_load_cluster_pods(const char *path, FILE *err) {
  return load_cluster(path, decode_full, err);
}

const struct cluster *loaded_cluster_get(const struct loaded_cluster *loaded) {
  return loaded ? &loaded->cluster : NULL;
}

void loaded_cluster_free(struct loaded_cluster *loaded) {
  if (!loaded)
    return;
  arena_free(loaded->arena);
  buf_done(&loaded->text);
  free(loaded);
}

void loaded_cluster_free_ptr(struct loaded_cluster **loaded) {
  loaded_cluster_free(*loaded);
}

/* ---- GPU products -------------------------------------------------------------------------- */

bool cli_load_products(const char *path, struct arena *arena, struct gpu_products *ret, FILE *err) {
  size_t own_count;
  const struct gpu_product *own;
  *ret = products_builtin();
  if (!path)
    return true;
  CLEANUP_BUF struct buf text = {0};
  struct err why = {0};
  if (!sys_file_read(path, doc_limits_policy.max_bytes, &text, &why) ||
      !wire_products_decode(arena, buf_str(&text), &own, &own_count, &why)) {
    print_err(path, &why, err);
    return false;
  }
  ret->items = products_merge(arena, own, own_count, ret->items, ret->count, &ret->count);
  return true;
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Exactly `digits` digits at *at, which moves on. */
static bool take_number(struct str *at, size_t digits, int *ret) {
  int value = 0;
  if (at->len < digits)
    return false;
  for (size_t i = 0; i < digits; i++) {
    if (at->ptr[i] < '0' || at->ptr[i] > '9')
      return false;
    value = value * 10 + (at->ptr[i] - '0');
  }
  *at = str_skip(*at, digits);
  *ret = value;
  return true;
}

static bool take_char(struct str *at, const char *any_of) {
  if (at->len == 0 || !at->ptr[0] || !strchr(any_of, at->ptr[0]))
    return false;
  *at = str_skip(*at, 1);
  return true;
}

/* "Z", "+02:00": seconds east of Greenwich. */
static bool take_zone(struct str *at, int *ret_seconds) {
  int hours, minutes;
  if (take_char(at, "Zz")) {
    *ret_seconds = 0;
    return true;
  }
  int sign = at->len && at->ptr[0] == '-' ? -1 : 1;
  if (!take_char(at, "+-") || !take_number(at, 2, &hours) || !take_char(at, ":") ||
      !take_number(at, 2, &minutes) || hours > 23 || minutes > 59)
    return false;
  *ret_seconds = sign * (hours * 3600 + minutes * 60);
  return true;
}

bool cli_parse_time(struct str text, int64_t *ret_seconds) {
  struct tm tm = {0};
  int year, month, zone;
  struct str at = text;
  if (!take_number(&at, 4, &year) || !take_char(&at, "-") || !take_number(&at, 2, &month) ||
      !take_char(&at, "-") || !take_number(&at, 2, &tm.tm_mday) || !take_char(&at, "Tt ") ||
      !take_number(&at, 2, &tm.tm_hour) || !take_char(&at, ":") ||
      !take_number(&at, 2, &tm.tm_min) || !take_char(&at, ":") || !take_number(&at, 2, &tm.tm_sec))
    return false;
  if (take_char(&at, ".")) {
    int digit;
    if (!take_number(&at, 1, &digit))
      return false;
    while (take_number(&at, 1, &digit))
      ; /* fractions of a second decide nothing */
  }
  if (!take_zone(&at, &zone) || at.len)
    return false;
  tm.tm_year = year - 1900;
  tm.tm_mon = month - 1;
  struct tm asked = tm;
  time_t seconds = timegm(&tm);
  /* timegm moves the 31st of February to March: what moved was no date. 60 is a leap second. */
  bool is_leap = asked.tm_sec == 60;
  if (month < 1 || month > 12 || asked.tm_hour > 23 || asked.tm_min > 59 || asked.tm_sec > 60 ||
      (!is_leap && (tm.tm_mday != asked.tm_mday || tm.tm_mon != asked.tm_mon)))
    return false;
  *ret_seconds = (int64_t)seconds - zone;
  return true;
}

int64_t cli_now_seconds(void) {
  return sys_wall_now().ns / 1000000000;
}
