/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every policy on random mixed clusters: it finds a place exactly when some node fits, what it
 * chooses can be committed, what it says of a node and what it chooses agree, and a scorer that
 * has seen everything answers as a fresh one. Integer scores against the formulas as they are
 * published, in floating point.
 */
#include "slicegate/packing.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"

#include <math.h>
#include <stdio.h>

enum { NODES_MAX = 6, PODS = 80 };

struct world {
  struct random random;
  struct pack_catalog *catalog;
  struct pack_cluster *cluster;
};

/* ---- random clusters ---------------------------------------------------------------------- */

static struct pack_device random_device(struct world *world, enum pack_mode mode) {
  struct pack_device device = {
      .mode = (uint8_t)mode,
      .product = (uint8_t)random_below(&world->random, pack_catalog_count(world->catalog))};
  const struct pack_mig *mig = pack_catalog_mig(world->catalog, device.product);
  if (mode == PACK_MODE_MIG && mig == NULL)
    device.mode = PACK_MODE_WHOLE;
  device.size = device.mode == PACK_MODE_MIG      ? mig->axis
                : device.mode == PACK_MODE_SHARED ? (uint16_t)(2 + random_below(&world->random, 9))
                                                  : PACK_MILLI;
  device.left = device.size;
  return device;
}

static void add_node(struct world *world, size_t number) {
  struct pack_device devices[PACK_DEVICES_MAX];
  size_t count = random_below(&world->random, 6);
  enum pack_mode mode = (enum pack_mode)random_below(&world->random, 3);
  bool is_mixed = random_one_in(&world->random, 4);
  for (size_t i = 0; i < count; i++)
    devices[i] =
        random_device(world, is_mixed ? (enum pack_mode)random_below(&world->random, 3) : mode);
  char name[16];
  (void)snprintf(name, sizeof(name), "n%zu", number);
  struct pack_node_spec spec = {.name = str_of(name),
                                .cpu_milli =
                                    (int64_t)(1 + random_below(&world->random, 128)) * 1000,
                                .mem_bytes = (int64_t)(1 + random_below(&world->random, 512)) << 30,
                                .devices = devices,
                                .device_count = count};
  struct err err;
  ck_assert_msg(pack_cluster_set_node(world->cluster, &spec, &err), "%s", err.text);
}

static void world_init(struct world *world, uint64_t seed) {
  random_init(&world->random, seed);
  world->catalog = pack_catalog_new();
  ck_assert_uint_eq(pack_catalog_add_plain(world->catalog, STR_LIT("T4")), 0);
  size_t count;
  const struct gpu_product *products = products_all(&count);
  for (size_t i = 0; i < 3; i++)
    ck_assert_uint_ne(
        pack_catalog_add(world->catalog, &products[random_below(&world->random, count)]),
        PACK_NONE);
  world->cluster = pack_cluster_new(world->catalog);
  size_t nodes = 1 + random_below(&world->random, NODES_MAX);
  for (size_t i = 0; i < nodes; i++)
    add_node(world, i);
}

static void world_done(struct world *world) {
  pack_cluster_free(world->cluster);
  pack_catalog_free(world->catalog);
}

static struct pack_request random_request(struct world *world) {
  struct random *random = &world->random;
  size_t profiles = pack_catalog_profile_count(world->catalog);
  struct pack_request request = pack_request_of(
      (int64_t)random_below(random, 8000), (int64_t)random_below(random, 8) << 30, PACK_CPU, 0, 0);
  request.form_count = (uint32_t)(1 + random_below(random, 3));
  for (uint32_t i = 0; i < request.form_count; i++) {
    struct pack_form *form = &request.forms[i];
    form->kind = (uint8_t)random_below(random, 5);
    form->count = form->kind != PACK_CPU;
    if (form->kind == PACK_WHOLE || form->kind == PACK_SLICES)
      form->count = (uint16_t)(1 + random_below(random, random_one_in(random, 3) ? 5 : 1));
    form->amount = form->kind == PACK_FRACTION   ? (uint16_t)(1 + random_below(random, 999))
                   : form->kind == PACK_SLICES   ? (uint16_t)random_below(random, profiles)
                   : form->kind == PACK_REPLICAS ? (uint16_t)(1 + random_below(random, 5))
                                                 : 0;
    if (form->kind == PACK_SLICES && profiles == 0)
      *form = (struct pack_form){.kind = PACK_CPU};
  }
  if (random_one_in(random, 4))
    request.products = (uint64_t)1 << random_below(random, pack_catalog_count(world->catalog));
  return request;
}

/* ---- what holds for every policy ------------------------------------------------------------ */

static bool fits_somewhere(const struct world *world, const struct pack_request *request) {
  for (size_t i = 0; i < pack_cluster_count(world->cluster); i++)
    if (pack_fit(world->catalog, pack_cluster_node(world->cluster, i), request) == PACK_FITS)
      return true;
  return false;
}

static bool draws_lots(const struct pack_policy *policy) {
  struct str name = str_of(pack_policy_name(policy));
  return str_is(name, "random") || str_is(name, "roundrobin");
}

