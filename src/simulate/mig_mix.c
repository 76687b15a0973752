/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mixes of MIG profiles: the suite's four, those that a user writes, and random ones.
 */
#include "src/simulate/mig.h"

#include <math.h>
#include <stdio.h>

/* ---- finishing a mix ------------------------------------------------------------------------ */

/* Scales the weights to sum 1. */
static bool finish(const struct pack_mig *mig, struct mig_mix *mix, struct err *reterr) {
  double sum = 0;
  for (size_t w = 0; w < mix->wanted_count; w++)
    sum += mix->weights[w];
  if (sum <= 0)
    return err_set(reterr, ERR_INVALID, "mix \"%s\" asks for nothing", mix->name);
  mix->mean_size = 0;
  for (size_t w = 0; w < mix->wanted_count; w++) {
    mix->weights[w] /= sum;
    mix->sizes[w] = mig->profiles[mix->wanted[w]].size;
    mix->mean_size += mix->weights[w] * mix->sizes[w];
  }
  return true;
}

static void set_name(struct mig_mix *mix, struct str name) {
  size_t len = name.len < MIG_MIX_NAME_MAX ? name.len : MIG_MIX_NAME_MAX;
  memcpy(mix->name, name.ptr, len);
  mix->name[len] = '\0';
}

/* ---- the suite's own ------------------------------------------------------------------------ */

/* Weights for the six profiles 1g, 1g with double memory, 2g, 3g, 4g, 7g of the 7-of-8 parts. */
enum { FAMILY_POINTS = 6 };
static const struct {
  struct str name;
  double weights[FAMILY_POINTS];
} families[MIG_FAMILIES] = {
    {STR_LIT("uniform"), {1, 1, 1, 1, 1, 1}},
    {STR_LIT("skew-small"), {.30, .25, .20, .10, .10, .05}},
    {STR_LIT("skew-big"), {.05, .10, .10, .20, .25, .30}},
    {STR_LIT("bimodal"), {.30, .15, .05, .05, .15, .30}},
};

/* The plain profiles with known placements, smallest first; of one size the one with fewer
 * compute slices. */
static size_t find_plain(const struct gpu_product *product, const struct pack_mig *mig,
                         uint16_t ret[MIG_WANTED_MAX]) {
  unsigned rank[MIG_WANTED_MAX] = {0};
  size_t count = 0;
  for (uint16_t p = 0; p < mig->profile_count && count < MIG_WANTED_MAX; p++) {
    struct mig_name name;
    if (!mig->profiles[p].start_count || !mig_name_parse(product->profiles[p].name, &name) ||
        name.attributes.len)
      continue;
    unsigned key = mig->profiles[p].size * 256u + product->profiles[p].compute_slices;
    size_t at = count++;
    for (; at && rank[at - 1] > key; at--) {
      rank[at] = rank[at - 1];
      ret[at] = ret[at - 1];
    }
    rank[at] = key;
    ret[at] = p;
  }
  return count;
}

/* The curve through the six points, for products with another number of profiles. */
static double family_weight(size_t family, size_t index, size_t count) {
  if (count < 2)
    return 1;
  double at = (double)index * (FAMILY_POINTS - 1) / (double)(count - 1);
  size_t low = (size_t)at;
  if (low + 1 >= FAMILY_POINTS)
    return families[family].weights[FAMILY_POINTS - 1];
  double part = at - (double)low;
  return families[family].weights[low] * (1 - part) + families[family].weights[low + 1] * part;
}

bool mig_mix_family(const struct gpu_product *product, const struct pack_mig *mig, size_t family,
                    struct mig_mix *ret, struct err *reterr) {
  *ret = (struct mig_mix){0};
  set_name(ret, families[family].name);
  ret->wanted_count = find_plain(product, mig, ret->wanted);
  for (size_t w = 0; w < ret->wanted_count; w++)
    ret->weights[w] = family_weight(family, w, ret->wanted_count);
  return finish(mig, ret, reterr);
}

const char *mig_family_name(size_t family) {
  return families[family].name.ptr;
}

/* ---- written by a user ---------------------------------------------------------------------- */

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static struct str trim(struct str s) {
  while (s.len && is_space(s.ptr[0]))
    s = str_skip(s, 1);
  while (s.len && is_space(s.ptr[s.len - 1]))
    s.len--;
  return s;
}

/* Digits with at most one point: no sign, no exponent, at most 9 of each kind. */
static bool parse_weight(struct str text, double *ret) {
  enum { DIGITS_MAX = 9 };
  size_t point = str_find_char(text, '.');
  struct str whole = {text.ptr, point};
  struct str part = point < text.len ? str_skip(text, point + 1) : (struct str){0};
  if (whole.len > DIGITS_MAX || part.len > DIGITS_MAX || whole.len + part.len == 0)
    return false;
  double value = 0;
  double scale = 1;
  for (size_t i = 0; i < whole.len; i++) {
    if (whole.ptr[i] < '0' || whole.ptr[i] > '9')
      return false;
    value = value * 10 + (whole.ptr[i] - '0');
  }
  for (size_t i = 0; i < part.len; i++) {
    if (part.ptr[i] < '0' || part.ptr[i] > '9')
      return false;
    scale /= 10;
    value += scale * (part.ptr[i] - '0');
  }
  *ret = value;
  return true;
}

