/* SPDX-License-Identifier: Apache-2.0 */
/* Pods that no node takes even when it is empty: nobody's leaving helps, and what would is named.
 */
#include "src/explain/explain_internal.h"

enum { PRODUCTS_SHOWN = 4 };

static bool is_listed_enough(const struct node *node, const struct pack_other *other) {
  const struct resource_amount *listed =
      amount_find(node->allocatable, node->allocatable_count, other->name);
  return listed && listed->is_valid && qty_units_ceil(listed->amount) >= other->amount;
}

static bool takes_no_pods(const struct node *node) {
  const struct resource_amount *pods =
      amount_find(node->allocatable, node->allocatable_count, STR_LIT("pods"));
  return pods && pods->is_valid && qty_units_ceil(pods->amount) <= 0;
}

static bool is_open_when_empty(const struct inquiry *q, size_t n) {
  const struct pack_verdict *verdict = &q->verdicts[n];
  const struct pack_node *node = pack_cluster_node(pack_scene_cluster(q->scene->scene), n);
  const struct node *recorded = &q->scene->cluster->nodes[n];
  if (verdict->blocks & (PACK_BLOCK_SELECTOR | PACK_BLOCK_TAINT | PACK_BLOCK_UNREADABLE))
    return false;
  if ((verdict->blocks & PACK_BLOCK_DEVICES) && pack_reason_is_final(verdict->devices))
    return false;
  if (q->asked.request.cpu_milli > node->cpu_milli ||
      q->asked.request.mem_bytes > node->mem_bytes || takes_no_pods(recorded))
    return false;
  for (size_t i = 0; i < q->asked.other_count; i++)
    if (!is_listed_enough(recorded, &q->asked.others[i]))
      return false;
  return true;
}

/* ---- what is missing --------------------------------------------------------------------- */

static struct str product_of(const struct node *node) {
  const struct str *label =
      kv_find(node->labels, node->label_count, STR_LIT("nvidia.com/gpu.product"));
  return label ? *label : (struct str){NULL, 0};
}

/* A node whose GPUs could be cut into the profile. */
static size_t find_cuttable(const struct inquiry *q, struct str profile) {
  const struct gpu_products *known = &q->scene->products;
  for (size_t n = 0; n < q->answer->node_count; n++) {
    struct str label = product_of(&q->scene->cluster->nodes[n]);
    const struct gpu_product *product =
        label.len ? products_find_label(known->items, known->count, label) : NULL;
    if (product && product_find_profile(product, profile))
      return n;
  }
  return SIZE_MAX;
}

/* A node that has it under another name: the strategy "single". */
static size_t find_single(const struct inquiry *q, struct str profile) {
  struct str end = str_printf(q->scratch, "-MIG-%.*s", STR_FMT(profile));
  for (size_t n = 0; n < q->answer->node_count; n++)
    if (str_ends_with(product_of(&q->scene->cluster->nodes[n]), end))
      return n;
  return SIZE_MAX;
}

static struct str missing_profile(const struct inquiry *q, struct str profile) {
  const struct gpu_products *known = &q->scene->products;
  size_t n = find_single(q, profile), count = 0;
  if (n != SIZE_MAX)
    return str_printf(q->arena,
                      "no node lists %.*s; %.*s has such slices as nvidia.com/gpu (MIG strategy "
                      "single)",
                      STR_FMT(q->asked.device), STR_FMT(q->scene->cluster->nodes[n].name));
  n = find_cuttable(q, profile);
  if (n != SIZE_MAX) {
    const struct node *node = &q->scene->cluster->nodes[n];
    return str_printf(q->arena,
                      "no node offers the MIG profile %.*s; %.*s, as on %.*s, could be cut into it",
                      STR_FMT(profile), STR_FMT(product_of(node)), STR_FMT(node->name));
  }
  CLEANUP_BUF struct buf text;
  buf_init(&text, 4096);
  for (size_t i = 0; i < known->count; i++) {
    if (!product_find_profile(&known->items[i], profile))
      continue;
    if (count++ < PRODUCTS_SHOWN)
      buf_printf(&text, "%s%.*s", count > 1 ? ", " : "", STR_FMT(known->items[i].id));
  }
  if (count == 0)
    return str_printf(q->arena, "no GPU product is known to have the MIG profile %.*s",
                      STR_FMT(profile));
  return str_printf(q->arena, "no GPU here has the MIG profile %.*s; products that do: %.*s%s",
                    STR_FMT(profile), STR_FMT(buf_str(&text)),
                    count > PRODUCTS_SHOWN ? ", ..." : "");
}

