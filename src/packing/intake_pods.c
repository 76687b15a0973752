/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded pods as requests of the core, and what of a pod cannot be said in its terms. */
#include "src/packing/intake.h"

static const struct str device_class_prefix = {"deviceclass.resource.kubernetes.io/", 35};

static int64_t at_most(int64_t amount, int64_t most) {
  return amount < most ? amount : most;
}

/* By a card's name: so much of one card, or several cards. count 0: neither. */
static struct pack_form form_of_card(uint8_t number, struct str name, int64_t amount) {
  bool is_milli = str_is(name, GPU_MILLI_NAME);
  struct pack_form form = {.kind = PACK_REPLICAS, .name = number};
  if (pack_is_hami_memory(name))
    amount = amount <= INT32_MAX ? pack_hami_steps(amount) : INT64_MAX;
  if (amount <= 0 || amount > UINT16_MAX)
    return form;
  form.count = 1;
  form.amount = (uint16_t)amount;
  if (!is_milli)
    return form;
  form.kind = PACK_FRACTION;
  if (amount % PACK_MILLI == 0) {
    form.kind = PACK_WHOLE;
    form.count = (uint16_t)(amount / PACK_MILLI);
    form.amount = 0;
  } else if (amount > PACK_MILLI) {
    form.count = 0;
  }
  return form;
}

static struct pack_form form_of(uint8_t name, uint8_t kind, uint16_t profile, int64_t count) {
  uint16_t asked = (uint16_t)at_most(count, UINT16_MAX);
  struct pack_form form = {.kind = kind, .name = name, .count = asked, .amount = profile};
  if (kind == PACK_REPLICAS) {
    form.count = 1;
    form.amount = asked;
  }
  return form;
}

/* CPU and memory; true when the name is one of them, or nothing to count. */
static bool take_host(const struct resource_request *item, struct pack_request *request) {
  if (str_is(item->name, "cpu"))
    request->cpu_milli = at_most(qty_milli_ceil(item->amount), AMOUNT_MAX);
  else if (str_is(item->name, "memory"))
    request->mem_bytes = at_most(qty_units_ceil(item->amount), AMOUNT_MAX);
  else
    return str_is(item->name, "pods");
  return true;
}

struct pack_request pack_intake_request_on(const struct pack_intake *intake,
                                           const struct pack_node *node, const struct pod *pod) {
  struct pack_request request = pack_request_of(0, 0, PACK_CPU, 0, 0);
  for (size_t i = 0; i < pod->request_count; i++) {
    const struct resource_request *item = &pod->requests[i];
    uint8_t name = intake_find_name(intake, item->name);
    if (take_host(item, &request) || name == 0 || request.forms[0].kind != PACK_CPU)
      continue;
    if (node->counter_count == 0 && pack_is_card_name(item->name)) {
      struct pack_form form = form_of_card(name, item->name, qty_units_ceil(item->amount));
      if (form.count)
        request.forms[0] = form;
    }
    for (uint16_t c = 0; c < node->counter_count; c++) {
      const struct pack_counter *counter = &node->counters[c];
      if (counter->name == name)
        request.forms[0] =
            form_of(name, counter->kind, counter->profile, qty_units_ceil(item->amount));
    }
  }
  return request;
}

/* ---- parts of HAMi's cards -------------------------------------------------------------- */

static bool is_hami_name(struct str name) {
  return str_is(name, "nvidia.com/gpu") || pack_is_hami_memory(name) ||
         str_is(name, "nvidia.com/gpumem-percentage") || str_is(name, "nvidia.com/gpucores") ||
         str_is(name, "nvidia.com/priority");
}

bool pack_is_hami_part(const struct pod *pod) {
  return pod_units(pod, "nvidia.com/gpumem") > 0 && pod_units(pod, "nvidia.com/gpu") == 1 &&
         pod_units(pod, "nvidia.com/gpumem-percentage") == 0 &&
         pod_units(pod, "nvidia.com/gpucores") == 0 && pod_units(pod, "nvidia.com/priority") == 0;
}

/* ---- asked ------------------------------------------------------------------------------- */

static bool check_name(const struct resource_request *item, enum name_class class,
                       struct err *reterr) {
  if (str_starts_with(item->name, device_class_prefix))
    return err_set(reterr, ERR_INVALID, "%.*s: a device by DRA, of which nodes list nothing",
                   STR_FMT(item->name));
  if (class == NAME_OPAQUE)
    return err_set(
        reterr, ERR_INVALID,
        "%.*s is handed out by a scheduler extender of its own, card by card: what nodes "
        "list does not tell whether it fits",
        STR_FMT(item->name));
  return true;
}

/* Anybody may ask a live cluster for names that nobody has heard of, and numbers are never taken
 * back: there only nodes are given them. And what is new after a scene was made has no place in it.
 */
static bool is_closed(const struct pack_intake *intake) {
  return intake->recorded == NULL || intake->is_sealed;
}

