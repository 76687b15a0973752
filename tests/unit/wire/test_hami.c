/* SPDX-License-Identifier: Apache-2.0 */
/* HAMi's protocol, held against what its own code has written: tests/golden/hami. */
#include "slicegate/sys.h"
#include "slicegate/wire.h"

#include <check.h>
#include <stdlib.h>

TCase *tcase_hami(void);

static struct arena *arena;
static struct buf golden_text;
static const struct doc_node *golden;

static void setup(void) {
  struct err err;
  arena = arena_new(4096);
  golden_text = (struct buf){0};
  ck_assert_msg(sys_file_read("tests/golden/hami/v2.10.0.json", 1 << 20, &golden_text, &err), "%s",
                err.text);
  ck_assert_msg(doc_parse_json(arena, buf_str(&golden_text), &doc_limits_review, &golden, &err),
                "%s", err.text);
}

static void teardown(void) {
  buf_done(&golden_text);
  arena_free(arena);
}

/* In quotes, as a member of an object. */
static const char *quoted(struct str text) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, 1 << 20);
  for (size_t i = 0; i < text.len; i++)
    buf_printf(&out, text.ptr[i] == '"' ? "\\%c" : "%c", text.ptr[i]);
  return str_copy(arena, buf_str(&out)).ptr;
}

static struct node read_node(struct str registered, const char *more) {
  struct node node;
  struct err err = {0};
  struct str json = str_printf(arena,
                               "{\"metadata\":{\"name\":\"n\",\"annotations\":{"
                               "\"hami.io/node-nvidia-register\":\"%s\"%s}}}",
                               quoted(registered), more);
  ck_assert_msg(wire_node_read(arena, json, &node, &err), "%s", err.text);
  ck_assert(node.has_hami);
  return node;
}

static void ck_assert_cards(const struct node *node) {
  static const struct hami_card want[] = {
      {{"GPU-a0000000-0000-0000-0000-000000000000", 40}, 15360, 10, 100, true},
      {{"GPU-b0000000-0000-0000-0000-000000000001", 40}, 15360, 10, 100, true},
      {{"GPU-c0000000-0000-0000-0000-000000000002", 40}, 81559, 4, 0, false},
      {{"GPU-d0000000-0000-0000-0000-000000000003", 40}, 81559, 7, 100, false},
  };
  ck_assert_uint_eq(node->card_count, SG_ARRAY_LEN(want));
  for (size_t i = 0; i < SG_ARRAY_LEN(want); i++) {
    const struct hami_card *card = &node->cards[i];
    ck_assert(str_eq(card->id, want[i].id));
    ck_assert_int_eq(card->memory_mib, want[i].memory_mib);
    ck_assert_int_eq(card->sharers, want[i].sharers);
    ck_assert_int_eq(card->cores, want[i].cores);
    ck_assert_int_eq(card->is_given, want[i].is_given);
  }
}

START_TEST(cards_as_the_plugin_writes_them) {
  struct node json = read_node(doc_text_at(golden, "register"), "");
  struct node plain = read_node(doc_text_at(golden, "register_plain"), "");
  ck_assert_cards(&json);
  ck_assert_cards(&plain);
}
END_TEST

START_TEST(a_cordoned_card_is_not_given) {
  struct node node =
      read_node(doc_text_at(golden, "register"),
                ",\"hami.io/device-cordon\":\"GPU-x, GPU-b0000000-0000-0000-0000-000000000001 ,\"");
  ck_assert(node.cards[0].is_given);
  ck_assert(!node.cards[1].is_given);
}
END_TEST

START_TEST(what_cannot_be_read_has_no_cards) {
  static const char *const odd[] = {
      "[{\"id\":\"GPU-a\",\"devmem\":\"many\"}]",
      "[{\"id\":\"\",\"devmem\":1}]",
      "[{\"id\":\"a,b\",\"devmem\":1}]",
      "[{\"id\":\"GPU-a\",\"devmem\":-1}]",
      "[{\"id\":\"GPU-a\",\"devmem\":99999999999}]",
      "[{\"id\":\"GPU-a\"},{\"id\":\"GPU-a\"}]",
      "[1]",
      "[{]",
      "{}",
      "GPU-1,10,32768",
      "GPU-1,10,32768,100,T4,0,true,1:",
      "GPU-1,ten,32768,100,T4,0,true:",
      ",10,32768,100,T4,0,true:",
      "GPU-1,10,32768,100,T4,0,true,1,mig,more:",
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(odd); i++) {
    struct node node = read_node(str_of(odd[i]), "");
    ck_assert_msg(node.card_count == 0, "%s", odd[i]);
  }
  struct node node = read_node(STR_LIT("GPU-1,10,32768,100,T4,0,true:"), "");
  ck_assert(node.card_count == 1 && node.cards[0].is_given); /* of 2.6 */
}
END_TEST

