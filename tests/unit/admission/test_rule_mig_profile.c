/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/admission/cases.h"
#include "tests/unit/admission/yaml_object.h"

static struct builder b;

static void setup(void) {
  builder_init(&b);
  given_rule(&b, RULE_MIG_PROFILE, "severity: deny");
}

static void teardown(void) {
  builder_done(&b);
}

static void given_request(const char *resource, const char *amount) {
  given_pod(&b);
  with_container(&b, "a");
  with_limit(&b, resource, amount);
}

static void gpu_node(const char *name, const char *product, const char *resource,
                     const char *amount) {
  given_node(&b, name);
  if (product)
    with_node_label(&b, "nvidia.com/gpu.product", product);
  with_node_resource(&b, resource, amount);
}

static struct str field_of(const char *resource) {
  return str_printf(b.arena, "spec.containers[0].resources.limits[%s]", resource);
}

/* ---- without a cluster ------------------------------------------------------------------- */

static const struct {
  const char *name, *resource;
  enum severity severity; /* OFF: no finding */
  const char *message, *remedy;
} names[] = {
    {"a profile of some product", "nvidia.com/mig-1g.10gb", SEVERITY_OFF, NULL, NULL},
    {"with media engines", "nvidia.com/mig-1g.10gb.me", SEVERITY_OFF, NULL, NULL},
    {"with a hyphen", "nvidia.com/mig-1g.24gb-me", SEVERITY_OFF, NULL, NULL},
    {"a share of one", "nvidia.com/mig-1g.10gb.shared", SEVERITY_OFF, NULL, NULL},
    {"another number for the same slice", "nvidia.com/mig-7g.79gb", SEVERITY_OFF, NULL, NULL},
    {"the number of another driver", "nvidia.com/mig-1g.24gb", SEVERITY_OFF, NULL, NULL},
    {"a letter missing", "nvidia.com/mig-1g.5g", SEVERITY_DENY,
     "`1g.5g` is not the name of a MIG profile", "write `nvidia.com/mig-1g.5gb`"},
    {"memory alone", "nvidia.com/mig-40gb", SEVERITY_DENY,
     "`40gb` is not the name of a MIG profile", "write `nvidia.com/mig-"},
    {"capitals", "nvidia.com/mig-3G.40GB", SEVERITY_DENY,
     "`3G.40GB` is not the name of a MIG profile", NULL},
    {"a word", "nvidia.com/mig-medium", SEVERITY_DENY, "is not the name of a MIG profile",
     "such as `nvidia.com/mig-1g.10gb`"},
    {"a share of no name", "nvidia.com/mig-1g.5g.shared", SEVERITY_DENY,
     "`1g.5g` is not the name of a MIG profile", NULL},
    {"as nvidia-smi writes it", "nvidia.com/mig-1g.10gb+me", SEVERITY_DENY,
     "a resource name cannot hold the + of profile `1g.10gb+me`",
     "write `nvidia.com/mig-1g.10gb.me`"},
    {"a compute instance", "nvidia.com/mig-1c.3g.40gb", SEVERITY_DENY,
     "`1c.3g.40gb` is a compute instance inside a slice, which no device plugin hands out",
     "ask for a slice: `nvidia.com/mig-3g.40gb`"},
    {"of no product that is known, which may come from a newer one", "nvidia.com/mig-3g.10gb",
     SEVERITY_WARN, "no GPU product that is known here has a MIG profile `3g.10gb`",
     "nearest: `nvidia.com/mig-3g.20gb`"},
    {"a whole GPU is not judged", "nvidia.com/gpu", SEVERITY_OFF, NULL, NULL},
};

START_TEST(name_without_a_cluster) {
  given_request(names[_i].resource, "1");
  const struct adm_verdict *verdict = judge(&b);
  if (names[_i].severity == SEVERITY_OFF) {
    expect_none_row(names[_i].name, verdict, RULE_MIG_PROFILE);
    return;
  }
  expect_finding_row(names[_i].name, verdict, RULE_MIG_PROFILE, names[_i].severity,
                     field_of(names[_i].resource).ptr, names[_i].message);
  if (names[_i].remedy)
    expect_finding_row(names[_i].name, verdict, RULE_MIG_PROFILE, names[_i].severity, NULL,
                       names[_i].remedy);
}
END_TEST

