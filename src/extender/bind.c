/* SPDX-License-Identifier: Apache-2.0 */
/* bind: the cards on the node that kube-scheduler has chosen, and how their plugin learns of them.
 */
#include "extender_internal.h"

static struct key_value pair(const char *key, struct str value) {
  return (struct key_value){str_of(key), value};
}

/* "0,2": what our own protocol and Aliyun's index annotation say. */
static struct str card_list(const struct pack_placement *placement, struct arena *arena) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, 1024);
  for (uint8_t u = 0; u < placement->unit_count; u++)
    buf_printf(&text, "%s%u", u ? "," : "", placement->units[u].device);
  return str_copy(arena, buf_str(&text));
}

/* The protocol of Aliyun's gpushare plugin: the card, what the pod takes of it, what the card has,
 * and since when, by which its Allocate finds the pod. */
static size_t annotate_gpushare(const struct pack_node *node, const struct pack_asked *asked,
                                const struct pack_placement *placement, int64_t unix_ns,
                                struct arena *arena, struct key_value *ret) {
  const struct pack_unit *unit = &placement->units[0];
  ret[0] = pair("ALIYUN_COM_GPU_MEM_IDX", card_list(placement, arena));
  ret[1] =
      pair("ALIYUN_COM_GPU_MEM_POD", str_printf(arena, "%lld", (long long)asked->device_count));
  ret[2] = pair("ALIYUN_COM_GPU_MEM_DEV",
                str_printf(arena, "%u", (unsigned)node->devices[unit->device].size));
  ret[3] = pair("ALIYUN_COM_GPU_MEM_ASSIGNED", STR_LIT("false"));
  ret[4] = pair("ALIYUN_COM_GPU_MEM_ASSUME_TIME", str_printf(arena, "%lld", (long long)unix_ns));
  return 5;
}

static void annotate(const struct pack_node *node, const struct pack_asked *asked, int64_t unix_ns,
                     struct arena *arena, struct ext_binding *ret) {
  if (!pack_is_card_name(asked->device) || ret->placement.unit_count == 0)
    return;
  if (pack_is_hami_memory(asked->device)) /* later: with what of the pod only its object says */
    return;
  struct key_value *list = arena_array(arena, 5, sizeof(*list));
  ret->annotations = list;
  if (str_is(asked->device, "aliyun.com/gpu-mem")) {
    ret->annotation_count = annotate_gpushare(node, asked, &ret->placement, unix_ns, arena, list);
    return;
  }
  list[0] = pair("slicegate.dev/devices", card_list(&ret->placement, arena));
  ret->annotation_count = 1;
}

/* ---- a Binding --------------------------------------------------------------------------- */

/* A device of another name on the node would do for the core, and is not what the pod asks for. */
static bool is_listed(const struct ext_view *view, const struct pack_asked *asked, size_t node) {
  if (asked->device.len == 0)
    return true;
  const uint64_t *listing = state_snapshot_listing(view->snapshot, asked->device);
  return listing && bit_get(listing, node);
}

bool ext_bind(const struct ext_view *view, const struct pack_asked *asked, struct str name,
              int64_t unix_ns, struct arena *arena, struct ext_binding *ret,
              struct str *ret_reason) {
  const struct pack_cluster *cluster = state_snapshot_cluster(view->snapshot);
  size_t node = state_snapshot_find(view->snapshot, name, SIZE_MAX);
  struct pack_choice choice;
  *ret = (struct ext_binding){0};
  if (node == SIZE_MAX) {
    *ret_reason = STR_LIT("the node is not known");
    return false;
  }
  if (!is_listed(view, asked, node)) {
    /* Passed by filter: what others count is not refused. */
    if (state_snapshot_node(view->snapshot, node)->is_counted_elsewhere) {
      ret->placement.node = (uint32_t)node;
      return true;
    }
    *ret_reason = ext_reason(pack_cluster_catalog(cluster), PACK_NO_GPU, asked, arena);
    return false;
  }
  const struct pack_node *value = pack_cluster_node(cluster, node);
  if (!pack_score(view->scorer, cluster, node, &asked->request, &choice)) {
    enum pack_reason reason = pack_fit(pack_cluster_catalog(cluster), value, &asked->request);
    *ret_reason = ext_reason(pack_cluster_catalog(cluster), reason, asked, arena);
    return false;
  }
  ret->placement = choice.placement;
  if (pack_is_hami_memory(asked->device) && !ext_hami_take(view, asked, node, arena, ret)) {
    enum pack_reason reason = ext_hami_shortage(view, asked, node);
    *ret_reason = ext_reason(pack_cluster_catalog(cluster), reason, asked, arena);
    return false;
  }
  annotate(value, asked, unix_ns, arena, ret);
  return true;
}