/* The choice is the first of the best nodes, by a scorer that has seen nothing yet. */
static void check_choice(const struct world *world, const struct pack_policy *policy,
                         const struct pack_request *request, const struct pack_choice *choice) {
  struct pack_scorer *fresh = pack_scorer_new(policy, world->catalog, 1);
  for (size_t i = 0; i < pack_cluster_count(world->cluster); i++) {
    struct pack_choice other;
    bool fits = pack_score(fresh, world->cluster, i, request, &other);
    ck_assert_int_eq(
        fits, pack_fit(world->catalog, pack_cluster_node(world->cluster, i), request) == PACK_FITS);
    if (!fits || draws_lots(policy))
      continue;
    if (i == choice->placement.node) {
      ck_assert_int_eq(other.score, choice->score);
      ck_assert_uint_eq(other.placement.form, choice->placement.form);
      ck_assert_uint_eq(other.placement.unit_count, choice->placement.unit_count);
      ck_assert_mem_eq(other.placement.units, choice->placement.units,
                       other.placement.unit_count * sizeof(struct pack_unit));
    } else if (i < choice->placement.node) {
      ck_assert_int_lt(other.score, choice->score);
    } else {
      ck_assert_int_le(other.score, choice->score);
    }
  }
  pack_scorer_free(fresh);
}

static void run_pods(struct world *world, const struct pack_policy *policy) {
  struct pack_scorer *scorer = pack_scorer_new(policy, world->catalog, 1);
  size_t node_of[PODS + 1];
  for (uint64_t uid = 1; uid <= PODS; uid++) {
    struct pack_request request = random_request(world);
    struct pack_choice choice;
    node_of[uid] = SIZE_MAX;
    bool found = pack_choose(scorer, world->cluster, &request, &choice, 1) == 1;
    ck_assert_int_eq(found, fits_somewhere(world, &request));
    if (!found)
      continue;
    check_choice(world, policy, &request, &choice);
    ck_assert(pack_commit(world->cluster, uid, &request, &choice.placement));
    node_of[uid] = choice.placement.node;
    uint64_t leaving = 1 + random_below(&world->random, uid);
    if (random_one_in(&world->random, 3) && node_of[leaving] != SIZE_MAX) {
      ck_assert(pack_release(world->cluster, node_of[leaving], leaving));
      node_of[leaving] = SIZE_MAX;
    }
  }
  pack_scorer_free(scorer);
}

START_TEST(every_policy_places_what_fits) {
  enum { ROUNDS = 25 };
  uint64_t seed = random_seed();
  size_t count;
  const struct pack_policy *const *policies = pack_policies(&count);
  for (uint64_t round = 0; round < ROUNDS; round++)
    for (size_t i = 0; i < count; i++) {
      struct world world;
      world_init(&world, seed + round);
      run_pods(&world, policies[i]);
      world_done(&world);
    }
}
END_TEST

/* ---- integer scores against the published formulas ---------------------------------------------
 */

struct formula {
  const char *policy;
  double (*score)(double cpu_left, double cpu, double gpu_left, double gpu);
};

static double dotprod(double cpu_left, double cpu, double gpu_left, double gpu) {
  return 100 *
         (1 - (cpu_left * cpu / (128000.0 * 128000.0) + gpu_left * gpu / (8000.0 * 8000.0)) / 2);
}

static double bestfit(double cpu_left, double cpu, double gpu_left, double gpu) {
  return 100 * (1 - 0.5 * (cpu_left - cpu) / 128000 - 0.5 * (gpu_left - gpu) / 8000);
}

START_TEST(integer_scores_are_floored_formulas) {
  enum { ROUNDS = 20000 };
  static const struct formula formulas[] = {{"dotprod", dotprod}, {"bestfit", bestfit}};
  struct random random;
  random_init(&random, random_seed());
  struct pack_catalog *catalog = pack_catalog_new();
  uint8_t product = (uint8_t)pack_catalog_add_plain(catalog, STR_LIT("T4"));
  for (int round = 0; round < ROUNDS; round++) {
    const struct formula *formula = &formulas[random_below(&random, SG_ARRAY_LEN(formulas))];
    struct pack_device devices[PACK_DEVICES_MAX];
    size_t count = 1 + random_below(&random, 12);
    for (size_t i = 0; i < count; i++)
      devices[i] = (struct pack_device){
          .mode = PACK_MODE_WHOLE, .product = product, .size = PACK_MILLI, .left = PACK_MILLI};
    int64_t cpu_left = (int64_t)(1 + random_below(&random, 200000));
    struct pack_node_spec spec = {
        .name = STR_LIT("n"), .cpu_milli = cpu_left, .devices = devices, .device_count = count};
    struct pack_cluster *cluster = pack_cluster_new(catalog);
    struct err err;
    ck_assert(pack_cluster_set_node(cluster, &spec, &err));
    int64_t cpu = (int64_t)random_below(&random, (size_t)cpu_left + 1);
    bool is_part = random_one_in(&random, 2);
    uint16_t wanted = (uint16_t)(1 + random_below(&random, is_part ? 999 : count));
    struct pack_request request = is_part ? pack_request_of(cpu, 0, PACK_FRACTION, 1, wanted)
                                          : pack_request_of(cpu, 0, PACK_WHOLE, wanted, 0);
    struct pack_scorer *scorer =
        pack_scorer_new(pack_policy_find(str_of(formula->policy)), catalog, 1);
    struct pack_choice choice;
    ck_assert(pack_score(scorer, cluster, 0, &request, &choice));
    double exact = formula->score((double)cpu_left, (double)cpu, 1000.0 * (double)count,
                                  is_part ? wanted : 1000.0 * wanted);
    double floored = floor(exact);
    if (fabs(exact - nearbyint(exact)) < 1e-9) /* the twin does not know which side */
      floored = nearbyint(exact);
    ck_assert_int_eq(choice.score, (int64_t)floored);
    pack_scorer_free(scorer);
    pack_cluster_free(cluster);
  }
  pack_catalog_free(catalog);
}
END_TEST

Suite *make_suite(void) {
  Suite *suite = suite_create("baselines");
  TCase *tc = tcase_create("baselines");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, every_policy_places_what_fits);
  tcase_add_test(tc, integer_scores_are_floored_formulas);
  suite_add_tcase(suite, tc);
  return suite;
}
