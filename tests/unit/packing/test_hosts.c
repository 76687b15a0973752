/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts by number against hosts as they are counted. */
#include "src/packing/slicegate.h"
#include "tests/support/check_main.h"
#include "tests/support/random.h"

TCase *tcase_hosts(void);

#define GIB ((int64_t)1 << 30)

struct bed {
  struct random random;
  struct pack_level levels[LEVELS_MAX];
  struct pack_tables tables;
  int32_t prices[LEVELS_MAX];
  struct hosts *hosts;
};

static void draw_levels(struct bed *bed) {
  bed->tables = (struct pack_tables){.levels = bed->levels,
                                     .level_count = random_below(&bed->random, LEVELS_MAX + 1)};
  for (size_t l = 0; l < bed->tables.level_count; l++)
    bed->levels[l] =
        (struct pack_level){.gpus = (uint16_t)(2 + random_below(&bed->random, 7)),
                            .cpu_milli = (int64_t)random_below(&bed->random, 90) * 1000,
                            .mem_bytes = (int64_t)random_below(&bed->random, 90) * GIB,
                            .products = random_below(&bed->random, 4)};
  memset(bed->prices, 0, sizeof(bed->prices));
  hosts_set_levels(bed->hosts, &bed->tables);
}

static void draw_prices(struct bed *bed) {
  for (size_t l = 0; l < LEVELS_MAX; l++)
    bed->prices[l] = (int32_t)random_below(&bed->random, PACK_MICRO);
  hosts_set_prices(bed->hosts, bed->prices);
}

/* A node of any size, also one that is over its capacity. */
static void check_any_node(struct bed *bed) {
  unsigned idle =
      (unsigned)random_below(&bed->random, PACK_DEVICES_MAX + 1) >> random_below(&bed->random, 5);
  int64_t cpu = (int64_t)random_below(&bed->random, 800) * 500 - 500;
  int64_t memory = ((int64_t)random_below(&bed->random, 800) - 1) * (GIB / 2);
  uint64_t products = 1 + random_below(&bed->random, 3);
  uint8_t counted[LEVELS_MAX] = {0};
  bool has_hosts = reserve_hosts(&bed->tables, idle, cpu, memory, products, counted);
  int64_t price = 0;
  for (size_t l = 0; l < LEVELS_MAX; l++)
    price += (int64_t)counted[l] * bed->prices[l];
  uint16_t number = hosts_number(bed->hosts, idle, cpu, memory, products);
  ck_assert_uint_eq(number != 0, has_hosts);
  ck_assert_int_eq(hosts_price(bed->hosts, number), price);
}

/* Levels, prices and nodes as they come: numbers are good for the present ones. */
START_TEST(numbers_stand_for_what_is_counted) {
  enum { ROUNDS = 20000 };
  struct bed bed = {.hosts = hosts_new()};
  random_init(&bed.random, random_seed());
  draw_levels(&bed);
  for (int i = 0; i < ROUNDS; i++) {
    if (random_one_in(&bed.random, 2000))
      draw_levels(&bed);
    else if (random_one_in(&bed.random, 200))
      draw_prices(&bed);
    else if (random_one_in(&bed.random, 1000))
      hosts_clear(bed.hosts);
    check_any_node(&bed);
  }
  hosts_free(bed.hosts);
}
END_TEST

START_TEST(what_is_alike_has_one_number) {
  struct pack_level level = {.gpus = 2, .cpu_milli = 8000, .mem_bytes = 16 * GIB};
  struct pack_tables tables = {.levels = &level, .level_count = 1};
  struct hosts *hosts = hosts_new();
  hosts_set_levels(hosts, &tables);
  uint16_t two = hosts_number(hosts, 4, 16000, 32 * GIB, 1);
  ck_assert_uint_ne(two, 0);
  ck_assert_uint_eq(hosts_number(hosts, 5, 23999, 99 * GIB, 1), two);
  ck_assert_uint_eq(hosts_number(hosts, 8, 99000, 47 * GIB, 1), two);
  uint16_t three = hosts_number(hosts, 8, 24000, 48 * GIB, 1);
  ck_assert_uint_ne(three, two);
  ck_assert_uint_ne(three, 0);
  ck_assert_uint_eq(hosts_number(hosts, 1, 99000, 99 * GIB, 1), 0);
  ck_assert_uint_eq(hosts_number(hosts, 8, 7999, 99 * GIB, 1), 0);
  hosts_free(hosts);
}
END_TEST