static uint8_t number_device(struct pack_intake *intake, struct str name) {
  return is_closed(intake) ? intake_find_name(intake, name) : intake_add_name(intake, name);
}

/* UINT16_MAX for what no node lists, where names are closed. */
static uint16_t number_other(struct pack_intake *intake, struct str name) {
  return (uint16_t)(is_closed(intake) ? intake_find_other(intake, name)
                                      : intake_add_other(intake, name));
}

/* What the API server refuses, or lets through and no node has. */
static bool check_count(const struct resource_request *item, int64_t count, struct err *reterr) {
  int64_t most = pack_is_hami_memory(item->name)      ? (int64_t)UINT16_MAX * PACK_HAMI_STEP_MIB
                 : str_is(item->name, GPU_MILLI_NAME) ? GPU_MILLI_MAX
                                                      : UINT16_MAX;
  if (!qty_is_whole(item->amount))
    return err_set(reterr, ERR_INVALID, "%.*s: not a whole number, which the API server refuses",
                   STR_FMT(item->name));
  return count <= most ||
         err_set(reterr, ERR_INVALID, "%.*s: %lld is more than any node has, write at most %lld",
                 STR_FMT(item->name), (long long)count, (long long)most);
}

static bool take_device(struct pack_intake *intake, const struct resource_request *item,
                        struct pack_asked *ret, struct err *reterr) {
  int64_t count = qty_units_ceil(item->amount);
  if (ret->device.len)
    return err_set(reterr, ERR_INVALID,
                   "asks for %.*s and for %.*s: GPUs of two names are not placed together",
                   STR_FMT(ret->device), STR_FMT(item->name));
  if (!check_count(item, count, reterr)) {
    ret->is_absurd = true;
    return false;
  }
  ret->device = item->name;
  ret->device_count = count;
  uint8_t number = number_device(intake, item->name);
  if (number == 0 && is_closed(intake)) { /* a whole of nothing, until a node lists it */
    ret->request.forms[0] = form_of(0, PACK_WHOLE, 0, count);
    return true;
  }
  if (number == 0)
    return err_set(reterr, ERR_LIMIT, "more than %d resource names of GPUs", DEVICE_NAMES_MAX);
  if (pack_is_card_name(item->name)) {
    ret->device = item->name;
    ret->device_count = count;
    ret->request.forms[0] = form_of_card(number, item->name, count);
    ret->is_absurd = ret->request.forms[0].count == 0;
    return !ret->is_absurd ||
           err_set(
               reterr, ERR_INVALID,
               "%.*s: %lld is neither from 1 to 999 (a part of one GPU) nor a multiple of 1,000",
               STR_FMT(item->name), (long long)count);
  }
  struct device_name *name = &intake->names[number - 1];
  if (name->form_count == 0) /* no node lists it: a whole of nothing */
    (void)intake_admit_form(name, PACK_WHOLE, 0);
  ret->request.form_count = name->form_count;
  for (uint8_t f = 0; f < name->form_count; f++)
    ret->request.forms[f] = form_of(number, name->forms[f].kind, name->forms[f].profile, count);
  return true;
}

bool pack_intake_read_pod(struct pack_intake *intake, struct arena *arena, const struct pod *pod,
                          struct pack_asked *ret, struct err *reterr) {
  struct pack_other *others = arena_array(arena, pod->request_count, sizeof(*others));
  bool is_hami = !intake->recorded && intake_find_name(intake, STR_LIT("nvidia.com/gpumem")) &&
                 pack_is_hami_part(pod);
  *ret = (struct pack_asked){
      .pod = pod, .request = pack_request_of(0, 0, PACK_CPU, 0, 0), .others = others};
  if (pod->has_claims)
    return err_set(reterr, ERR_INVALID,
                   "spec.resourceClaims: devices by DRA, of which nodes list nothing");
  for (size_t i = 0; i < pod->request_count; i++) {
    const struct resource_request *item = &pod->requests[i];
    enum name_class class = resource_name_parse(item->name).class;
    if (take_host(item, &ret->request))
      continue;
    if (is_hami && is_hami_name(item->name)) {
      if (pack_is_hami_memory(item->name) && !take_device(intake, item, ret, reterr))
        return false;
      continue;
    }
    if (!check_name(item, class, reterr))
      return false;
    bool is_device = pack_is_device_name(item->name) || class == NAME_CARD;
    if (is_device && intake_find_other(intake, item->name) == SIZE_MAX) {
      if (!take_device(intake, item, ret, reterr))
        return false;
      continue;
    }
    if (ret->other_count == OTHERS_ASKED_MAX)
      return err_set(reterr, ERR_LIMIT, "more than %d other resources in one pod",
                     OTHERS_ASKED_MAX);
    others[ret->other_count++] = (struct pack_other){.index = number_other(intake, item->name),
                                                     .name = item->name,
                                                     .amount = qty_units_ceil(item->amount)};
  }
  return true;
}
