/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of every verdict, on random policies, clusters and workloads. */
#include "tests/property/admission/gen.h"

#include "tests/support/check_main.h"

#include <stdio.h>

enum { ROUNDS = 4000, NOW = 1795262400 };

struct world {
  struct arena *arena;
  struct gen_policy gen;
  struct policy *policy;
  const struct policy_view *view;
  struct cluster cluster;
  struct k8s_namespace ns;
  struct adm_cluster *known;
  struct workload object;
  struct adm_request request;
  uint64_t seed; /* of this round: SEED= with it repeats the round as the first */
};

static void world_init(struct world *w, uint64_t seed) {
  struct random random;
  random_init(&random, seed);
  *w = (struct world){.arena = arena_new(1 << 16), .seed = seed};
  w->gen = gen_policy(&random);
  w->policy = gen_policy_read(&w->gen);
  w->view = policy_get(w->policy);
  gen_cluster(&random, w->arena, &w->cluster);
  gen_namespace(&random, w->arena, &w->ns);
  gen_workload(&random, w->arena, w->view, &w->object);
  if (!random_one_in(&random, 3))
    w->known = adm_cluster_new(&w->cluster, w->view);
  w->request = (struct adm_request){.operation = ADM_CREATE,
                                    .object = &w->object,
                                    .is_changed = true,
                                    .ns_object = random_one_in(&random, 2) ? &w->ns : NULL,
                                    .now_seconds = NOW};
}

static void world_done(struct world *w) {
  adm_cluster_free(w->known);
  policy_unref(w->policy);
  arena_free(w->arena);
}

static struct adm_verdict validate(struct world *w, const struct adm_request *request) {
  struct adm_verdict verdict;
  adm_validate(w->view, w->known, request, w->arena, &verdict);
  return verdict;
}

static bool is_same(const struct finding *a, const struct finding *b) {
  return a->rule == b->rule && a->severity == b->severity && str_eq(a->field, b->field) &&
         str_eq(a->message, b->message) && str_eq(a->remedy, b->remedy);
}

static bool is_clean(struct str text) {
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
      return false;
  return text.len > 0;
}

/* ---- the properties -------------------------------------------------------------------- */

static void well_formed(struct world *w, const struct adm_verdict *verdict) {
  size_t denied = 0;
  for (size_t i = 0; i < verdict->finding_count; i++) {
    const struct finding *finding = &verdict->findings[i];
    denied += finding->severity == SEVERITY_DENY;
    ck_assert_msg(finding->severity > SEVERITY_OFF &&
                      finding->severity <= w->gen.severities[finding->rule],
                  "round %llu: %s at %s", (unsigned long long)w->seed, rule_name(finding->rule),
                  severity_name(finding->severity));
    ck_assert_msg(is_clean(finding->message) && is_clean(finding->remedy) && finding->field.len,
                  "round %llu: [%s] %.*s: %.*s; %.*s", (unsigned long long)w->seed,
                  rule_name(finding->rule), STR_FMT(finding->field), STR_FMT(finding->message),
                  STR_FMT(finding->remedy));
    ck_assert_msg(i == 0 || finding[-1].severity >= finding->severity, "round %llu: not sorted",
                  (unsigned long long)w->seed);
  }
  ck_assert_msg(verdict->is_allowed == (denied == 0), "round %llu: allowed with %zu denied",
                (unsigned long long)w->seed, denied);
  size_t total = 0;
  struct strings warnings = adm_warnings(verdict->findings, verdict->finding_count, w->arena);
  for (size_t i = 0; i < warnings.count; i++) {
    ck_assert(is_clean(warnings.items[i]));
    total += warnings.items[i].len;
  }
  ck_assert_uint_le(total, 4096);
}

static void deterministic(struct world *w, const struct adm_verdict *verdict) {
  struct adm_verdict again = validate(w, &w->request);
  ck_assert_uint_eq(again.finding_count, verdict->finding_count);
  for (size_t i = 0; i < again.finding_count; i++)
    ck_assert(is_same(&again.findings[i], &verdict->findings[i]));
}

