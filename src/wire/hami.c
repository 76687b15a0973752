/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HAMi's protocol (pkg/device/devices.go, pkg/util of Project-HAMi/HAMi): the cards that its plugin
 * registers on the node, the node's lock, and what of a pod's parts says which annotation it gets.
 */
#include "wire_internal.h"

#include <stdlib.h>

enum { CARDS_MAX = 256, FIELDS_MAX = 9 };

/* ---- what the plugin has registered ------------------------------------------------------ */

struct card_list {
  const struct keeper *keeper;
  struct hami_card *items;
  size_t count;
};

static bool is_among(struct str list, struct str id) {
  while (list.len) {
    size_t end = str_find_char(list, ',');
    struct str item = wire_trim((struct str){list.ptr, end});
    if (str_eq(item, id))
      return true;
    list = str_skip(list, end < list.len ? end + 1 : end);
  }
  return false;
}

/* In its own words cards under MIG are handed out as instances, which need a place of their own. */
static bool add(struct card_list *list, struct hami_card card, struct str mode,
                struct str cordoned) {
  if (card.id.len == 0 || str_find_char(card.id, ',') < card.id.len ||
      str_find_char(card.id, ':') < card.id.len || str_find_char(card.id, ';') < card.id.len ||
      card.memory_mib < 0 || card.memory_mib > INT32_MAX || card.sharers < 0 || card.cores < 0 ||
      list->count == CARDS_MAX)
    return false;
  card.is_given = card.is_given && card.sharers > 0 && card.memory_mib > 0 &&
                  !str_is(mode, "mig") && !is_among(cordoned, card.id);
  card.id = wire_keep(list->keeper, card.id);
  list->items[list->count++] = card;
  return true;
}

static bool number_at(const struct doc_node *mapping, const char *key, int64_t *ret) {
  const struct doc_node *child = doc_get_lit(mapping, key);
  return !child || doc_int(child, ret);
}

/* Since 2.8: [{"id":"GPU-...","count":10,"devmem":15360,"devcore":100,"health":true,...}], zeros
 * and false left out. */
static bool read_json(struct card_list *list, const struct doc_node *root, struct str cordoned) {
  if (!doc_is(root, DOC_SEQUENCE) || root->count > CARDS_MAX)
    return false;
  for (uint32_t i = 0; i < root->count; i++) {
    const struct doc_node *item = &root->items[i];
    struct hami_card card = {.id = doc_text_at(item, "id"),
                             .is_given = doc_is_true(doc_get_lit(item, "health"))};
    if (!number_at(item, "devmem", &card.memory_mib) || !number_at(item, "count", &card.sharers) ||
        !number_at(item, "devcore", &card.cores) ||
        !add(list, card, doc_text_at(item, "mode"), cordoned))
      return false;
  }
  return true;
}

/* Before: "id,count,MiB,cores,type,numa,health[,index,mode]:", a colon behind each. */
static bool read_plain_card(struct card_list *list, struct str text, struct str cordoned) {
  struct str fields[FIELDS_MAX + 1];
  size_t count = 0;
  for (size_t end = 0; count <= FIELDS_MAX; text = str_skip(text, end + 1)) {
    end = str_find_char(text, ',');
    fields[count++] = (struct str){text.ptr, end};
    if (end == text.len)
      break;
  }
  struct hami_card card = {.id = fields[0]};
  if ((count != 7 && count != FIELDS_MAX) || !i64_parse(fields[1], &card.sharers) ||
      !i64_parse(fields[2], &card.memory_mib) || !i64_parse(fields[3], &card.cores))
    return false;
  card.is_given = str_is(fields[6], "true");
  return add(list, card, count == FIELDS_MAX ? fields[8] : STR_LIT("hami-core"), cordoned);
}

static bool read_plain(struct card_list *list, struct str text, struct str cordoned) {
  while (text.len) {
    size_t end = str_find_char(text, ':');
    if (end > 0 && !read_plain_card(list, (struct str){text.ptr, end}, cordoned))
      return false;
    text = str_skip(text, end < text.len ? end + 1 : end);
  }
  return true;
}

static int compare_cards(const void *a, const void *b) {
  return str_cmp(((const struct hami_card *)a)->id, ((const struct hami_card *)b)->id);
}

void wire_hami_cards_decode(const struct keeper *keeper, const struct doc_node *annotations,
                            struct node *ret) {
  struct str text = wire_trim(doc_text_at(annotations, "hami.io/node-nvidia-register"));
  struct str cordoned = doc_text_at(annotations, "hami.io/device-cordon");
  CLEANUP_ARENA struct arena *scratch = arena_new(4 << 10);
  struct hami_card *cards = arena_array(scratch, CARDS_MAX, sizeof(*cards));
  struct card_list list = {.keeper = keeper, .items = cards};
  const struct doc_node *root;
  struct err err;
  bool is_read = str_starts_with(text, STR_LIT("["))
                     ? doc_parse_json(scratch, text, &doc_limits_policy, &root, &err) &&
                           read_json(&list, root, cordoned)
                     : read_plain(&list, text, cordoned);
  /* The plugin lists them in another order each time. */
  qsort(cards, list.count, sizeof(*cards), compare_cards);
  for (size_t i = 1; i < list.count; i++)
    is_read = is_read && !str_eq(cards[i - 1].id, cards[i].id);
  if (!is_read || list.count == 0)
    return;
  struct hami_card *kept = arena_array(keeper->arena, list.count, sizeof(*kept));
  memcpy(kept, cards, list.count * sizeof(*kept));
  ret->cards = kept;
  ret->card_count = list.count;
}

