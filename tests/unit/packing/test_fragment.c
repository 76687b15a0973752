/* SPDX-License-Identifier: Apache-2.0 */
/* F_n as it is computed against F_n as it is defined: class by class, GPU by GPU. */
#include "src/packing/fragment.h"
#include "tests/support/check_main.h"
#include "tests/support/packing_lab.h"

#include <math.h>

TCase *tcase_fragment(void);

enum { CLASSES_MAX = 24 };

/* ---- the definition ---------------------------------------------------------------------------
 */

static double milli_left(const struct pack_device *device) {
  return floor((double)device->left * 1000 / device->size);
}

static bool is_allowed(const struct pack_request *request, const struct pack_device *device) {
  return request->products == 0 || (request->products >> device->product & 1);
}

static size_t count_idle(const struct pack_node *node, const struct pack_request *request) {
  size_t idle = 0;
  for (size_t d = 0; d < node->device_count; d++)
    idle += node->devices[d].mode == PACK_MODE_WHOLE && node->devices[d].left == 1000 &&
            is_allowed(request, &node->devices[d]);
  return idle;
}

/* Whether a pod of the class, with CPU and memory granted, could use this GPU. */
static bool can_use(const struct pack_node *node, const struct pack_request *request,
                    const struct pack_form *form, const struct pack_device *device) {
  if (!is_allowed(request, device))
    return false;
  switch ((enum pack_kind)form->kind) {
  case PACK_WHOLE:
    return device->mode == PACK_MODE_WHOLE && device->left == 1000 &&
           count_idle(node, request) >= form->count;
  case PACK_FRACTION:
    return device->mode == PACK_MODE_WHOLE && device->left >= form->amount;
  case PACK_REPLICAS:
    return device->mode == PACK_MODE_SHARED && device->left >= form->amount;
  default:
    return false;
  }
}

static double of_class(const struct pack_node *node, const struct pack_request *request) {
  double unusable = 0;
  bool has_host = request->cpu_milli <= node->cpu_left && request->mem_bytes <= node->mem_left;
  for (size_t d = 0; d < node->device_count; d++) {
    const struct pack_device *device = &node->devices[d];
    if (device->mode == PACK_MODE_MIG)
      continue; /* layouts have a value of their own */
    bool is_usable = false;
    for (uint32_t f = 0; f < request->form_count; f++)
      is_usable |= can_use(node, request, &request->forms[f], device);
    if (!has_host || !is_usable)
      unusable += milli_left(device);
  }
  return unusable;
}

static double by_definition(const struct pack_node *node, const struct pack_class *classes,
                            size_t count) {
  double sum = 0, weights = 0;
  for (size_t i = 0; i < count; i++)
    weights += classes[i].weight;
  for (size_t i = 0; i < count; i++)
    sum += classes[i].weight / weights * of_class(node, &classes[i].request);
  return sum;
}

/* ---- random nodes and mixes -------------------------------------------------------------------
 */

/* A node in whatever state, products mixed or not. */
static struct pack_node *random_node(struct lab *lab, bool is_mixed) {
  static struct pack_node node;
  static struct pack_device devices[8];
  node.device_count = (uint16_t)random_below(&lab->random, 9);
  node.cpu_left = (int64_t)random_below(&lab->random, 20) * 500 - 1000;
  node.mem_left = ((int64_t)random_below(&lab->random, 40) - 2) * ((int64_t)1 << 30);
  node.devices = devices;
  uint8_t product = (uint8_t)random_below(&lab->random, 3);
  for (size_t d = 0; d < node.device_count; d++) {
    if (is_mixed)
      product = (uint8_t)random_below(&lab->random, 3);
    enum pack_mode mode = random_one_in(&lab->random, 4) ? PACK_MODE_SHARED : PACK_MODE_WHOLE;
    if (random_one_in(&lab->random, 8))
      mode = PACK_MODE_MIG;
    uint16_t size = mode == PACK_MODE_WHOLE    ? 1000
                    : mode == PACK_MODE_SHARED ? (uint16_t)(2 + random_below(&lab->random, 8))
                                               : 8;
    uint16_t left = (uint16_t)random_below(&lab->random, size + (size_t)1);
    if (random_one_in(&lab->random, 3))
      left = size;
    devices[d] = (struct pack_device){(uint8_t)mode, product, size, left, 0};
  }
  return &node;
}

static size_t random_mix(struct lab *lab, struct pack_class *classes) {
  size_t count = random_below(&lab->random, CLASSES_MAX + 1);
  for (size_t i = 0; i < count; i++) {
    classes[i].request = lab_request(lab);
    classes[i].weight = (uint32_t)(1 + random_below(&lab->random, 1 << 18));
  }
  return count;
}

static bool asks_for_several(const struct pack_class *classes, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (uint32_t f = 0; f < classes[i].request.form_count; f++)
      if (classes[i].request.forms[f].kind == PACK_WHOLE && classes[i].request.forms[f].count > 1 &&
          classes[i].request.products)
        return true;
  return false;
}

static void compare(bool is_mixed) {
  enum { ROUNDS = 400, NODES = 25 };
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, random_seed());
  struct fragment *fragment = fragment_new();
  for (int round = 0; round < ROUNDS; round++) {
    struct pack_class classes[CLASSES_MAX];
    size_t count = random_mix(&lab, classes);
    fragment_set_mix(fragment, classes, count);
    /* Which of several products' idle GPUs such a class may use is not told apart. */
    if (count == 0 || (is_mixed && asks_for_several(classes, count)))
      continue;
    for (int i = 0; i < NODES; i++) {
      const struct pack_node *node = random_node(&lab, is_mixed);
      double exact = by_definition(node, classes, count);
      double got = (double)fragment_node(fragment, node) / FRAGMENT_ONE;
      /* Weights are rounded down to 2^-20 each. */
      double bound = (double)(count * node->device_count) * 1000 / FRAGMENT_ONE + 1e-6;
      ck_assert_msg(fabs(got - exact) <= bound, "%f is not %f (round %d, %zu classes)", got, exact,
                    round, count);
      (void)fragment_trim(fragment);
    }
  }
  fragment_free(fragment);
}

START_TEST(nodes_of_one_product) {
  compare(false);
}
END_TEST

START_TEST(nodes_of_several_products) {
  compare(true);
}
END_TEST

START_TEST(without_a_mix_all_is_fragmented) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, random_seed());
  struct fragment *fragment = fragment_new();
  for (int i = 0; i < 100; i++) {
    const struct pack_node *node = random_node(&lab, true);
    double sum = 0;
    for (size_t d = 0; d < node->device_count; d++)
      sum += node->devices[d].mode == PACK_MODE_MIG ? 0 : milli_left(&node->devices[d]);
    ck_assert_int_eq(fragment_node(fragment, node), (int64_t)(sum * FRAGMENT_ONE));
  }
  fragment_free(fragment);
}
END_TEST

TCase *tcase_fragment(void) {
  TCase *tc = tcase_create("fragment");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, nodes_of_one_product);
  tcase_add_test(tc, nodes_of_several_products);
  tcase_add_test(tc, without_a_mix_all_is_fragmented);
  return tc;
}