START_TEST(pods_as_the_scheduler_writes_them) {
  struct pod pod;
  struct err err = {0};
  struct str json =
      str_printf(arena,
                 "{\"metadata\":{\"name\":\"p\",\"annotations\":{"
                 "\"hami.io/vgpu-devices-allocated\":\"%s\"}},\"spec\":{\"containers\":[]}}",
                 quoted(doc_text_at(golden, "two_cards")));
  ck_assert_msg(wire_pod_read(arena, json, &pod, &err), "%s", err.text);
  ck_assert_uint_eq(pod.device_count, 2);
  ck_assert(str_is(pod.devices[1].id, "GPU-a0000000-0000-0000-0000-000000000000"));
  ck_assert_int_eq(pod.devices[1].amount, 4000);
  ck_assert_int_eq(pod.devices[1].cores, 30);
}
END_TEST

START_TEST(locks) {
  struct wire_hami_lock lock;
  ck_assert(wire_hami_lock_read(doc_text_at(golden, "lock"), &lock));
  ck_assert(str_is(lock.ns, "team-a") && str_is(lock.name, "train-0"));
  ck_assert(wire_hami_lock_read(STR_LIT("2026-01-02T11:04:05+08:00,a,b"), &lock));
  ck_assert_int_eq(lock.seconds, 1767323045);
  ck_assert(wire_hami_lock_read(STR_LIT("2026-01-02T03:04:05Z"), &lock)); /* before 2.4 */
  ck_assert(lock.ns.len == 0 && lock.name.len == 0 && lock.seconds == 1767323045);
  static const char *const odd[] = {"", "soon", "2026-01-02T03:04:05Z,a",
                                    "2026-01-02T03:04:05Z,a,b,c", ",a,b"};
  for (size_t i = 0; i < SG_ARRAY_LEN(odd); i++)
    ck_assert_msg(!wire_hami_lock_read(str_of(odd[i]), &lock), "%s", odd[i]);
}
END_TEST

START_TEST(a_locked_node) {
  struct wire_hami_node node;
  struct err err = {0};
  ck_assert(wire_hami_node_read(arena,
                                STR_LIT("{\"metadata\":{\"name\":\"n\",\"resourceVersion\":\"7\","
                                        "\"annotations\":{\"hami.io/mutex.lock\":\"x\"}}}"),
                                &node, &err));
  ck_assert(node.is_locked && str_is(node.lock, "x") && str_is(node.resource_version, "7"));
  ck_assert(wire_hami_node_read(arena, STR_LIT("{\"metadata\":{\"resourceVersion\":\"7\"}}"), &node,
                                &err));
  ck_assert(!node.is_locked);
  ck_assert(!wire_hami_node_read(arena, STR_LIT("{\"kind\":\"Status\"}"), &node, &err));
}
END_TEST

#define ASKS(name) "{\"resources\":{\"limits\":{\"" name "\":\"1\"}}}"

static const struct {
  const char *spec, *annotations, *wish;
  uint32_t parts, asking, part;
} pods[] = {
    {"\"containers\":[" ASKS("nvidia.com/gpu") "]", "", NULL, 1, 1, 0},
    {"\"initContainers\":[{},{}],\"containers\":[" ASKS("nvidia.com/gpumem") ",{}]", "", NULL, 4, 1,
     2},
    {"\"initContainers\":[" ASKS("nvidia.com/gpu") "],\"containers\":[" ASKS("nvidia.com/gpu") "]",
     "", NULL, 2, 2, 1},
    {"\"containers\":[" ASKS("cpu") "]", "\"a\":\"b\"", NULL, 1, 0, 0},
    {"\"containers\":[" ASKS("nvidia.com/gpu") "]", "\"nvidia.com/use-gputype\":\"T4\"",
     "nvidia.com/use-gputype", 1, 1, 0},
};

START_TEST(parts_of_a_pod) {
  struct wire_hami_pod pod;
  struct err err = {0};
  struct str json =
      str_printf(arena, "{\"metadata\":{\"uid\":\"u\",\"annotations\":{%s}},\"spec\":{%s}}",
                 pods[_i].annotations, pods[_i].spec);
  ck_assert_msg(wire_hami_pod_read(arena, json, &pod, &err), "%s", err.text);
  ck_assert_uint_eq(pod.part_count, pods[_i].parts);
  ck_assert_uint_eq(pod.asking, pods[_i].asking);
  ck_assert_uint_eq(pod.part, pods[_i].part);
  ck_assert_pstr_eq(pod.wish, pods[_i].wish);
  ck_assert(str_is(pod.uid, "u"));
}
END_TEST

TCase *tcase_hami(void) {
  TCase *tcase = tcase_create("hami");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_test(tcase, cards_as_the_plugin_writes_them);
  tcase_add_test(tcase, a_cordoned_card_is_not_given);
  tcase_add_test(tcase, what_cannot_be_read_has_no_cards);
  tcase_add_test(tcase, pods_as_the_scheduler_writes_them);
  tcase_add_test(tcase, locks);
  tcase_add_test(tcase, a_locked_node);
  tcase_add_loop_test(tcase, parts_of_a_pod, 0, SG_ARRAY_LEN(pods));
  return tcase;
}