static void updates_that_change_nothing_pass(struct world *w) {
  struct adm_request request = w->request;
  request.operation = ADM_UPDATE;
  request.old = &w->object;
  ck_assert_msg(validate(w, &request).is_allowed, "round %llu", (unsigned long long)w->seed);
}

/* A container without a sin in front of the others shifts every index behind it. */
static void updates_that_only_shift_pass(struct world *w) {
  struct workload shifted;
  struct adm_request request = w->request;
  gen_insert_container(w->arena, &w->object, &shifted);
  request.operation = ADM_UPDATE;
  request.object = &shifted;
  request.old = &w->object;
  ck_assert_msg(validate(w, &request).is_allowed, "round %llu", (unsigned long long)w->seed);
}

static void children_of_controllers_pass(struct world *w) {
  struct adm_request request = w->request;
  if (w->object.owner_count == 0)
    return;
  request.is_user_known = true;
  request.user = STR_LIT("system:serviceaccount:kube-system:replicaset-controller");
  ck_assert_msg(validate(w, &request).is_allowed, "round %llu", (unsigned long long)w->seed);
  request.user = STR_LIT("mallory");
  ck_assert(validate(w, &request).is_allowed == validate(w, &w->request).is_allowed);
}

/* Findings of a rule at a severity. */
static size_t tally(const struct adm_verdict *verdict, enum rule_id rule, enum severity severity) {
  size_t count = 0;
  for (size_t i = 0; i < verdict->finding_count; i++)
    count += verdict->findings[i].rule == rule && verdict->findings[i].severity == severity;
  return count;
}

static void order_of_containers_does_not_matter(struct world *w, const struct adm_verdict *verdict,
                                                const struct workload *shuffled) {
  struct adm_request request = w->request;
  request.object = shuffled;
  struct adm_verdict other = validate(w, &request);
  for (enum rule_id rule = 0; rule < RULE_COUNT; rule++)
    for (enum severity s = SEVERITY_AUDIT; s <= SEVERITY_DENY; s++)
      ck_assert_msg(tally(verdict, rule, s) == tally(&other, rule, s),
                    "round %llu: %s: %zu and %zu findings", (unsigned long long)w->seed,
                    rule_name(rule), tally(verdict, rule, s), tally(&other, rule, s));
}

/* A finding stays a finding, and no less grave. */
static void a_stricter_policy_is_stricter(struct world *w, struct random *random,
                                          const struct adm_verdict *verdict) {
  struct gen_policy stricter = w->gen;
  enum rule_id rule = (enum rule_id)random_below(random, RULE_COUNT);
  if (rule == RULE_BUDGET || stricter.severities[rule] == SEVERITY_DENY)
    return;
  stricter.severities[rule]++;
  struct policy *policy = gen_policy_read(&stricter);
  struct adm_cluster *known = w->known ? adm_cluster_new(&w->cluster, policy_get(policy)) : NULL;
  struct adm_request request = w->request;
  struct workload object = w->object;
  object.row = policy_find_kind(policy_get(policy), object.group, object.kind);
  request.object = &object;
  struct adm_verdict other;
  adm_validate(policy_get(policy), known, &request, w->arena, &other);
  ck_assert_msg(verdict->is_allowed || !other.is_allowed, "round %llu: stricter %s allows",
                (unsigned long long)w->seed, rule_name(rule));
  ck_assert_uint_ge(other.finding_count, verdict->finding_count);
  adm_cluster_free(known);
  policy_unref(policy);
}

static void mutation_settles(struct world *w, const struct adm_verdict *verdict) {
  struct adm_mutation mutation, again;
  adm_mutate(w->view, w->known, &w->request, w->arena, &mutation);
  ck_assert_msg(mutation.refusal_count == 0 || !verdict->is_allowed,
                "round %llu: /mutate refuses what /validate allows", (unsigned long long)w->seed);
  ck_assert(mutation.refusal_count == 0 || mutation.patch_count == 0);
  struct workload patched;
  struct adm_request request = w->request;
  adm_apply_patches(w->arena, &w->object, mutation.patches, mutation.patch_count, &patched);
  request.object = &patched;
  adm_mutate(w->view, w->known, &request, w->arena, &again);
  ck_assert_msg(again.patch_count == 0, "round %llu: %zu patches, then %zu",
                (unsigned long long)w->seed, mutation.patch_count, again.patch_count);
  /* What was allowed stays so; a smaller GPU may want less of the host, which it is told. */
  if (verdict->is_allowed && !w->gen.rewrites)
    ck_assert_msg(validate(w, &request).is_allowed, "round %llu: refused only when patched",
                  (unsigned long long)w->seed);
}

