/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/simulate_wishes.h"

#include "slicegate/sys.h"

enum { COUNTS_MAX = 16, MIX_FILE_MAX = 4096 };

/* "8,100,1000". */
static bool read_counts(const char *flag, const char *text, int64_t most, struct arena *arena,
                        const uint32_t **ret, size_t *ret_count, FILE *err) {
  uint32_t *counts = arena_array(arena, COUNTS_MAX, sizeof(*counts));
  size_t count = 0;
  for (struct str rest = str_of(text); rest.ptr;) {
    size_t comma = str_find_char(rest, ',');
    int64_t number;
    if (count == COUNTS_MAX || !i64_parse((struct str){rest.ptr, comma}, &number) || number < 1 ||
        number > most) {
      (void)fprintf(err,
                    "slicegate: --%s is at most %d numbers from 1 to %lld separated by commas, "
                    "not \"%s\"\n",
                    flag, (int)COUNTS_MAX, (long long)most, text);
      return false;
    }
    for (size_t i = 0; i < count; i++) {
      if (counts[i] == number) {
        (void)fprintf(err, "slicegate: --%s: %lld is there twice\n", flag, (long long)number);
        return false;
      }
    }
    counts[count++] = (uint32_t)number;
    rest = comma < rest.len ? str_skip(rest, comma + 1) : (struct str){0};
  }
  *ret = counts;
  *ret_count = count;
  return true;
}

static bool read_parts(const char *text, unsigned *ret, FILE *err) {
  static const struct {
    const char *name;
    enum sim_mig_part part;
  } parts[] = {{"saturation", SIM_MIG_SATURATION},
               {"churn", SIM_MIG_CHURN},
               {"exact", SIM_MIG_EXACT},
               {"lists", SIM_MIG_LISTS}};
  for (struct str rest = str_of(text); rest.ptr;) {
    size_t comma = str_find_char(rest, ',');
    size_t i = 0;
    while (i < SG_ARRAY_LEN(parts) && !str_is((struct str){rest.ptr, comma}, parts[i].name))
      i++;
    if (i == SG_ARRAY_LEN(parts)) {
      (void)fprintf(err, "slicegate: --parts are of saturation,churn,exact,lists, not \"%s\"\n",
                    text);
      return false;
    }
    *ret |= parts[i].part;
    rest = comma < rest.len ? str_skip(rest, comma + 1) : (struct str){0};
  }
  return true;
}

/* The last part of a path, without its ending. */
static struct str name_of_file(const char *path) {
  struct str name = str_of(path);
  for (size_t slash; (slash = str_find_char(name, '/')) < name.len;)
    name = str_skip(name, slash + 1);
  return (struct str){name.ptr, str_find_char(name, '.')};
}

static bool is_family(const char *text) {
  static const char *const families[] = {"uniform", "skew-small", "skew-big", "bimodal"};
  for (size_t i = 0; i < SG_ARRAY_LEN(families); i++)
    if (strcmp(text, families[i]) == 0)
      return true;
  return false;
}

/* A name of the suite's own, weights, or a file with weights. */
static bool read_mix(const char *text, size_t number, struct arena *arena, struct sim_mix *ret,
                     FILE *err) {
  if (is_family(text)) {
    *ret = (struct sim_mix){str_of(text), {0}};
    return true;
  }
  if (strchr(text, '=')) {
    *ret = (struct sim_mix){str_printf(arena, "mix-%zu", number + 1), str_of(text)};
    return true;
  }
  CLEANUP_BUF struct buf file;
  buf_init(&file, MIX_FILE_MAX);
  struct err why;
  if (!sys_file_read(text, MIX_FILE_MAX, &file, &why)) {
    (void)fprintf(err, "slicegate: --mix: %s\n", why.text);
    return false;
  }
  *ret = (struct sim_mix){name_of_file(text), str_copy(arena, buf_str(&file))};
  if (ret->text.len == 0) {
    (void)fprintf(err, "slicegate: --mix: %s is empty\n", text);
    return false;
  }
  return true;
}

static bool read_mixes(const struct flag_list *texts, struct arena *arena,
                       struct sim_mig_options *options, FILE *err) {
  if (texts->count > SIM_MIG_MIXES_MAX) {
    (void)fprintf(err, "slicegate: more than %d mixes\n", (int)SIM_MIG_MIXES_MAX);
    return false;
  }
  struct sim_mix *mixes = arena_array(arena, texts->count, sizeof(*mixes));
  for (size_t i = 0; i < texts->count; i++)
    if (!read_mix(texts->items[i], i, arena, &mixes[i], err))
      return false;
  options->mixes = mixes;
  options->mix_count = texts->count;
  return true;
}

static bool has_flag_of(const struct simulate_wishes *wishes, const char **ret_flag,
                        const char **ret_suite) {
  const struct {
    bool is_given;
    const char *flag, *suite;
  } flags[] = {
      {wishes->product != NULL, "product", "mig"},
      {wishes->gpus != NULL, "gpus", "mig"},
      {wishes->parts != NULL, "parts", "mig"},
      {wishes->mixes.count > 0, "mix", "mig"},
      {wishes->products != NULL, "products", "mig"},
      {wishes->random_mixes > 0, "random-mixes", "mig"},
      {wishes->mix_seed >= 0, "mix-seed", "mig"},
      {wishes->is_flexible, "flex", "mixed"},
      {wishes->node_counts != NULL, "node-counts", "scale"},
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(flags); i++)
    if (flags[i].is_given && strcmp(flags[i].suite, *ret_suite) != 0) {
      *ret_flag = flags[i].flag;
      *ret_suite = flags[i].suite;
      return true;
    }
  return false;
}

bool simulate_read_wishes(const struct simulate_wishes *wishes, const struct sim_suite *suite,
                          struct arena *arena, struct sim_options *options, FILE *err) {
  const char *flag = NULL;
  const char *owner = sim_suite_name(suite);
  if (has_flag_of(wishes, &flag, &owner)) {
    (void)fprintf(err, "slicegate: suite %s has no --%s: that is for %s\n", sim_suite_name(suite),
                  flag, owner);
    return false;
  }
  if (wishes->mix_seed >= 0 && wishes->random_mixes == 0) {
    (void)fputs("slicegate: --mix-seed is for --random-mixes N, and none are asked for\n", err);
    return false;
  }
  if (wishes->product)
    options->mig.product = str_of(wishes->product);
  if (wishes->gpus && !read_counts("gpus", wishes->gpus, SIM_MIG_GPUS_MAX, arena,
                                   &options->mig.gpus, &options->mig.gpu_count, err))
    return false;
  if (wishes->parts && !read_parts(wishes->parts, &options->mig.parts, err))
    return false;
  if (wishes->node_counts &&
      !read_counts("node-counts", wishes->node_counts, SIM_SCALE_NODES_MAX, arena,
                   &options->scale_nodes, &options->scale_node_count, err))
    return false;
  options->mig.random_mixes = (size_t)wishes->random_mixes;
  options->mig.random_seed = wishes->mix_seed >= 0 ? (uint64_t)wishes->mix_seed : 1;
  options->is_flexible = wishes->is_flexible;
  return read_mixes(&wishes->mixes, arena, &options->mig, err);
}