struct most {
  int64_t devices, card, cpu_milli, mem_bytes;
};

static struct most find_most(const struct inquiry *q) {
  struct most most = {0};
  for (size_t n = 0; n < q->answer->node_count; n++) {
    const struct pack_node *node = pack_cluster_node(pack_scene_cluster(q->scene->scene), n);
    most.devices =
        q->verdicts[n].devices_total > most.devices ? q->verdicts[n].devices_total : most.devices;
    most.card = q->verdicts[n].card_total > most.card ? q->verdicts[n].card_total : most.card;
    most.cpu_milli = node->cpu_milli > most.cpu_milli ? node->cpu_milli : most.cpu_milli;
    most.mem_bytes = node->mem_bytes > most.mem_bytes ? node->mem_bytes : most.mem_bytes;
  }
  return most;
}

static struct str too_much(const struct inquiry *q, const char *name, int64_t asked, int64_t most) {
  return str_printf(q->arena, "asks for %s %.*s, and no node has more than %.*s", name,
                    STR_FMT(explain_host_text(q->scratch, name, asked)),
                    STR_FMT(explain_host_text(q->scratch, name, most)));
}

/* Nowhere is any of it now. */
static struct str missing_device(const struct inquiry *q, struct str device) {
  struct str profile = explain_profile_of(device);
  if (profile.len)
    return missing_profile(q, profile);
  for (size_t n = 0; n < q->answer->node_count; n++) {
    const struct node *node = &q->scene->cluster->nodes[n];
    if (amount_find(node->allocatable, node->allocatable_count, device))
      return str_printf(q->arena,
                        "nodes that list %.*s list 0 of it now (a device plugin that starts, or "
                        "GPUs that are not healthy), such as %.*s",
                        STR_FMT(device), STR_FMT(node->name));
  }
  return str_printf(q->arena, "no node lists %.*s", STR_FMT(device));
}

static struct str missing_text(const struct inquiry *q) {
  const struct most most = find_most(q);
  struct str device = q->asked.device;
  if (device.len && most.devices == 0)
    return missing_device(q, device);
  if (device.len && most.devices < q->asked.device_count)
    return str_printf(q->arena, "asks for %lld %.*s, and no node has more than %lld",
                      (long long)q->asked.device_count, STR_FMT(device), (long long)most.devices);
  if (explain_is_part_of_card(q) && most.card < q->asked.device_count)
    return str_printf(q->arena, "asks for %lld %.*s of one GPU, and none has more than %lld",
                      (long long)q->asked.device_count, STR_FMT(device), (long long)most.card);
  if (q->asked.request.cpu_milli > most.cpu_milli)
    return too_much(q, "cpu", q->asked.request.cpu_milli, most.cpu_milli);
  if (q->asked.request.mem_bytes > most.mem_bytes)
    return too_much(q, "memory", q->asked.request.mem_bytes, most.mem_bytes);
  return (struct str){NULL, 0}; /* each is there by itself */
}

void explain_find_never(struct inquiry *q) {
  for (size_t n = 0; n < q->answer->node_count; n++)
    if ((q->verdicts[n].blocks & PACK_BLOCK_UNREADABLE) || is_open_when_empty(q, n))
      return;
  q->answer->is_never = true;
  q->answer->missing = q->answer->node_count ? missing_text(q) : STR_LIT("there are no nodes");
}