/* Profiles that no product has are refused whatever came meanwhile; and a name that nodes once
 * listed is no mistaken name of a GPU, be it listed now or not. */
static bool may_need_a_cluster(enum rule_id rule) {
  return rule == RULE_MIG_PROFILE || rule == RULE_GPU_BYPASS || rule == RULE_GPU_NODE_USE;
}

static bool is_denied(const struct adm_verdict *verdict, enum rule_id rule, struct str field) {
  for (size_t i = 0; i < verdict->finding_count; i++) {
    const struct finding *finding = &verdict->findings[i];
    if (finding->severity == SEVERITY_DENY && finding->rule == rule &&
        str_eq(finding->field, field))
      return true;
  }
  return false;
}

/* Of a cluster not heard of for long: what is refused would be while it is heard of, and the object
 * would be without any cluster. */
static void a_stale_cluster_refuses_nothing(struct world *w, const struct adm_verdict *verdict) {
  struct adm_request request = w->request;
  request.cluster_stale_seconds = 300;
  struct adm_verdict stale = validate(w, &request), blind;
  adm_validate(w->view, NULL, &w->request, w->arena, &blind);
  ck_assert_uint_ge(stale.finding_count, verdict->finding_count);
  for (size_t i = 0; i < stale.finding_count; i++) {
    const struct finding *finding = &stale.findings[i];
    if (finding->severity != SEVERITY_DENY)
      continue;
    ck_assert_msg(is_denied(verdict, finding->rule, finding->field) &&
                      (may_need_a_cluster(finding->rule) || !blind.is_allowed),
                  "round %llu: [%s] %.*s: %.*s", (unsigned long long)w->seed,
                  rule_name(finding->rule), STR_FMT(finding->field), STR_FMT(finding->message));
  }
}

/* Round i of a seed has the seed + i: a failing round is repeated by SEED=<its number>. */
START_TEST(every_verdict) {
  uint64_t seed = random_seed();
  size_t denied = 0, patched = 0;
  for (uint64_t i = 0; i < ROUNDS; i++) {
    struct world w;
    struct workload shuffled;
    world_init(&w, seed + i);
    struct random random;
    random_init(&random, ~w.seed);
    struct adm_verdict verdict = validate(&w, &w.request);
    well_formed(&w, &verdict);
    deterministic(&w, &verdict);
    updates_that_change_nothing_pass(&w);
    children_of_controllers_pass(&w);
    gen_shuffle(&random, w.arena, &w.object, &shuffled);
    order_of_containers_does_not_matter(&w, &verdict, &shuffled);
    updates_that_only_shift_pass(&w);
    a_stricter_policy_is_stricter(&w, &random, &verdict);
    mutation_settles(&w, &verdict);
    a_stale_cluster_refuses_nothing(&w, &verdict);
    struct adm_mutation mutation;
    adm_mutate(w.view, w.known, &w.request, w.arena, &mutation);
    denied += !verdict.is_allowed;
    patched += mutation.patch_count > 0;
    world_done(&w);
  }
  /* The generator is worth something only while it reaches both sides. */
  ck_assert_msg(denied > ROUNDS / 10 && denied < ROUNDS * 9 / 10, "%zu of %d denied", denied,
                ROUNDS);
  ck_assert_msg(patched > ROUNDS / 100, "%zu of %d patched", patched, ROUNDS);
}
END_TEST

Suite *make_suite(void) {
  Suite *suite = suite_create("admission, random");
  TCase *tcase = tcase_create("verdicts");
  tcase_set_timeout(tcase, 300);
  tcase_add_test(tcase, every_verdict);
  suite_add_tcase(suite, tcase);
  return suite;
}