/* ---- a node's lock ----------------------------------------------------------------------- */

bool wire_hami_node_read(struct arena *arena, struct str json, struct wire_hami_node *ret,
                         struct err *reterr) {
  CLEANUP_ARENA struct arena *scratch = arena_new(64 << 10);
  const struct doc_node *root;
  *ret = (struct wire_hami_node){0};
  if (!doc_parse_json(scratch, json, &doc_limits_review, &root, reterr))
    return false;
  const struct doc_node *metadata = doc_get_lit(root, "metadata");
  const struct doc_node *lock = doc_get_lit(doc_get_lit(metadata, "annotations"), WIRE_HAMI_LOCK);
  ret->resource_version = str_copy(arena, doc_text_at(metadata, "resourceVersion"));
  ret->is_locked = lock != NULL;
  ret->lock = str_copy(arena, doc_text(lock));
  return ret->resource_version.len > 0 || err_set(reterr, ERR_INVALID, "the answer is no node");
}

bool wire_hami_lock_read(struct str text, struct wire_hami_lock *ret) {
  size_t comma = str_find_char(text, ',');
  struct str rest = str_skip(text, comma < text.len ? comma + 1 : comma);
  size_t second = str_find_char(rest, ',');
  *ret = (struct wire_hami_lock){0};
  if (!rfc3339_parse((struct str){text.ptr, comma}, &ret->seconds))
    return false;
  if (comma == text.len) /* of old: when, and not whose */
    return true;
  ret->ns = (struct str){rest.ptr, second};
  ret->name = str_skip(rest, second < rest.len ? second + 1 : second);
  return second < rest.len && str_find_char(ret->name, ',') == ret->name.len;
}

/* ---- a pod's parts ----------------------------------------------------------------------- */

static bool asks_for(const struct doc_node *container, const char *name) {
  const struct doc_node *resources = doc_get_lit(container, "resources");
  return doc_get_lit(doc_get_lit(resources, "limits"), name) ||
         doc_get_lit(doc_get_lit(resources, "requests"), name);
}

static bool asks_for_a_card(const struct doc_node *container) {
  static const char *const names[] = {"nvidia.com/gpu", "nvidia.com/gpumem",
                                      "nvidia.com/gpumem-percentage", "nvidia.com/gpucores",
                                      "nvidia.com/priority"};
  for (size_t i = 0; i < SG_ARRAY_LEN(names); i++)
    if (asks_for(container, names[i]))
      return true;
  return false;
}

static void count_parts(const struct doc_node *list, struct wire_hami_pod *ret) {
  for (uint32_t i = 0; doc_is(list, DOC_SEQUENCE) && i < list->count; i++) {
    if (asks_for_a_card(&list->items[i])) {
      ret->part = ret->part_count;
      ret->asking++;
    }
    ret->part_count++;
  }
}

/* The wishes of HAMi's users about which card, and how. */
static const char *find_wish(const struct doc_node *annotations) {
  static const char *const wishes[] = {"nvidia.com/use-gputype",      "nvidia.com/nouse-gputype",
                                       "nvidia.com/use-gpuuuid",      "nvidia.com/nouse-gpuuuid",
                                       "nvidia.com/numa-bind",        "nvidia.com/vgpu-mode",
                                       "hami.io/gpu-scheduler-policy"};
  for (size_t i = 0; i < SG_ARRAY_LEN(wishes); i++)
    if (doc_get_lit(annotations, wishes[i]))
      return wishes[i];
  return NULL;
}

bool wire_hami_pod_read(struct arena *arena, struct str json, struct wire_hami_pod *ret,
                        struct err *reterr) {
  CLEANUP_ARENA struct arena *scratch = arena_new(64 << 10);
  const struct doc_node *root;
  *ret = (struct wire_hami_pod){0};
  if (!doc_parse_json(scratch, json, &doc_limits_review, &root, reterr))
    return false;
  const struct doc_node *metadata = doc_get_lit(root, "metadata"),
                        *spec = doc_get_lit(root, "spec");
  ret->uid = str_copy(arena, doc_text_at(metadata, "uid"));
  ret->wish = find_wish(doc_get_lit(metadata, "annotations"));
  count_parts(doc_get_lit(spec, "initContainers"), ret);
  count_parts(doc_get_lit(spec, "containers"), ret);
  return ret->uid.len > 0 || err_set(reterr, ERR_INVALID, "the answer is no pod");
}