/* More rows than there are numbers: eight levels count CPU, eight memory, each in steps of its
 * own. None of the rows passes for a node without hosts. */
START_TEST(without_a_number_hosts_are_unknown) {
  enum { KINDS = 8, TIMES = 32, STEPS = KINDS * TIMES };
  struct bed bed = {.hosts = hosts_new()};
  int64_t needs[STEPS];
  bed.tables = (struct pack_tables){.levels = bed.levels, .level_count = 2 * KINDS};
  for (size_t i = 0; i < KINDS; i++) {
    int64_t need = 1000 + 37 * (int64_t)i;
    bed.levels[i] = (struct pack_level){.gpus = 2, .cpu_milli = need};
    bed.levels[KINDS + i] = (struct pack_level){.gpus = 2, .mem_bytes = need};
    for (size_t times = 1; times <= TIMES; times++)
      needs[i * TIMES + times - 1] = need * (int64_t)times;
  }
  hosts_set_levels(bed.hosts, &bed.tables);
  size_t unknown = 0;
  for (size_t c = 0; c < STEPS; c++)
    for (size_t m = 0; m < STEPS; m++) {
      uint16_t number = hosts_number(bed.hosts, 2 * TIMES, needs[c], needs[m], 1);
      ck_assert_uint_ne(number, 0);
      unknown += number == NUMBER_UNKNOWN;
    }
  ck_assert_uint_gt(unknown, 0);
  ck_assert_int_eq(hosts_room(bed.hosts), PACK_ROOM_EXCEEDED);
  hosts_clear(bed.hosts);
  ck_assert_int_eq(hosts_room(bed.hosts), PACK_ROOM_ENOUGH);
  ck_assert_uint_eq(hosts_number(bed.hosts, 2 * TIMES, needs[STEPS - 1], needs[STEPS - 1], 1), 1);
  hosts_free(bed.hosts);
}
END_TEST

START_TEST(without_a_number_a_charge_is_dear) {
  static const struct price_list list;
  struct hosts *hosts = hosts_new();
  struct charges *charges = charges_new();
  struct charge charge = {.product = 1};
  for (uint32_t i = 1; i < NUMBERS_MAX; i++) {
    ck_assert_int_eq(charges_room(charges),
                     i < NUMBERS_MAX / 2 ? PACK_ROOM_ENOUGH : PACK_ROOM_LITTLE);
    charge.milli = i;
    ck_assert_uint_eq(charges_number(charges, &charge, &list, hosts), i);
  }
  ck_assert_int_eq(charges_room(charges), PACK_ROOM_LITTLE);
  charge.milli = NUMBERS_MAX;
  ck_assert_uint_eq(charges_number(charges, &charge, &list, hosts), NUMBER_UNKNOWN);
  ck_assert_int_eq(charges_room(charges), PACK_ROOM_EXCEEDED);
  charges_set_prices(charges, &list, hosts);
  ck_assert_int_eq(charges_prices(charges)[NUMBER_UNKNOWN], 1 << 29);
  charge.milli = 7; /* who has a number keeps it */
  ck_assert_uint_eq(charges_number(charges, &charge, &list, hosts), 7);
  charges_clear(charges);
  ck_assert_int_eq(charges_room(charges), PACK_ROOM_ENOUGH);
  charge.milli = NUMBERS_MAX;
  ck_assert_uint_eq(charges_number(charges, &charge, &list, hosts), 1);
  charge.after = NUMBER_UNKNOWN;
  ck_assert_uint_eq(charges_number(charges, &charge, &list, hosts), NUMBER_UNKNOWN);
  charges_free(charges);
  hosts_free(hosts);
}
END_TEST

TCase *tcase_hosts(void) {
  TCase *tc = tcase_create("hosts");
  tcase_add_test(tc, numbers_stand_for_what_is_counted);
  tcase_add_test(tc, what_is_alike_has_one_number);
  tcase_add_test(tc, without_a_number_hosts_are_unknown);
  tcase_add_test(tc, without_a_number_a_charge_is_dear);
  return tc;
}
