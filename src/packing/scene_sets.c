/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several pods together on a scene. Its nodes are counts, so that what is left of each is a row
 * of numbers: one for each device name that is asked by, CPU, memory, pods, the other resources.
 */
#include "src/packing/intake.h"
#include "src/packing/sets.h"

struct axes {
  const struct pack_scene *scene;
  const struct pack_set_part *parts;
  size_t part_count;
  uint8_t devices[SETS_KINDS_MAX]; /* numbers of names */
  size_t device_count;
  const bool *is_asked; /* [other] */
};

static void collect_axes(struct axes *axes, bool *is_asked) {
  axes->is_asked = is_asked;
  for (size_t p = 0; p < axes->part_count; p++) {
    const struct pack_asked *asked = axes->parts[p].asked;
    uint8_t name = asked->request.forms[0].name;
    bool is_there = asked->device.len == 0;
    for (size_t d = 0; d < axes->device_count; d++)
      is_there = is_there || axes->devices[d] == name;
    if (!is_there)
      axes->devices[axes->device_count++] = name;
    for (size_t i = 0; i < asked->other_count; i++)
      is_asked[asked->others[i].index] = true;
  }
}

static void write_node(const struct axes *axes, size_t n, int64_t *row) {
  const struct pack_node *node = pack_cluster_node(axes->scene->cluster, n);
  size_t at = 0;
  for (size_t d = 0; d < axes->device_count; d++, at++)
    for (uint16_t c = 0; c < node->counter_count; c++)
      if (node->counters[c].name == axes->devices[d])
        row[at] = node->counters[c].left;
  row[at++] = node->cpu_left;
  row[at++] = node->mem_left;
  row[at++] = node->pods_max ? (int64_t)node->pods_max - node->pod_count : INT64_MAX / 4;
  for (size_t o = 0; o < axes->scene->intake->other_count; o++)
    if (axes->is_asked[o])
      row[at++] = scene_others(axes->scene, n)[o];
}

static void write_asked(const struct axes *axes, const struct pack_asked *asked, int64_t *row) {
  size_t at = 0;
  for (size_t d = 0; d < axes->device_count; d++, at++)
    if (asked->device.len && asked->request.forms[0].name == axes->devices[d])
      row[at] = asked->device_count;
  row[at++] = asked->request.cpu_milli;
  row[at++] = asked->request.mem_bytes;
  row[at++] = 1;
  for (size_t o = 0; o < axes->scene->intake->other_count; o++) {
    if (!axes->is_asked[o])
      continue;
    for (size_t i = 0; i < asked->other_count; i++)
      if (asked->others[i].index == o)
        row[at] = i64_add_sat(row[at], asked->others[i].amount);
    at++;
  }
}

/* ---- amounts of cards ------------------------------------------------------------------------ */

/* Which card a part is on is no number of a row: parts are placed one by one. What is closed to a
 * part stays so, for nothing leaves: each goes through the nodes once. */
struct filling {
  struct pack_scene *scene;
  const struct pack_set_part *parts;
  size_t at[PACK_SET_PARTS_MAX]; /* [part]: nodes before this one are closed to it */
  uint64_t uid;                  /* of the last pod */
};

static bool fill_one(struct filling *filling, size_t part) {
  const struct pack_asked *asked = filling->parts[part].asked;
  const struct pack_cluster *cluster = filling->scene->cluster;
  for (; filling->at[part] < pack_cluster_count(cluster); filling->at[part]++) {
    size_t n = filling->at[part];
    const struct pack_node *node = pack_cluster_node(cluster, n);
    if (pack_scene_judge(filling->scene, n, asked).blocks)
      continue;
    for (uint8_t f = 0; f < asked->request.form_count; f++) {
      struct pack_placement placement = {.node = (uint32_t)n};
      if (pack_place_plain(pack_cluster_catalog(cluster), node, &asked->request, f, &placement) &&
          pack_scene_place(filling->scene, ++filling->uid, asked, &placement))
        return true;
    }
  }
  return false;
}

static bool asks_for_cards(const struct pack_set_part *parts, size_t count) {
  for (size_t p = 0; p < count; p++)
    if (pack_is_card_name(parts[p].asked->device))
      return true;
  return false;
}

/* Of one kind the first fit is the most; of several it is a way. */
static struct pack_sets fill(const struct pack_scene *scene, const struct pack_set_part *parts,
                             size_t part_count, uint64_t most) {
  struct filling filling = {
      .scene = pack_scene_copy(scene), .parts = parts, .uid = scene->intake->recorded->pod_count};
  struct pack_sets made = {.lacking = SIZE_MAX};
  while (made.sets < most && made.lacking == SIZE_MAX) {
    for (size_t p = 0; p < part_count && made.lacking == SIZE_MAX; p++)
      for (uint64_t i = 0; i < parts[p].count && made.lacking == SIZE_MAX; i++)
        made.lacking = fill_one(&filling, p) ? SIZE_MAX : p;
    made.sets += made.lacking == SIZE_MAX;
  }
  made.is_most = part_count == 1 && made.lacking != SIZE_MAX;
  pack_scene_free(filling.scene);
  return made;
}

struct pack_sets pack_scene_sets(const struct pack_scene *scene, const struct pack_set_part *parts,
                                 size_t part_count, uint64_t most) {
  if (asks_for_cards(parts, part_count))
    return fill(scene, parts, part_count, most);
  CLEANUP_ARENA struct arena *arena = arena_new(64 * 1024);
  struct axes axes = {.scene = scene, .parts = parts, .part_count = part_count};
  size_t nodes = scene->intake->recorded->node_count;
  collect_axes(&axes, arena_array(arena, scene->intake->other_count, sizeof(bool)));
  size_t count = axes.device_count + 3;
  for (size_t o = 0; o < scene->intake->other_count; o++)
    count += axes.is_asked[o];
  int64_t *left = arena_array(arena, nodes * count, sizeof(*left));
  int64_t *asks = arena_array(arena, part_count * count, sizeof(*asks));
  uint64_t *counts = arena_array(arena, part_count, sizeof(*counts));
  uint64_t *takers = arena_array(arena, nodes, sizeof(*takers));
  for (size_t p = 0; p < part_count; p++) {
    write_asked(&axes, parts[p].asked, asks + p * count);
    counts[p] = parts[p].count;
  }
  for (size_t n = 0; n < nodes; n++) {
    write_node(&axes, n, left + n * count);
    for (size_t p = 0; p < part_count; p++)
      if (pack_scene_judge(scene, n, parts[p].asked).blocks == 0)
        takers[n] |= UINT64_C(1) << p;
  }
  const struct sets_problem problem = {
      .node_count = nodes,
      .kind_count = part_count,
      .axis_count = count,
      .device_axis_count = axes.device_count,
      .left = left,
      .asks = asks,
      .counts = counts,
      .takers = takers,
  };
  struct sets_found found;
  sets_find(&problem, most, &found);
  return (struct pack_sets){found.sets, found.is_most, found.lacking};
}
