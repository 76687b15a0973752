/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories of a node with HAMi's plugin against a twin that keeps three sums for each card, as
 * HAMi's scheduler does: pods (which say that they have less than they asked for, or nothing) that
 * come (also more than there is room for) and go, firm holds that are confirmed or given up, cards
 * that fall ill, a card in front that changes all numbers. What is left of a card is what the twin
 * says, a hold is taken exactly where the twin has room, and the state agrees with itself.
 */
#include "tests/support/check_main.h"
#include "tests/support/random.h"
#include "tests/support/state_lab.h"

#include <inttypes.h>

enum { ROUNDS = 150, STEPS = 120, CARDS = 3, PODS = 10, PARTS = 3 };

struct part {
  size_t card;
  int64_t mib, cores;
};
struct twin_pod {
  enum { GONE, HELD, BOUND } is;
  int64_t asked;
  struct part parts[PARTS]; /* what it says */
  size_t part_count;
};
struct round {
  struct random random;
  struct state_lab lab;
  struct hami_card cards[1 + CARDS]; /* the first one, which nobody is on, comes and goes */
  size_t first;                      /* of those that are registered */
  struct twin_pod pods[PODS];
  uint64_t seed;
};

static size_t below(struct round *r, size_t n) {
  return (size_t)random_below(&r->random, n);
}

/* ---- the twin ------------------------------------------------------------------------------ */

/* What one pod has of a card; false: it is not on it. What it asked for is had somewhere. */
static bool sum_parts(const struct twin_pod *pod, size_t card, struct part *ret) {
  int64_t of[CARDS] = {0};
  size_t largest = pod->parts[0].card;
  bool is_on = false;
  *ret = (struct part){.card = card};
  for (size_t i = 0; i < pod->part_count; i++) {
    const struct part *part = &pod->parts[i];
    of[part->card] += part->mib;
    if (of[part->card] > of[largest])
      largest = part->card;
    is_on |= part->card == card;
    ret->cores += part->card == card ? part->cores : 0;
  }
  ret->mib = card == largest && of[card] < pod->asked ? pod->asked : of[card];
  return is_on;
}

/* Steps that are left of a card. */
static int64_t left_of(const struct round *r, size_t card) {
  const struct hami_card *c = &r->cards[1 + card];
  int64_t sharers = 0, cores = 0, mib = 0, steps = 0;
  for (size_t p = 0; p < PODS; p++) {
    struct part part;
    if (r->pods[p].is == GONE || !sum_parts(&r->pods[p], card, &part))
      continue;
    int64_t counted = (part.mib + 15) / 16;
    sharers++;
    cores += part.cores;
    mib += r->pods[p].is == HELD ? counted * 16 : part.mib;
    steps += counted;
  }
  int64_t whole = (c->memory_mib + 15) / 16 - steps;
  if (!c->is_given || sharers >= c->sharers || (c->cores && cores >= c->cores) ||
      mib >= c->memory_mib || whole <= 0)
    return 0;
  int64_t exact = (c->memory_mib - mib) / 16;
  return sharers == 0 || whole < exact ? whole : exact;
}

static void check(struct round *r, size_t step) {
  CLEANUP_PEEK struct state_peek peek = lab_peek(&r->lab, "n");
  size_t shift = 1 - r->first;
  ck_assert_uint_eq(peek.node->device_count, CARDS + shift);
  for (size_t c = 0; c < CARDS; c++)
    ck_assert_msg(peek.node->devices[c + shift].left == left_of(r, c),
                  "seed %" PRIu64 ", step %zu: of card %zu %u steps are left, not %lld", r->seed,
                  step, c, peek.node->devices[c + shift].left, (long long)left_of(r, c));
  ck_assert_msg(state_verify(r->lab.state, 1) == 0, "seed %" PRIu64 ", step %zu: drift", r->seed,
                step);
}

/* ---- what happens -------------------------------------------------------------------------- */

static void put_node(struct round *r) {
  struct node node = lab_hami_node(&r->lab, "n", "");
  node.cards = r->cards + r->first;
  node.card_count = 1 + CARDS - r->first;
  state_put_node(r->lab.state, &node);
}

static void change_card(struct round *r) {
  static const int64_t sizes[] = {100, 1024, 1039, 2000};
  static const struct str ids[] = {{"GPU-a", 5}, {"GPU-b", 5}, {"GPU-c", 5}};
  size_t card = below(r, CARDS);
  r->first = below(r, 2);
  r->cards[1 + card] = (struct hami_card){.id = ids[card],
                                          .memory_mib = sizes[below(r, SG_ARRAY_LEN(sizes))],
                                          .sharers = (int64_t)below(r, 5),
                                          .cores = (int64_t)below(r, 2) * 100,
                                          .is_given = below(r, 4) > 0};
  put_node(r);
}

static const char *name_of(struct round *r, size_t pod) {
  return str_printf(r->lab.arena, "pod-%zu", pod).ptr;
}