START_TEST(pools_alone_are_no_cluster) {
  given_rule_and(&b, RULE_MIG_PROFILE, "severity: deny",
                 "nodePools: [{name: h, products: [NVIDIA-H100-80GB-HBM3]}]");
  given_request("nvidia.com/mig-1g.5gb", "1");
  expect_none(judge(&b), RULE_MIG_PROFILE);
}
END_TEST

START_TEST(a_pool_knows_profiles_of_newer_products) {
  given_rule_and(&b, RULE_MIG_PROFILE, "severity: deny",
                 "nodePools: [{name: r, products: [NVIDIA-R100], profiles: [1g.99gb+me]}]");
  given_request("nvidia.com/mig-1g.99gb.me", "1");
  expect_none(judge(&b), RULE_MIG_PROFILE);
}
END_TEST

START_TEST(a_recording_without_nodes_is_no_cluster) {
  gpu_node("a", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu", "8");
  b.cluster.has_nodes = false;
  given_request("nvidia.com/mig-1g.5gb", "1");
  expect_none(judge(&b), RULE_MIG_PROFILE);
}
END_TEST

/* ---- never ----------------------------------------------------------------------------------- */

START_TEST(what_no_node_can_ever_provide) {
  gpu_node("a", "NVIDIA-H100-80GB-HBM3", "nvidia.com/mig-3g.40gb", "2");
  with_node_resource(&b, "nvidia.com/mig-1g.10gb", "1");
  given_request("nvidia.com/mig-3g.20gb", "1");
  const struct adm_verdict *verdict = judge(&b);
  expect_finding(verdict, RULE_MIG_PROFILE, SEVERITY_DENY, field_of("nvidia.com/mig-3g.20gb").ptr,
                 NULL);
  const struct finding *finding = first_finding(verdict, RULE_MIG_PROFILE);
  ck_assert_msg(str_is(finding->message, "no node in this cluster can ever provide `mig-3g.20gb`; "
                                         "H100 80GB nodes offer 1g.10gb, 3g.40gb"),
                "%.*s", STR_FMT(finding->message));
  ck_assert_msg(str_is(finding->remedy, "nearest: `nvidia.com/mig-3g.40gb`"), "%.*s",
                STR_FMT(finding->remedy));
}
END_TEST

static const struct {
  const char *name, *product, *offered; /* one node */
  const char *pools;                    /* of the policy, or "" */
  const char *asked;
  enum severity severity;
  const char *fragment;
} clusters[] = {
    {"offered now", "NVIDIA-H100-80GB-HBM3", "nvidia.com/mig-1g.10gb", "", "1g.10gb", SEVERITY_OFF,
     NULL},
    {"another layout now", "NVIDIA-H100-80GB-HBM3", "nvidia.com/mig-1g.10gb", "", "3g.40gb",
     SEVERITY_WARN, "no node offers `mig-3g.40gb` now; H100 80GB GPUs can be cut into it"},
    {"the nearest that is offered", "NVIDIA-H100-80GB-HBM3", "nvidia.com/mig-3g.40gb", "",
     "2g.20gb", SEVERITY_WARN, "take the nearest that is offered: `nvidia.com/mig-3g.40gb`"},
    {"not cut at all", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu", "", "1g.10gb", SEVERITY_WARN,
     "H100 80GB GPUs can be cut into it"},
    {"another number for the same slice", "NVIDIA-A100-SXM4-80GB", "nvidia.com/gpu", "", "7g.79gb",
     SEVERITY_WARN, "no node offers `mig-7g.79gb` now"},
    {"the same with A100's successor", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu", "", "7g.79gb",
     SEVERITY_WARN, "no node offers `mig-7g.79gb` now"},
    {"the number of a driver that reports more memory", "NVIDIA-GB200", "nvidia.com/gpu", "",
     "1g.24gb", SEVERITY_WARN, "GB200 186GB GPUs can be cut into it"},
    {"the same with media engines", "NVIDIA-GB200", "nvidia.com/gpu", "", "1g.24gb.me",
     SEVERITY_WARN, "GB200 186GB GPUs can be cut into it"},
    {"a number between the two", "NVIDIA-GB200", "nvidia.com/gpu", "", "3g.94gb", SEVERITY_WARN,
     "GB200 186GB GPUs can be cut into it"},
    {"a number for which there is no total", "NVIDIA-GB200", "nvidia.com/gpu", "", "1g.25gb",
     SEVERITY_DENY, "can ever provide"},
    {"no driver reports more than the stacks hold", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu", "",
     "3g.41gb", SEVERITY_DENY, "nearest: `nvidia.com/mig-3g.40gb`"},
    {"a product that never has it", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu", "", "1g.5gb",
     SEVERITY_DENY, "H100 80GB nodes can be cut into 1g.10gb, 1g.10gb+me, 1g.20gb"},
    {"a little less is nearer than twice as much", "NVIDIA-H100-80GB-HBM3",
     "nvidia.com/mig-3g.40gb", "", "3g.42gb", SEVERITY_DENY, "nearest: `nvidia.com/mig-3g.40gb`"},
    {"the nearest is large enough", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu", "", "1g.5gb",
     SEVERITY_DENY, "nearest: `nvidia.com/mig-1g.10gb`"},
    {"a larger one that could be cut before a smaller one that is", "NVIDIA-A100-SXM4-40GB",
     "nvidia.com/mig-1g.5gb", "", "2g.12gb", SEVERITY_DENY, "nearest: `nvidia.com/mig-3g.20gb`"},
    {"media engines are not given unasked", "NVIDIA-A100-SXM4-40GB", "nvidia.com/mig-1g.5gb.me", "",
     "1g.6gb", SEVERITY_DENY, "nearest: `nvidia.com/mig-1g.10gb`"},
    {"media engines where they are asked for", "NVIDIA-A100-SXM4-40GB", "nvidia.com/gpu", "",
     "1g.6gb.me", SEVERITY_DENY, "nearest: `nvidia.com/mig-1g.5gb.me`"},
    {"without media engines is not with them", "NVIDIA-A100-SXM4-40GB", "nvidia.com/gpu", "",
     "1g.5gb-me", SEVERITY_DENY, "nearest: `nvidia.com/mig-1g.5gb`"},
    {"a product of which too little is known", "NVIDIA-RTX-PRO-5000-Blackwell", "nvidia.com/gpu",
     "", "1g.12gb", SEVERITY_WARN, "no node offers `mig-1g.12gb` now; whether its GPUs"},
    {"a product that is not known here", "NVIDIA-R100", "nvidia.com/gpu", "", "1g.5gb",
     SEVERITY_WARN, "whether its GPUs have this profile is not known here"},
    {"a node that does not name its product", NULL, "nvidia.com/gpu", "", "1g.5gb", SEVERITY_WARN,
     "is not known here"},
    {"no GPU at all, which may be scaled to zero", NULL, "cpu", "", "1g.5gb", SEVERITY_WARN,
     "no node offers `mig-1g.5gb` now"},
    {"a pool that may bring it", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu",
     "nodePools: [{name: a, products: [NVIDIA-A100-SXM4-40GB]}]", "1g.5gb", SEVERITY_WARN,
     "A100 40GB GPUs can be cut into it"},
    {"a pool whose product has it, with other profiles now", "NVIDIA-H100-80GB-HBM3",
     "nvidia.com/gpu",
     "nodePools: [{name: a, products: [NVIDIA-A100-SXM4-40GB], profiles: [7g.40gb]}]", "1g.5gb",
     SEVERITY_WARN, "A100 40GB GPUs can be cut into it"},
    {"a pool of the product without slices", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu",
     "nodePools: [{name: a, products: [NVIDIA-A100-SXM4-40GB], profiles: []}]", "1g.5gb",
     SEVERITY_DENY, "no node in this cluster can ever provide `mig-1g.5gb`"},
    {"a pool of a product that only the policy knows", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu",
     "nodePools: [{name: r, products: [NVIDIA-R100], profiles: [1g.5gb]}]", "1g.5gb", SEVERITY_WARN,
     "NVIDIA-R100 GPUs can be cut into it"},
    {"the policy knows that its product has it not", "NVIDIA-R100", "nvidia.com/gpu",
     "nodePools: [{name: r, products: [NVIDIA-R100], profiles: [1g.36gb]}]", "1g.5gb",
     SEVERITY_DENY, "NVIDIA-R100 nodes may offer 1g.36gb; nearest"},
    {"the single strategy has other names", "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb", "nvidia.com/gpu",
     "", "1g.10gb", SEVERITY_WARN,
     "ask for nvidia.com/gpu with the nodeSelector nvidia.com/gpu.product: "
     "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"},
    {"shared GPUs can be cut too", "NVIDIA-H100-80GB-HBM3-SHARED", "nvidia.com/gpu", "", "1g.10gb",
     SEVERITY_WARN, "H100 80GB GPUs can be cut into it"},
    {"a bad name stays one", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu", "", "1g.10g", SEVERITY_DENY,
     "is not the name of a MIG profile"},
};

START_TEST(profile_in_a_cluster) {
  given_rule_and(&b, RULE_MIG_PROFILE, "severity: deny", clusters[_i].pools);
  gpu_node("a", clusters[_i].product, clusters[_i].offered, "7");
  given_request(str_printf(b.arena, "nvidia.com/mig-%s", clusters[_i].asked).ptr, "1");
  const struct adm_verdict *verdict = judge(&b);
  if (clusters[_i].severity == SEVERITY_OFF) {
    expect_none_row(clusters[_i].name, verdict, RULE_MIG_PROFILE);
    return;
  }
  const struct finding *finding = first_finding(verdict, RULE_MIG_PROFILE);
  ck_assert_msg(finding != NULL, "%s: no finding", clusters[_i].name);
  /* Message and remedy as they stand together in the answer. */
  struct adm_verdict joined = *verdict;
  struct finding line = *finding;
  line.message =
      str_printf(b.arena, "%.*s; %.*s", STR_FMT(finding->message), STR_FMT(finding->remedy));
  joined.findings = &line;
  expect_finding_row(clusters[_i].name, &joined, RULE_MIG_PROFILE, clusters[_i].severity, NULL,
                     clusters[_i].fragment);
}
END_TEST

/* A T4 makes no slices, and its node says so; without that label it might. */
START_TEST(nodes_say_that_they_make_no_slices) {
  gpu_node("t4", "Tesla-T4", "nvidia.com/gpu", "4");
  with_node_label(&b, "nvidia.com/mig.capable", "false");
  gpu_node("h100", "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu", "8");
  given_request("nvidia.com/mig-1g.5gb", "1");
  expect_finding(judge(&b), RULE_MIG_PROFILE, SEVERITY_DENY, NULL, "can ever provide");
  gpu_node("other-t4", "Tesla-T4", "nvidia.com/gpu", "4");
  expect_finding(judge(&b), RULE_MIG_PROFILE, SEVERITY_WARN, NULL, "not known here");
}
END_TEST

START_TEST(a_node_whose_plugin_restarts_still_has_its_product) {
  gpu_node("a", "NVIDIA-A100-SXM4-40GB", "nvidia.com/mig-1g.5gb", "0");
  given_request("nvidia.com/mig-2g.10gb", "1");
  expect_finding(judge(&b), RULE_MIG_PROFILE, SEVERITY_WARN, NULL, "A100 40GB GPUs can be cut");
}
END_TEST

static const char *const at_rest[] = {
    "nvidia.com/mig-1g.5gb",  /* of the product */
    "nvidia.com/mig-1g.13gb", /* of none */
    "nvidia.com/mig-1g.5g",   /* no profile's name */
    "nvidia.com/mig-1g.13gb.shared",
};

START_TEST(what_a_node_lists_is_not_refused) {
  gpu_node("a", "NVIDIA-A100-SXM4-40GB", at_rest[_i], "0");
  given_request(at_rest[_i], "1");
  expect_finding_row(at_rest[_i], judge(&b), RULE_MIG_PROFILE, SEVERITY_WARN, NULL,
                     "have 0 of it now");
}
END_TEST

START_TEST(a_share_of_what_a_node_lists_is_not_refused) {
  gpu_node("a", "NVIDIA-A100-SXM4-40GB", "nvidia.com/mig-1g.13gb", "0");
  given_request("nvidia.com/mig-1g.13gb.shared", "1");
  expect_finding(judge(&b), RULE_MIG_PROFILE, SEVERITY_WARN, NULL, "no node offers");
}
END_TEST

START_TEST(a_share_where_slices_are_not_shared) {
  gpu_node("a", "NVIDIA-H100-80GB-HBM3", "nvidia.com/mig-1g.10gb", "7");
  given_request("nvidia.com/mig-1g.10gb.shared", "1");
  const struct adm_verdict *verdict = judge(&b);
  expect_finding(verdict, RULE_MIG_PROFILE, SEVERITY_WARN, NULL,
                 "nvidia.com/mig-1g.10gb is not shared here");
  expect_finding(verdict, RULE_MIG_PROFILE, SEVERITY_WARN, NULL,
                 "ask for the slice itself, `nvidia.com/mig-1g.10gb`");
}
END_TEST

static const struct {
  const char *offered, *remedy;
} without_slices[] = {
    {"nvidia.com/gpu", "ask for a whole GPU, nvidia.com/gpu"},
    {"cpu", "have nodes added that can be cut for it"},
};

START_TEST(a_cluster_without_slices_offers_whole_gpus) {
  gpu_node("t4", "Tesla-T4", without_slices[_i].offered, "1");
  with_node_label(&b, "nvidia.com/mig.capable", "false");
  given_request("nvidia.com/mig-1g.5gb", "1");
  expect_finding(judge(&b), RULE_MIG_PROFILE, SEVERITY_DENY, NULL, without_slices[_i].remedy);
}
END_TEST

START_TEST(the_rules_severity_is_the_policys) {
  given_rule(&b, RULE_MIG_PROFILE, "severity: audit");
  given_request("nvidia.com/mig-1g.5g", "1");
  expect_finding(judge(&b), RULE_MIG_PROFILE, SEVERITY_AUDIT, NULL, NULL);
}
END_TEST

/* ---- how many ---------------------------------------------------------------------------------
 */

static const struct {
  const char *name, *settings, *resource, *amount;
  enum severity severity;
  const char *fragment;
} counts[] = {
    {"one", "severity: deny", "nvidia.com/mig-1g.10gb", "1", SEVERITY_OFF, NULL},
    {"two help only programs of several processes", "severity: deny", "nvidia.com/mig-1g.10gb", "2",
     SEVERITY_WARN, "a CUDA process uses one slice: 2 of them"},
    {"none", "severity: deny", "nvidia.com/mig-1g.10gb", "0", SEVERITY_OFF, NULL},
    {"as many as the policy allows", "severity: deny, maxPerContainer: 2", "nvidia.com/mig-1g.10gb",
     "2", SEVERITY_OFF, NULL},
    {"more than it allows", "severity: deny, maxPerContainer: 2", "nvidia.com/mig-1g.10gb", "3",
     SEVERITY_DENY, "3 slices in one container, and at most 2 are allowed"},
    {"shares are counted by another rule", "severity: deny, maxPerContainer: 2",
     "nvidia.com/mig-1g.10gb.shared", "3", SEVERITY_OFF, NULL},
    {"what is no number is told by another rule", "severity: deny, maxPerContainer: 2",
     "nvidia.com/mig-1g.10gb", "many", SEVERITY_OFF, NULL},
};

START_TEST(how_many_slices) {
  given_rule(&b, RULE_MIG_PROFILE, counts[_i].settings);
  given_request(counts[_i].resource, counts[_i].amount);
  const struct adm_verdict *verdict = judge(&b);
  if (counts[_i].severity == SEVERITY_OFF)
    expect_none_row(counts[_i].name, verdict, RULE_MIG_PROFILE);
  else
    expect_finding_row(counts[_i].name, verdict, RULE_MIG_PROFILE, counts[_i].severity,
                       field_of(counts[_i].resource).ptr, counts[_i].fragment);
}
END_TEST

START_TEST(more_slices_than_any_node_has) {
  given_rule(&b, RULE_MIG_PROFILE, "severity: deny, maxPerContainer: 8");
  gpu_node("a", "NVIDIA-A100-SXM4-40GB", "nvidia.com/mig-1g.5gb", "3");
  given_request("nvidia.com/mig-1g.5gb", "4");
  expect_finding(judge(&b), RULE_MIG_PROFILE, SEVERITY_WARN, NULL,
                 "4 slices for one pod, and no node offers more than 3 now");
}
END_TEST

/* ---- other places ------------------------------------------------------------------------------
 */

START_TEST(every_container_and_form_is_judged) {
  given_yaml(&b,
             "{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, spec: {predictor: "
             "{model: {resources: {limits: {nvidia.com/mig-1g.5g: 1}}}}}}");
  expect_finding(judge(&b), RULE_MIG_PROFILE, SEVERITY_DENY,
                 "spec.predictor.model.resources.limits[nvidia.com/mig-1g.5g]", NULL);
  given_pod_spec(&b, "containers: [{name: a}]\ninitContainers: [{name: i, resources: {requests: "
                     "{nvidia.com/mig-1g.5g: 1}}}]");
  expect_finding(judge(&b), RULE_MIG_PROFILE, SEVERITY_DENY,
                 "spec.initContainers[0].resources.requests[nvidia.com/mig-1g.5g]", NULL);
}
END_TEST

START_TEST(a_hostile_object_gets_no_nearest_names_for_ever) {
  enum { MANY = 20000 };
  given_request("nvidia.com/mig-1g.5g", "1");
  struct container *containers = arena_array(b.arena, MANY, sizeof(*containers));
  for (uint32_t i = 0; i < MANY; i++) {
    containers[i] = b.tmpl->spec.containers[0];
    containers[i].index = i;
  }
  b.tmpl->spec.containers = containers;
  b.tmpl->spec.container_count = MANY;
  const struct adm_verdict *verdict = judge(&b);
  ck_assert_uint_eq(count_findings(verdict, RULE_MIG_PROFILE), MANY);
}
END_TEST

TCase *tcase_mig_profile(void) {
  TCase *tcase = tcase_create("mig-profile");
  tcase_add_checked_fixture(tcase, setup, teardown);
  tcase_add_loop_test(tcase, name_without_a_cluster, 0, (int)SG_ARRAY_LEN(names));
  tcase_add_test(tcase, pools_alone_are_no_cluster);
  tcase_add_test(tcase, a_pool_knows_profiles_of_newer_products);
  tcase_add_test(tcase, a_recording_without_nodes_is_no_cluster);
  tcase_add_test(tcase, what_no_node_can_ever_provide);
  tcase_add_loop_test(tcase, profile_in_a_cluster, 0, (int)SG_ARRAY_LEN(clusters));
  tcase_add_test(tcase, nodes_say_that_they_make_no_slices);
  tcase_add_test(tcase, a_node_whose_plugin_restarts_still_has_its_product);
  tcase_add_loop_test(tcase, what_a_node_lists_is_not_refused, 0, (int)SG_ARRAY_LEN(at_rest));
  tcase_add_test(tcase, a_share_of_what_a_node_lists_is_not_refused);
  tcase_add_test(tcase, a_share_where_slices_are_not_shared);
  tcase_add_loop_test(tcase, a_cluster_without_slices_offers_whole_gpus, 0,
                      (int)SG_ARRAY_LEN(without_slices));
  tcase_add_test(tcase, the_rules_severity_is_the_policys);
  tcase_add_loop_test(tcase, how_many_slices, 0, (int)SG_ARRAY_LEN(counts));
  tcase_add_test(tcase, more_slices_than_any_node_has);
  tcase_add_test(tcase, every_container_and_form_is_judged);
  tcase_add_test(tcase, a_hostile_object_gets_no_nearest_names_for_ever);
  return tcase;
}
