/* SPDX-License-Identifier: Apache-2.0 */
/* The intake: the numbers that names, products and constraints of one recording have. */
#include "src/packing/intake.h"

#include <stdlib.h>

bool pack_is_card_name(struct str resource) {
  return resource_name_parse(resource).class == NAME_CARD || pack_is_hami_memory(resource);
}

bool pack_is_device_name(struct str resource) {
  enum name_class class = resource_name_parse(resource).class;
  return class == NAME_WHOLE || class == NAME_SLICE || class == NAME_VENDOR;
}

/* ---- names ------------------------------------------------------------------------------- */

uint8_t intake_find_name(const struct pack_intake *intake, struct str name) {
  for (size_t i = 0; i < intake->name_count; i++)
    if (str_eq(intake->names[i].text, name))
      return (uint8_t)(i + 1);
  return 0;
}

uint8_t intake_add_name(struct pack_intake *intake, struct str name) {
  uint8_t number = intake_find_name(intake, name);
  if (number || intake->name_count == DEVICE_NAMES_MAX)
    return number;
  intake->names[intake->name_count++] = (struct device_name){.text = str_copy(intake->arena, name)};
  return (uint8_t)intake->name_count;
}

bool intake_admit_form(struct device_name *name, uint8_t kind, uint16_t profile) {
  for (uint8_t i = 0; i < name->form_count; i++)
    if (name->forms[i].kind == kind && name->forms[i].profile == profile)
      return true;
  /* One place is kept for wholes, as which everything can be counted. */
  if (kind != PACK_WHOLE && name->form_count >= PACK_FORMS_MAX - 1) {
    (void)intake_admit_form(name, PACK_WHOLE, 0);
    return false;
  }
  name->forms[name->form_count].kind = kind;
  name->forms[name->form_count++].profile = profile;
  return true;
}

size_t intake_find_other(const struct pack_intake *intake, struct str name) {
  for (size_t i = 0; i < intake->other_count; i++)
    if (str_eq(intake->others[i], name))
      return i;
  return SIZE_MAX;
}

size_t intake_add_other(struct pack_intake *intake, struct str name) {
  size_t index = intake_find_other(intake, name);
  if (index != SIZE_MAX)
    return index;
  if (intake->other_count == intake->other_cap) {
    intake->other_cap = intake->other_cap ? intake->other_cap * 2 : 16;
    intake->others = mem_realloc(intake->others, intake->other_cap * sizeof(*intake->others));
  }
  intake->others[intake->other_count] = str_copy(intake->arena, name);
  return intake->other_count++;
}

/* ---- the survey -------------------------------------------------------------------------- */

/* Numbers for all that the node lists, so that requests know every way to be met. */
static void survey(struct pack_intake *intake, const struct node *node) {
  struct pack_node_reading read;
  pack_intake_read_node(intake, node, &read);
  intake->has_cards |= read.spec.counter_count == 0 && read.spec.device_count > 0;
}

/* Where the pods of each node begin; they are sorted by node, and so are the nodes. */
static void find_pods(struct pack_intake *intake) {
  const struct cluster *recorded = intake->recorded;
  size_t at = 0;
  for (size_t n = 0; n < recorded->node_count; n++) {
    struct str name = recorded->nodes[n].name;
    while (at < recorded->pod_count && str_cmp(recorded->pods[at].constraints.node_name, name) < 0)
      at++;
    intake->pod_first[n] = at;
    while (at < recorded->pod_count && str_eq(recorded->pods[at].constraints.node_name, name))
      at++;
    intake->pod_last[n] = at;
  }
}

static bool check_nodes(const struct pack_intake *intake, struct err *reterr) {
  const struct node *nodes = intake->recorded->nodes;
  for (size_t n = 0; n < intake->recorded->node_count; n++) {
    size_t pods = intake->pod_last[n] - intake->pod_first[n];
    if (n && str_eq(nodes[n - 1].name, nodes[n].name))
      return err_set(reterr, ERR_INVALID, "node \"%.*s\" is there twice", STR_FMT(nodes[n].name));
    if (pods > NODE_PODS_MAX)
      return err_set(reterr, ERR_LIMIT, "node \"%.*s\" has %zu pods, %d are the most",
                     STR_FMT(nodes[n].name), pods, NODE_PODS_MAX);
  }
  return true;
}

struct pack_intake *pack_intake_new_live(struct pack_catalog *catalog,
                                         struct gpu_products products) {
  struct pack_intake *intake = mem_zalloc(sizeof(*intake));
  intake->arena = arena_new(4096);
  intake->catalog = catalog;
  intake->products = products;
  intake->names = mem_zalloc(DEVICE_NAMES_MAX * sizeof(*intake->names));
  return intake;
}

struct pack_intake *pack_intake_new(struct pack_catalog *catalog, struct gpu_products products,
                                    const struct cluster *recorded, struct err *reterr) {
  size_t count = recorded->node_count;
  struct pack_intake *intake = pack_intake_new_live(catalog, products);
  intake->recorded = recorded;
  intake->pod_first = mem_zalloc((count + 1) * sizeof(*intake->pod_first));
  intake->pod_last = mem_zalloc((count + 1) * sizeof(*intake->pod_last));
  find_pods(intake);
  if (!check_nodes(intake, reterr)) {
    pack_intake_free(intake);
    return NULL;
  }
  for (size_t n = 0; n < count; n++)
    survey(intake, &recorded->nodes[n]);
  return intake;
}

void pack_intake_free(struct pack_intake *intake) {
  if (!intake)
    return;
  arena_free(intake->arena);
  free(intake->names);
  free(intake->others);
  free(intake->pod_first);
  free(intake->pod_last);
  free(intake);
}

const struct pack_asked *pack_intake_ask(struct pack_intake *intake, const struct pod *pod,
                                         struct err *reterr) {
  if (intake->is_sealed) {
    (void)err_set(reterr, ERR_INTERNAL,
                  "asked after a scene was made: its nodes have no bits for it");
    return NULL;
  }
  struct pack_asked *asked = arena_alloc(intake->arena, sizeof(*asked));
  if (!pack_intake_read_pod(intake, intake->arena, pod, asked, reterr) ||
      !intake_intern(intake, asked, &asked->request.needs, reterr))
    return NULL;
  return asked;
}

uint8_t pack_intake_name(const struct pack_intake *intake, struct str resource) {
  return intake_find_name(intake, resource);
}
