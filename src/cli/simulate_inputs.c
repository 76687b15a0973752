/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/simulate_inputs.h"

#include "slicegate/sys.h"

/* ---- lists ---------------------------------------------------------------------------------- */

static bool feed(void *ctx, struct str piece, struct err *reterr) {
  return sim_reader_feed(ctx, piece, reterr);
}

static bool load_list(struct sim_trace *trace, enum sim_list list, const char *path, FILE *err) {
  struct err why = {0};
  struct sim_reader *reader = sim_reader_new(trace, list);
  bool is_read = sys_file_stream(path, feed, reader, &why) && sim_reader_end(reader, &why);
  sim_reader_free(reader);
  if (is_read)
    return true;
  if (why.line)
    (void)fprintf(err, "slicegate: %s:%u:%u: %s\n", path, why.line, why.column, why.text);
  else /* errors of reading a file name it */
    (void)fprintf(err, "slicegate: %s\n", why.text);
  return false;
}

struct sim_trace *simulate_load_trace(const char *nodes, const char *pods, FILE *err) {
  struct sim_trace *trace = sim_trace_new();
  if ((nodes && !load_list(trace, SIM_NODES, nodes, err)) ||
      !load_list(trace, SIM_PODS, pods, err)) {
    sim_trace_free(trace);
    return NULL;
  }
  const struct sim_trace_facts *facts = sim_trace_facts(trace);
  if (nodes && facts->pods_without_model)
    (void)fprintf(err,
                  "slicegate: %s: warning: %zu of %zu pods can never be placed: no node has a GPU "
                  "model that they name (%.*s)\n",
                  pods, facts->pods_without_model, facts->pods,
                  STR_FMT(facts->models_without_node));
  if (nodes && facts->pods_too_large)
    (void)fprintf(err,
                  "slicegate: %s:%u: warning: %zu of %zu pods can never be placed: no node is "
                  "large enough, even empty; this is the first\n",
                  pods, facts->first_too_large, facts->pods_too_large, facts->pods);
  return trace;
}

/* ---- values of flags ------------------------------------------------------------------------ */

/* What stands before the next comma; *rest is behind it. False: nothing is left. */
static bool take_item(struct str *rest, struct str *ret) {
  if (!rest->ptr)
    return false;
  size_t len = str_find_char(*rest, ',');
  *ret = (struct str){rest->ptr, len};
  *rest = len < rest->len ? str_skip(*rest, len + 1) : (struct str){NULL, 0};
  return true;
}

static bool parse_range(struct str item, int64_t *ret_first, int64_t *ret_last) {
  size_t hyphen = str_find_char(item, '-');
  if (!i64_parse((struct str){item.ptr, hyphen}, ret_first) || *ret_first < 0)
    return false;
  *ret_last = *ret_first;
  return hyphen == item.len ||
         (i64_parse(str_skip(item, hyphen + 1), ret_last) && *ret_last >= *ret_first);
}

size_t simulate_parse_seeds(const char *text, uint64_t ret[SIM_SEEDS_MAX], FILE *err) {
  size_t count = 0;
  struct str rest = str_of(text), item;
  while (take_item(&rest, &item)) {
    int64_t first, last;
    if (!parse_range(item, &first, &last)) {
      (void)fprintf(err, "slicegate: --seeds is numbers and ranges like 42-51,7, not \"%s\"\n",
                    text);
      return 0;
    }
    for (int64_t seed = first;; seed++) {
      for (size_t i = 0; i < count; i++) {
        /* Counted twice it would make intervals look narrower than they are. */
        if (ret[i] == (uint64_t)seed) {
          (void)fprintf(err, "slicegate: --seeds: seed %lld is there twice\n", (long long)seed);
          return 0;
        }
      }
      if (count == SIM_SEEDS_MAX) {
        (void)fprintf(err, "slicegate: --seeds: more than %d seeds\n", (int)SIM_SEEDS_MAX);
        return 0;
      }
      ret[count++] = (uint64_t)seed;
      if (seed == last)
        break;
    }
  }
  return count;
}

bool simulate_parse_ratio(const char *text, double *ret, FILE *err) {
  const double least = 0.01, most = 100;
  struct str all = str_of(text);
  size_t point = str_find_char(all, '.');
  struct str whole = {all.ptr, point};
  struct str fraction = point < all.len ? str_skip(all, point + 1) : STR_LIT("0");
  int64_t units = 0, parts = 0;
  bool is_number = i64_parse(whole, &units) && fraction.len <= 6 && i64_parse(fraction, &parts) &&
                   !str_starts_with(whole, STR_LIT("-")) &&
                   !str_starts_with(fraction, STR_LIT("-"));
  double value = (double)parts;
  for (size_t i = 0; i < fraction.len; i++)
    value /= 10;
  value += (double)units;
  if (is_number && value >= least && value <= most) {
    *ret = value;
    return true;
  }
  (void)fprintf(err, "slicegate: --ratio is a number from %.2f to %.0f such as 1.3, not \"%s\"\n",
                least, most, text);
  return false;
}

size_t simulate_parse_policies(const char *text, struct str ret[SIM_POLICIES_MAX], FILE *err) {
  size_t count = 0;
  struct str rest = str_of(text), item;
  while (take_item(&rest, &item)) {
    if (item.len == 0 || count == SIM_POLICIES_MAX) {
      (void)fprintf(err,
                    "slicegate: --policies is at most %d names separated by commas, not "
                    "\"%s\"\n",
                    (int)SIM_POLICIES_MAX, text);
      return 0;
    }
    for (size_t i = 0; i < count; i++) {
      if (str_eq(ret[i], item)) {
        (void)fprintf(err, "slicegate: --policies: %.*s is there twice\n", STR_FMT(item));
        return 0;
      }
    }
    ret[count++] = item;
  }
  return count;
}