struct mix_reader {
  const struct gpu_product *product;
  const struct pack_mig *mig;
  struct mig_mix *mix;
  struct str text;
  struct err *reterr;
};

static bool wrong(const struct mix_reader *r, struct str at, const char *what) {
  unsigned line = 1;
  unsigned column = 1;
  for (const char *c = r->text.ptr; c < at.ptr; c++) {
    line += *c == '\n';
    column = *c == '\n' ? 1 : column + 1;
  }
  return err_set_at(r->reterr, ERR_INVALID, line, column, "line %u, column %u: %s: \"%.*s\"", line,
                    column, what, (int)(at.len < 100 ? at.len : 100), at.ptr);
}

static bool read_entry(const struct mix_reader *r, struct str entry) {
  size_t equals = str_find_char(entry, '=');
  if (equals == entry.len)
    return wrong(r, entry, "an entry of a mix is <profile>=<weight>");
  struct str name = trim((struct str){entry.ptr, equals});
  struct str value = trim(str_skip(entry, equals + 1));
  const struct mig_profile *profile = product_find_profile(r->product, name);
  if (!profile)
    return wrong(r, name, "the product has no such MIG profile");
  uint16_t p = (uint16_t)(profile - r->product->profiles);
  if (p >= r->mig->profile_count || !r->mig->profiles[p].start_count)
    return wrong(r, name, "placements of this MIG profile are not known");
  double weight;
  if (!parse_weight(value, &weight))
    return wrong(r, value, "a weight is a decimal number such as 0.25, not negative");
  struct mig_mix *mix = r->mix;
  for (size_t w = 0; w < mix->wanted_count; w++)
    if (mix->wanted[w] == p)
      return wrong(r, name, "a profile is named twice");
  if (weight == 0)
    return true;
  if (mix->wanted_count == MIG_WANTED_MAX)
    return wrong(r, name, "too many profiles in one mix");
  mix->wanted[mix->wanted_count] = p;
  mix->weights[mix->wanted_count++] = weight;
  return true;
}

static bool read_line(const struct mix_reader *r, struct str line) {
  line.len = str_find_char(line, '#');
  for (struct str rest = line; rest.len;) {
    size_t comma = str_find_char(rest, ',');
    struct str entry = trim((struct str){rest.ptr, comma});
    if (entry.len && !read_entry(r, entry))
      return false;
    rest = comma < rest.len ? str_skip(rest, comma + 1) : (struct str){0};
  }
  return true;
}

bool mig_mix_parse(const struct gpu_product *product, const struct pack_mig *mig, struct str name,
                   struct str text, struct mig_mix *ret, struct err *reterr) {
  *ret = (struct mig_mix){0};
  set_name(ret, name);
  if (text.len > MIG_MIX_TEXT_MAX)
    return err_set(reterr, ERR_LIMIT, "a mix is longer than %d bytes", MIG_MIX_TEXT_MAX);
  struct mix_reader r = {product, mig, ret, text, reterr};
  for (struct str rest = text; rest.len;) {
    size_t end = str_find_char(rest, '\n');
    if (!read_line(&r, (struct str){rest.ptr, end}))
      return false;
    rest = end < rest.len ? str_skip(rest, end + 1) : (struct str){0};
  }
  return finish(mig, ret, reterr);
}

bool mig_mix_wished(const struct gpu_product *product, const struct pack_mig *mig,
                    const struct sim_mix *wish, struct mig_mix *ret, struct err *reterr) {
  for (size_t family = 0; family < MIG_FAMILIES; family++)
    if (wish->text.len == 0 && str_eq(wish->name, families[family].name))
      return mig_mix_family(product, mig, family, ret, reterr);
  if (mig_mix_parse(product, mig, wish->name, wish->text, ret, reterr))
    return true;
  return err_wrap(reterr, "mix \"%.*s\"", STR_FMT(wish->name));
}

/* ---- mixes that nobody has seen ------------------------------------------------------------- */

/*
 * Weights are powers of exponential draws: with power 1 every mix is as likely as any other,
 * with 3 a few profiles make up most of it and some are all but missing.
 */
bool mig_mix_random(const struct gpu_product *product, const struct pack_mig *mig, uint64_t seed,
                    size_t number, struct mig_mix *ret, struct err *reterr) {
  *ret = (struct mig_mix){0};
  (void)snprintf(ret->name, sizeof(ret->name), "random-%zu", number);
  struct sim_random random = sim_random_of(seed + number * 0x9e3779b97f4a7c15u, SIM_STREAM_FORMS);
  double power = 1 + (double)sim_random_below(&random, 3);
  ret->wanted_count = find_plain(product, mig, ret->wanted);
  for (size_t w = 0; w < ret->wanted_count; w++)
    ret->weights[w] = pow(sim_random_exponential(&random, 1), power);
  return finish(mig, ret, reterr);
}
