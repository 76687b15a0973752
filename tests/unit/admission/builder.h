/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds what an admission test needs, one statement a fact: a policy, an object with its
 * templates and containers, a cluster, a request; then asks the engine.
 *
 *   struct builder b;
 *   builder_init(&b);
 *   given_rule(&b, RULE_SHARING, "severity: deny, environments: [dev]");
 *   given_object(&b, "apps", "Deployment");
 *   with_label(&b, "slicegate.dev/environment", "production");
 *   with_container(&b, "serve");
 *   with_limit(&b, "nvidia.com/gpu.shared", "1");
 *   expect_finding(judge(&b), RULE_SHARING, SEVERITY_DENY, "...field...", "production");
 *   builder_done(&b);
 *
 * `with_...` always speaks of the newest template, container, affinity term or node.
 */
#ifndef SLICEGATE_TESTS_ADMISSION_BUILDER_H
#define SLICEGATE_TESTS_ADMISSION_BUILDER_H

#include "slicegate/admission.h"

/* 2026-11-21T12:00:00Z: what every test takes for now, unless it says otherwise. */
enum { BUILDER_NOW = 1795262400 };

struct builder {
  struct arena *arena;
  struct policy *policy;
  struct workload object;
  struct pod_template *tmpl;
  struct container *container;
  struct cluster cluster;
  struct node *node;
  struct k8s_namespace ns;
  struct adm_cluster *known;
  struct adm_request request;
  bool has_cluster;
};

void builder_init(struct builder *b);
void builder_done(struct builder *b);

/* ---- the policy ------------------------------------------------------------------ */

/* What stands below `spec:` in a GPUPolicy, in YAML. Unreadable text fails the test. */
void given_policy(struct builder *b, const char *spec);
/* Only this rule is on; `settings` is the inside of a flow mapping: "severity: deny". */
void given_rule(struct builder *b, enum rule_id rule, const char *settings);
/* The same with further keys of spec, in block YAML without indentation. */
void given_rule_and(struct builder *b, enum rule_id rule, const char *settings, const char *spec);
const struct policy_view *builder_view(const struct builder *b);

/* ---- the object --------------------------------------------------------------------- */

/* A new object of the kind, in namespace "default", named "train", with its first template
 * (the one of the kind's first row) and no container. */
void given_object(struct builder *b, const char *group, const char *kind);
void given_pod(struct builder *b);
/* One more template. */
void with_template(struct builder *b, enum template_form form, const char *path,
                   const char *spec_path);
/* On the template; on a Pod that is the object too. */
void with_label(struct builder *b, const char *key, const char *value);
void with_annotation(struct builder *b, const char *key, const char *value);
void with_object_label(struct builder *b, const char *key, const char *value);
void with_object_annotation(struct builder *b, const char *key, const char *value);
void with_owner(struct builder *b, const char *api_version, const char *kind, bool is_controller);
/* A field of the object that ends the workload. */
void with_deadline(struct builder *b, const char *path, int64_t seconds);

void with_container(struct builder *b, const char *name);
void with_init_container(struct builder *b, const char *name);
void with_sidecar(struct builder *b, const char *name);
void with_ephemeral_container(struct builder *b, const char *name);
void with_limit(struct builder *b, const char *resource, const char *quantity);
void with_request(struct builder *b, const char *resource, const char *quantity);
/* value NULL: valueFrom */
void with_env(struct builder *b, const char *name, const char *value);
void with_privileged(struct builder *b);

/* value NULL: operator Exists; key "" with it: every taint */
void with_toleration(struct builder *b, const char *key, const char *value,
                     enum taint_effect effect);
void with_node_selector(struct builder *b, const char *key, const char *value);
/* One more term of the required node affinity; requirements go into the newest. */
void with_affinity_term(struct builder *b);
/* values: comma-separated, may be "" */
void with_requirement(struct builder *b, const char *key, enum selector_operator op,
                      const char *values);
void with_host_path(struct builder *b, const char *path);
void with_service_account(struct builder *b, const char *name);
void with_runtime_class(struct builder *b, const char *name);

/* ---- the cluster and the request ------------------------------------------------------ */

/* Nodes make the cluster known; given_cluster alone is one with no nodes. */
void given_cluster(struct builder *b);
void given_node(struct builder *b, const char *name);
void with_node_label(struct builder *b, const char *key, const char *value);
void with_node_taint(struct builder *b, const char *key, const char *value,
                     enum taint_effect effect);
void with_node_resource(struct builder *b, const char *resource, const char *quantity);
/* The labels of the object's namespace become known. */
void given_namespace(struct builder *b);
void with_namespace_label(struct builder *b, const char *key, const char *value);
void given_user(struct builder *b, const char *user);
/* An UPDATE of `old`'s object to this one. `old` must live until the judgement. */
void given_update_of(struct builder *b, const struct builder *old);

/* ---- asking and checking ---------------------------------------------------------------- */

/* The verdict lives until builder_done. */
const struct adm_verdict *judge(struct builder *b);
const struct adm_mutation *mutate(struct builder *b);

size_t count_findings(const struct adm_verdict *verdict, enum rule_id rule);
const struct finding *first_finding(const struct adm_verdict *verdict, enum rule_id rule);
/* Exactly one finding of the rule, with this severity and field (NULL: any), whose message or
 * remedy contains `fragment` (NULL: any). `row` names the row of a table in failures. */
void expect_finding_row(const char *row, const struct adm_verdict *verdict, enum rule_id rule,
                        enum severity severity, const char *field, const char *fragment);
void expect_finding(const struct adm_verdict *verdict, enum rule_id rule, enum severity severity,
                    const char *field, const char *fragment);
void expect_none_row(const char *row, const struct adm_verdict *verdict, enum rule_id rule);
void expect_none(const struct adm_verdict *verdict, enum rule_id rule);
/* What every text of every finding promises: not empty, no control characters, no full stop. */
void expect_wellformed(const struct adm_verdict *verdict);

#endif
