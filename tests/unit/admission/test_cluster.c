/* SPDX-License-Identifier: Apache-2.0 */
/* What is drawn from a recorded cluster and from node pools. */
#include "src/admission/admission_internal.h"
#include "tests/unit/admission/builder.h"
#include "tests/unit/admission/cases.h"

#include <stdlib.h>

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_SHARING, "severity: deny");
  given_cluster(&b);
}

static void teardown(void) {
  builder_done(&b);
}

static const struct adm_cluster *facts(void) {
  adm_cluster_free(b.known);
  b.known = adm_cluster_new(&b.cluster, builder_view(&b));
  return b.known;
}

static void gpu_node(const char *name, const char *product, const char *resource,
                     const char *amount) {
  given_node(&b, name);
  if (product)
    with_node_label(&b, "nvidia.com/gpu.product", product);
  with_node_resource(&b, "cpu", "64");
  with_node_resource(&b, resource, amount);
}

static const struct {
  const char *name, *label, *base;
} label_rows[] = {
    {"plain", "NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-SXM4-40GB"},
    {"shared", "NVIDIA-A100-SXM4-40GB-SHARED", "NVIDIA-A100-SXM4-40GB"},
    {"sliced by the single strategy", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "NVIDIA-A100-SXM4-40GB"},
    {"sliced and shared", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED", "NVIDIA-A100-SXM4-40GB"},
    {"wrongly sliced", "NVIDIA-A30-MIG-INVALID", "NVIDIA-A30"},
    {"nothing but a suffix is a name", "-SHARED", "-SHARED"},
    {"empty", "", ""},
};

START_TEST(product_labels_lose_their_suffixes) {
  struct str base = product_base_label(str_of(label_rows[_i].label));
  ck_assert_msg(str_is(base, label_rows[_i].base), "%s: %.*s", label_rows[_i].name, STR_FMT(base));
}
END_TEST

START_TEST(products_and_resources_of_nodes) {
  gpu_node("b", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu", "8");
  gpu_node("a", "NVIDIA-A100-SXM4-40GB-SHARED", "nvidia.com/gpu", "16");
  gpu_node("c", "NVIDIA-H100-80GB-HBM3", "nvidia.com/mig-1g.10gb", "14");
  gpu_node("d", "NVIDIA-H100-80GB-HBM3", "nvidia.com/mig-3g.40gb", "0");
  const struct adm_cluster *known = facts();
  ck_assert_uint_eq(known->product_count, 2);
  ck_assert(str_is(known->products[0].label, "NVIDIA-A100-SXM4-40GB"));
  ck_assert(known->products[0].is_present && !known->products[0].is_declared);
  ck_assert(known->products[1].product == product_by_label(STR_LIT("NVIDIA-H100-80GB-HBM3")));
  ck_assert_uint_eq(known->node_products.count, 2);
  ck_assert(str_is(known->node_products.items[0], "NVIDIA-A100-SXM4-40GB-SHARED"));

  ck_assert_uint_eq(known->resource_count, 2);
  const struct cluster_resource *gpu = cluster_find_resource(known, STR_LIT("nvidia.com/gpu"));
  ck_assert_int_eq(gpu->max_on_a_node, 16);
  ck_assert(gpu->is_shared_somewhere && !gpu->is_shared_everywhere);
  ck_assert_uint_eq(gpu->node_products.count, 2);
  const struct cluster_resource *slice =
      cluster_find_resource(known, STR_LIT("nvidia.com/mig-1g.10gb"));
  ck_assert(!slice->is_shared_somewhere);
  ck_assert_ptr_null(cluster_find_resource(known, STR_LIT("nvidia.com/mig-3g.40gb")));
  ck_assert_ptr_null(cluster_find_resource(known, STR_LIT("cpu")));
  ck_assert_ptr_null(cluster_find_resource(NULL, STR_LIT("cpu")));
}
END_TEST

static const struct {
  const char *name, *resource, *label, *value;
  bool is_shared;
} sharing_rows[] = {
    {"no label says so", "nvidia.com/gpu", NULL, NULL, false},
    {"one replica", "nvidia.com/gpu", "nvidia.com/gpu.replicas", "1", false},
    {"four replicas", "nvidia.com/gpu", "nvidia.com/gpu.replicas", "4", true},
    {"replicas that are no number", "nvidia.com/gpu", "nvidia.com/gpu.replicas", "many", false},
    {"time-slicing", "nvidia.com/gpu", "nvidia.com/gpu.sharing-strategy", "time-slicing", true},
    {"MPS", "nvidia.com/gpu", "nvidia.com/gpu.sharing-strategy", "mps", true},
    {"sharing strategy none", "nvidia.com/gpu", "nvidia.com/gpu.sharing-strategy", "none", false},
    {"the product says so", "nvidia.com/gpu", "nvidia.com/gpu.product", "NVIDIA-A30-SHARED", true},
    {"the product of the GPU says nothing of its slices", "nvidia.com/mig-1g.5gb",
     "nvidia.com/gpu.product", "NVIDIA-A30-SHARED", false},
    {"replicas of slices", "nvidia.com/mig-1g.5gb", "nvidia.com/mig-1g.5gb.replicas", "2", true},
    {"replicas of other slices", "nvidia.com/mig-1g.5gb", "nvidia.com/mig-2g.10gb.replicas", "2",
     false},
    {"replicas of GPUs are not replicas of slices", "nvidia.com/mig-1g.5gb",
     "nvidia.com/gpu.replicas", "2", false},
    {"the name says so", "nvidia.com/gpu.shared", NULL, NULL, true},
};

START_TEST(shared_or_not) {
  gpu_node("a", NULL, sharing_rows[_i].resource, "4");
  if (sharing_rows[_i].label)
    with_node_label(&b, sharing_rows[_i].label, sharing_rows[_i].value);
  const struct cluster_resource *found =
      cluster_find_resource(facts(), str_of(sharing_rows[_i].resource));
  ck_assert_ptr_nonnull(found);
  ck_assert_msg(found->is_shared_everywhere == sharing_rows[_i].is_shared, "%s",
                sharing_rows[_i].name);
  ck_assert(found->is_shared_somewhere == found->is_shared_everywhere);
}
END_TEST

START_TEST(memory_of_products_that_are_not_in_the_table) {
  gpu_node("a", "Tesla-T4", "nvidia.com/gpu", "1");
  with_node_label(&b, "nvidia.com/gpu.memory", "15360");
  gpu_node("b", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu", "8");
  with_node_label(&b, "nvidia.com/gpu.memory", "81559");
  gpu_node("c", "NVIDIA-L4-MIG-1g.5gb", "nvidia.com/gpu", "1");
  with_node_label(&b, "nvidia.com/gpu.memory", "4864"); /* of a slice */
  const struct adm_cluster *known = facts();
  ck_assert(str_is(known->products[0].label, "NVIDIA-H100-80GB-HBM3"));
  ck_assert_int_eq(known->products[0].memory_mib, 80 * 1024);
  ck_assert_int_eq(known->products[1].memory_mib, 0);
  ck_assert_int_eq(known->products[2].memory_mib, 15360);
}
END_TEST

static const struct {
  const char *name, *label, *memory;
  bool is_known;
} boards[] = {
    {"as the table says", "NVIDIA-H100", "95830", true},
    {"without what the driver keeps", "NVIDIA-B200", "183359", true},
    {"another board of the same name", "NVIDIA-H100", "65247", false},
    {"more than it has", "NVIDIA-H100", "147456", false},
    {"a slice's under the single strategy", "NVIDIA-H100-MIG-1g.12gb", "11008", true},
    {"no number", "NVIDIA-H100", "much", true},
    {"none", "NVIDIA-H100", "0", true},
};

START_TEST(a_product_has_the_memory_that_its_nodes_say) {
  gpu_node("a", boards[_i].label, "nvidia.com/gpu", "8");
  with_node_label(&b, "nvidia.com/gpu.memory", boards[_i].memory);
  const struct adm_cluster *known = facts();
  ck_assert_uint_eq(known->product_count, 1);
  ck_assert_msg((known->products[0].product != NULL) == boards[_i].is_known, "%s", boards[_i].name);
  if (!boards[_i].is_known)
    ck_assert_int_eq(known->products[0].memory_mib, strtol(boards[_i].memory, NULL, 10));
}
END_TEST

static const struct cluster_product *declared(const char *pools) {
  given_rule_and(&b, RULE_SHARING, "severity: deny", pools);
  const struct adm_cluster *known = facts();
  ck_assert_uint_eq(known->product_count, 1);
  ck_assert(known->products[0].is_declared);
  return &known->products[0];
}

START_TEST(node_pools_declare_products_and_profiles) {
  const struct cluster_product *found =
      declared("nodePools: [{name: a, products: [NVIDIA-H100-80GB-HBM3], profiles: [1g.10gb]}]");
  ck_assert_uint_eq(found->declared_profiles.count, 1);
  ck_assert(!found->is_present && !found->declares_no_mig);

  found = declared("nodePools:\n"
                   "- {name: a, products: [NVIDIA-H100-80GB-HBM3], profiles: [1g.10gb]}\n"
                   "- {name: b, products: [NVIDIA-H100-80GB-HBM3], profiles: [3g.40gb, 1g.10gb]}");
  ck_assert_uint_eq(found->declared_profiles.count, 2);

  found = declared("nodePools:\n"
                   "- {name: a, products: [NVIDIA-H100-80GB-HBM3], profiles: [1g.10gb]}\n"
                   "- {name: b, products: [NVIDIA-H100-80GB-HBM3]}");
  ck_assert_msg(found->declared_profiles.count == 0 && !found->declares_no_mig,
                "a pool that lists none offers all");

  found = declared("nodePools: [{name: a, products: [NVIDIA-H100-80GB-HBM3], profiles: []}]");
  ck_assert(found->declares_no_mig);

  found = declared("nodePools:\n"
                   "- {name: a, products: [NVIDIA-H100-80GB-HBM3], profiles: []}\n"
                   "- {name: b, products: [NVIDIA-H100-80GB-HBM3], profiles: [1g.10gb]}");
  ck_assert(!found->declares_no_mig && found->declared_profiles.count == 1);
}
END_TEST

START_TEST(the_order_of_nodes_does_not_matter) {
  gpu_node("a", "NVIDIA-A30", "nvidia.com/gpu", "4");
  gpu_node("b", "NVIDIA-L4", "nvidia.com/mig-1g.5gb", "4");
  const struct adm_cluster *forward = adm_cluster_new(&b.cluster, builder_view(&b));
  struct builder turned;
  builder_init(&turned);
  struct node *nodes = arena_array(turned.arena, 2, sizeof(*nodes));
  nodes[0] = b.cluster.nodes[1];
  nodes[1] = b.cluster.nodes[0];
  b.cluster.nodes = nodes;
  const struct adm_cluster *backward = facts();
  for (size_t i = 0; i < 2; i++) {
    ck_assert(str_eq(forward->products[i].label, backward->products[i].label));
    ck_assert(str_eq(forward->resources[i].name, backward->resources[i].name));
  }
  adm_cluster_free((struct adm_cluster *)(uintptr_t)forward);
  builder_done(&turned);
  b.cluster.node_count = 0;
}
END_TEST

TCase *tcase_cluster(void) {
  TCase *tcase = tcase_create("cluster");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, product_labels_lose_their_suffixes, 0, (int)SG_ARRAY_LEN(label_rows));
  tcase_add_test(tcase, products_and_resources_of_nodes);
  tcase_add_loop_test(tcase, shared_or_not, 0, (int)SG_ARRAY_LEN(sharing_rows));
  tcase_add_test(tcase, memory_of_products_that_are_not_in_the_table);
  tcase_add_loop_test(tcase, a_product_has_the_memory_that_its_nodes_say, 0,
                      (int)SG_ARRAY_LEN(boards));
  tcase_add_test(tcase, node_pools_declare_products_and_profiles);
  tcase_add_test(tcase, the_order_of_nodes_does_not_matter);
  return tcase;
}