static void put_bound(struct round *r, size_t index) {
  CLEANUP_BUF struct buf cards;
  buf_init(&cards, 1024);
  struct twin_pod *pod = &r->pods[index];
  for (size_t i = 0; i < pod->part_count; i++)
    buf_printf(&cards, "%.*s:%lld:%lld ", STR_FMT(r->cards[1 + pod->parts[i].card].id),
               (long long)pod->parts[i].mib, (long long)pod->parts[i].cores);
  struct pod made = lab_hami_pod(&r->lab, name_of(r, index), "n",
                                 str_printf(r->lab.arena, "%lld", (long long)pod->asked).ptr,
                                 str_copy(r->lab.arena, buf_str(&cards)).ptr);
  state_put_pod(r->lab.state, &made);
  pod->is = BOUND;
}

static void hold(struct round *r, size_t index) {
  struct twin_pod *pod = &r->pods[index];
  *pod = (struct twin_pod){.part_count = 1};
  pod->parts[0] = (struct part){.card = below(r, CARDS), .mib = 1 + (int64_t)below(r, 700)};
  const struct hami_card *card = &r->cards[1 + pod->parts[0].card];
  int64_t steps = (pod->parts[0].mib + 15) / 16;
  pod->asked = pod->parts[0].mib;
  struct pod made =
      lab_hami_pod(&r->lab, name_of(r, index), NULL,
                   str_printf(r->lab.arena, "%lld", (long long)pod->parts[0].mib).ptr, "");
  struct pack_asked asked;
  struct err err;
  struct pack_placement placement = {.unit_count = 1,
                                     .units = {{(uint8_t)below(r, CARDS), 0, (uint16_t)steps}}};
  ck_assert_msg(state_ask(r->lab.state, r->lab.arena, &made, &asked, &err), "%s", err.text);
  enum state_held held = state_hold(r->lab.state, &(struct state_hold){.kind = STATE_FIRM,
                                                                       .ns = made.ns,
                                                                       .name = made.name,
                                                                       .uid = made.uid,
                                                                       .asked = &asked,
                                                                       .node = STR_LIT("n"),
                                                                       .placement = &placement,
                                                                       .card = card->id,
                                                                       .until_ms = 100});
  bool has_room = left_of(r, pod->parts[0].card) >= steps;
  ck_assert_msg((held == STATE_HELD) == has_room, "seed %" PRIu64 ": %lld MiB of card %zu: %d",
                r->seed, (long long)pod->parts[0].mib, pod->parts[0].card, held);
  pod->is = held == STATE_HELD ? HELD : GONE;
}

/* By somebody else, who may give more than there is. */
static void bind_foreign(struct round *r, size_t index) {
  struct twin_pod *pod = &r->pods[index];
  *pod = (struct twin_pod){.part_count = 1 + below(r, PARTS), .asked = 1 + (int64_t)below(r, 900)};
  for (size_t i = 0; i < pod->part_count; i++)
    pod->parts[i] = (struct part){
        .card = below(r, CARDS), .mib = (int64_t)below(r, 900), .cores = (int64_t)below(r, 3) * 30};
  put_bound(r, index);
}

static void one_step(struct round *r) {
  size_t index = below(r, PODS);
  struct twin_pod *pod = &r->pods[index];
  if (below(r, 8) == 0) {
    change_card(r);
  } else if (pod->is == GONE && below(r, 3)) {
    hold(r, index);
  } else if (pod->is == GONE) {
    bind_foreign(r, index);
  } else if (pod->is == HELD && below(r, 2)) {
    put_bound(r, index);
  } else {
    if (pod->is == HELD)
      ck_assert(state_unhold(r->lab.state, lab_uid(&r->lab, name_of(r, index)), true));
    else
      state_drop_pod(r->lab.state, STR_LIT("default"), str_of(name_of(r, index)),
                     (struct str){NULL, 0});
    pod->is = GONE;
  }
}

static void play(uint64_t seed) {
  struct round r = {.seed = seed};
  state_lab_init(&r.lab);
  random_init(&r.random, seed);
  static const struct str ids[] = {{"GPU-a", 5}, {"GPU-b", 5}, {"GPU-c", 5}};
  r.cards[0] = (struct hami_card){STR_LIT("GPU-0"), 2000, 4, 100, false};
  for (size_t c = 0; c < CARDS; c++)
    r.cards[1 + c] = (struct hami_card){ids[c], 2000, 4, 100, true};
  put_node(&r);
  for (size_t step = 0; step < STEPS; step++) {
    one_step(&r);
    check(&r, step);
  }
  state_lab_done(&r.lab);
}

START_TEST(cards_have_left_what_the_twin_says) {
  uint64_t seed = random_seed();
  for (uint64_t i = 0; i < ROUNDS; i++)
    play(seed + i);
}
END_TEST

Suite *make_suite(void) {
  Suite *suite = suite_create("property: hami");
  TCase *tcase = tcase_create("twin");
  tcase_set_timeout(tcase, 240);
  tcase_add_test(tcase, cards_have_left_what_the_twin_says);
  suite_add_tcase(suite, tcase);
  return suite;
}
