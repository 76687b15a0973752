/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constraints as trait bits. Each distinct demand on nodes beside what the core counts gets one
 * bit, "this node meets it", so that the core compares masks and never a label. Equal selectors
 * and equal tolerations of several pods share theirs.
 */
#include "src/packing/intake.h"

/* ---- equality ---------------------------------------------------------------------------- */

static bool equal_requirements(const struct node_requirement *a, size_t a_count,
                               const struct node_requirement *b, size_t b_count) {
  if (a_count != b_count)
    return false;
  for (size_t i = 0; i < a_count; i++) {
    if (!str_eq(a[i].key, b[i].key) || a[i].op != b[i].op || a[i].value_count != b[i].value_count)
      return false;
    for (size_t v = 0; v < a[i].value_count; v++)
      if (!str_eq(a[i].values[v], b[i].values[v]))
        return false;
  }
  return true;
}

static bool equal_selectors(const struct pod_constraints *a, const struct pod_constraints *b) {
  if (a->node_selector_count != b->node_selector_count ||
      a->affinity_term_count != b->affinity_term_count)
    return false;
  for (size_t i = 0; i < a->node_selector_count; i++)
    if (!str_eq(a->node_selector[i].key, b->node_selector[i].key) ||
        !str_eq(a->node_selector[i].value, b->node_selector[i].value))
      return false;
  for (size_t i = 0; i < a->affinity_term_count; i++) {
    const struct node_selector_term *x = &a->affinity_terms[i], *y = &b->affinity_terms[i];
    if (!equal_requirements(x->requirements, x->requirement_count, y->requirements,
                            y->requirement_count) ||
        !equal_requirements(x->fields, x->field_count, y->fields, y->field_count))
      return false;
  }
  return true;
}

static bool equal_tolerations(const struct pod_constraints *a, const struct pod_constraints *b) {
  if (a->toleration_count != b->toleration_count)
    return false;
  for (size_t i = 0; i < a->toleration_count; i++) {
    const struct toleration *x = &a->tolerations[i], *y = &b->tolerations[i];
    if (!str_eq(x->key, y->key) || !str_eq(x->value, y->value) || x->is_exists != y->is_exists ||
        x->effect != y->effect)
      return false;
  }
  return true;
}

bool pack_equal_constraints(const struct pod_constraints *a, const struct pod_constraints *b) {
  return equal_selectors(a, b) && equal_tolerations(a, b);
}

static bool equal_others(const struct pack_asked *a, const struct pack_asked *b) {
  if (a->other_count != b->other_count)
    return false;
  for (size_t i = 0; i < a->other_count; i++)
    if (a->others[i].index != b->others[i].index || a->others[i].amount != b->others[i].amount)
      return false;
  return true;
}

static bool is_same(const struct constraint *a, const struct constraint *b) {
  if (a->type != b->type)
    return false;
  switch (a->type) {
  case CONSTRAINT_SELECTOR:
    return str_eq(a->of->node_name, b->of->node_name) && equal_selectors(a->of, b->of);
  case CONSTRAINT_TAINTS:
    return equal_tolerations(a->of, b->of);
  case CONSTRAINT_OTHERS:
    return equal_others(a->asked, b->asked);
  case CONSTRAINT_LISTED:
    return str_eq(a->asked->device, b->asked->device);
  }
  return false;
}

/* ---- bits -------------------------------------------------------------------------------- */

static bool add(struct pack_intake *intake, struct constraint constraint, uint64_t *needs,
                struct err *reterr) {
  size_t bit = 0;
  while (bit < intake->constraint_count && !is_same(&intake->constraints[bit], &constraint))
    bit++;
  if (bit == CONSTRAINTS_MAX)
    return err_set(
        reterr, ERR_LIMIT,
        "more than %d distinct selectors, tolerations and sets of other resources in one "
        "question",
        CONSTRAINTS_MAX);
  if (bit == intake->constraint_count)
    intake->constraints[intake->constraint_count++] = constraint;
  *needs |= UINT64_C(1) << bit;
  return true;
}

bool intake_intern(struct pack_intake *intake, const struct pack_asked *asked, uint64_t *ret_needs,
                   struct err *reterr) {
  const struct pod_constraints *of = &asked->pod->constraints;
  bool selects = of->node_name.len || of->node_selector_count || of->affinity_term_count;
  *ret_needs = 0;
  /* Everybody has tolerations, if only none: a node without room for pods meets nobody's. */
  return add(intake, (struct constraint){.type = CONSTRAINT_TAINTS, .of = of}, ret_needs, reterr) &&
         (!selects || add(intake, (struct constraint){.type = CONSTRAINT_SELECTOR, .of = of},
                          ret_needs, reterr)) &&
         (!asked->other_count ||
          add(intake, (struct constraint){.type = CONSTRAINT_OTHERS, .asked = asked}, ret_needs,
              reterr)) &&
         (!intake->has_cards || !asked->device.len || pack_is_card_name(asked->device) ||
          add(intake, (struct constraint){.type = CONSTRAINT_LISTED, .asked = asked}, ret_needs,
              reterr));
}

static bool is_met(const struct constraint *constraint, const struct node *node,
                   const int64_t *left) {
  switch (constraint->type) {
  case CONSTRAINT_SELECTOR:
    return pod_selects_node(constraint->of, node);
  case CONSTRAINT_TAINTS:
    return !pod_find_barrier(constraint->of, node);
  case CONSTRAINT_OTHERS:
    for (size_t i = 0; i < constraint->asked->other_count; i++)
      if (constraint->asked->others[i].amount > left[constraint->asked->others[i].index])
        return false;
    return true;
  case CONSTRAINT_LISTED:
    return node_counts(node, constraint->asked->device) &&
           amount_find(node->allocatable, node->allocatable_count, constraint->asked->device);
  }
  return false;
}

bool intake_takes_no_pods(const struct node *node) {
  const struct resource_amount *pods =
      amount_find(node->allocatable, node->allocatable_count, STR_LIT("pods"));
  return pods && pods->is_valid && qty_is_zero(pods->amount);
}

uint64_t intake_traits(const struct pack_intake *intake, const struct node *node,
                       const int64_t *left) {
  uint64_t traits = 0;
  if (intake_takes_no_pods(node))
    return 0; /* the core reads "0 pods" as "no limit" */
  for (size_t bit = 0; bit < intake->constraint_count; bit++)
    if (is_met(&intake->constraints[bit], node, left))
      traits |= UINT64_C(1) << bit;
  return traits;
}
