/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/property/allocation/world.h"

#include "tests/property/allocation/feed.h"

#include <check.h>
#include <stdio.h>

static size_t below(struct world *w, size_t n) {
  return random_below(&w->random, n);
}

static bool one_in(struct world *w, size_t n) {
  return random_one_in(&w->random, n);
}

/* ---- slicegate's life ------------------------------------------------------------------------ */

static void start(struct world *w) {
  const struct state_options options = {.products = products_builtin()};
  w->state = state_new(&options);
  w->scorer = NULL;
  feed_list(w->state, w->arena, &w->server);
}

static void stop(struct world *w) {
  pack_scorer_free(w->scorer);
  state_free(w->state);
}

/* As the placer has it: products that are met later have no place in a scorer. */
static void enter(struct world *w, struct ext_view *ret) {
  const struct pack_catalog *catalog = state_catalog(w->state);
  size_t products = pack_catalog_count(catalog), profiles = pack_catalog_profile_count(catalog);
  if (!w->scorer || products != w->products || profiles != w->profiles) {
    pack_scorer_free(w->scorer);
    w->scorer = pack_scorer_new(pack_policy_find(STR_LIT("slicegate")), catalog, 0);
    w->products = products;
    w->profiles = profiles;
  }
  *ret = (struct ext_view){.snapshot = state_snapshot(w->state), .scorer = w->scorer, .best = 3};
  w->decisions++;
}

static void leave(struct ext_view *view) {
  state_snapshot_unref(view->snapshot);
}

static enum state_held hold(struct world *w, enum state_hold_kind kind, const struct pod *pod,
                            const struct pack_asked *asked, struct str node,
                            const struct pack_placement *placement) {
  int64_t lasts = kind == STATE_FIRM && w->plant == PLANT_SHORT_HOLDS ? 10 : STATE_HOLD_MS;
  return state_hold(w->state, &(struct state_hold){.kind = kind,
                                                   .ns = pod->ns,
                                                   .name = pod->name,
                                                   .uid = pod->uid,
                                                   .asked = asked,
                                                   .node = node,
                                                   .placement = placement,
                                                   .until_ms = w->now + lasts});
}

/* ---- Bindings under way ---------------------------------------------------------------------- */

static void free_hold(struct world *w, const struct world_letter *letter) {
  (void)state_unhold(w->state, feed_uid(w->arena, letter->binding.uid), true);
}

/* It reaches the API server, which writes it or does not. */
static void deliver(struct world *w, struct world_letter *letter) {
  letter->is_under_way = false;
  (void)server_bind(&w->server, &letter->binding);
}

/* Refused by the API server for certain (403, 404, 422): nothing was and nothing will be written.
 */
static void refuse(struct world *w, struct world_letter *letter) {
  letter->is_under_way = false;
  free_hold(w, letter);
}

static void give_up(struct world *w, struct world_letter *letter) {
  letter->is_waited_for = false;
  w->timeouts++;
  if (w->plant == PLANT_FREES_UNKNOWN)
    free_hold(w, letter);
}

static void move_letter(struct world *w) {
  struct world_letter *letter = &w->letters[below(w, WORLD_LETTERS)];
  if (!letter->is_under_way)
    return;
  if (letter->is_waited_for && one_in(w, 8))
    refuse(w, letter);
  else if (letter->is_waited_for && one_in(w, 3))
    give_up(w, letter);
  else if (!letter->is_waited_for && one_in(w, 8))
    letter->is_under_way = false; /* lost, and nobody knows */
  else if (letter->is_waited_for || one_in(w, 6))
    deliver(w, letter);
}

static void send(struct world *w, const struct server_binding *binding) {
  for (size_t i = 0; i < WORLD_LETTERS; i++) {
    struct world_letter *letter = &w->letters[i];
    if (letter->is_under_way)
      continue;
    *letter = (struct world_letter){true, true, w->now + WORLD_LETTER_MS, *binding};
    return;
  }
  ck_abort_msg("there is room for as many Bindings as can be asked for");
}

static size_t count_letters(const struct world *w) {
  size_t count = 0;
  for (size_t i = 0; i < WORLD_LETTERS; i++)
    count += w->letters[i].is_under_way;
  return count;
}

/* ---- kube-scheduler asks --------------------------------------------------------------------- */

/* kube-scheduler has a watch of its own: it knows of pods at once, or long after they are gone. */
static struct pod asked_for(struct world *w, const struct world_call *call) {
  struct server_pod pod = w->server.pods[call->pod];
  pod.uid = call->uid;
  pod.node = -1;
  pod.is_over = false;
  pod.cards[0] = '\0';
  return feed_pod(w->arena, call->pod, &pod);
}

static bool is_busy(const struct world *w, uint64_t uid) {
  for (size_t i = 0; i < WORLD_CALLS; i++)
    if (w->calls[i].is_open && w->calls[i].uid == uid)
      return true;
  for (size_t i = 0; i < WORLD_LETTERS; i++)
    if (w->letters[i].is_under_way && w->letters[i].is_waited_for &&
        w->letters[i].binding.uid == uid)
      return true;
  return false;
}

static void filter(struct world *w) {
  struct world_call *call = &w->calls[below(w, WORLD_CALLS)];
  int index = (int)below(w, SERVER_PODS);
  const struct server_pod *there = &w->server.pods[index];
  if (call->is_open || !there->is_there || there->is_over || there->node >= 0 ||
      is_busy(w, there->uid))
    return;
  *call = (struct world_call){.pod = index, .uid = there->uid};
  struct pod pod = asked_for(w, call);
  struct pack_asked asked;
  struct ext_filter found;
  struct ext_view view;
  struct str names[SERVER_NODES];
  struct err err;
  int nodes[SERVER_NODES];
  struct ext_question question = {.pod = &pod, .asked = &asked, .names = names};
  for (int i = 0; i < SERVER_NODES; i++) {
    if (!w->server.nodes[i].is_there)
      continue;
    nodes[question.count] = i;
    names[question.count++] = feed_node_name(w->arena, i);
  }
  ck_assert_msg(state_ask(w->state, w->arena, &pod, &asked, &err), "%s", err.text);
  (void)state_unhold(w->state, pod.uid, false);
  enter(w, &view);
  ext_filter(&view, &question, w->arena, &found);
  if (found.has_choice && found.passed_count)
    (void)!hold(w, STATE_TENTATIVE, &pod, &asked, names[found.passed[0]], &found.choice);
  leave(&view);
  if (found.passed_count == 0) {
    w->refused++;
    return;
  }
  /* Other plugins have a say. */
  call->node = nodes[found.passed[one_in(w, 3) ? below(w, found.passed_count) : 0]];
  call->is_open = true;
}

static void copy_annotation(const struct ext_binding *made, const char *key, char *ret) {
  for (size_t i = 0; i < made->annotation_count; i++)
    if (str_is(made->annotations[i].key, key))
      (void)snprintf(ret, SERVER_TEXT_MAX, "%.*s", STR_FMT(made->annotations[i].value));
}

static void bind(struct world *w, const struct world_call *other);

/* One decision, put into the ledger: whether to write the Binding. */
static bool reserve(struct world *w, const struct world_call *call, bool is_alone,
                    struct ext_binding *made) {
  struct pod pod = asked_for(w, call);
  struct pack_asked asked;
  struct ext_view view;
  struct str reason, node = feed_node_name(w->arena, call->node);
  struct err err;
  ck_assert_msg(state_ask(w->state, w->arena, &pod, &asked, &err), "%s", err.text);
  (void)state_unhold(w->state, pod.uid, w->plant == PLANT_BINDS_AGAIN);
  (void)state_make_way(w->state, node, &asked, pod.uid);
  enter(w, &view);
  bool fits = ext_bind(&view, &asked, node, 1, w->arena, made, &reason);
  leave(&view);
  if (!fits)
    return false;
  if (is_alone && one_in(w, 2)) /* somebody decides on the same snapshot, perhaps on this node */
    bind(w, call);
  if (w->plant == PLANT_NO_HOLD)
    return true;
  enum state_held held = hold(w, STATE_FIRM, &pod, &asked, node, &made->placement);
  w->no_room += held == STATE_NO_ROOM;
  return held == STATE_HELD || (held == STATE_NO_ROOM && w->plant == PLANT_IGNORES_NO_ROOM);
}

static struct world_call *find_open(struct world *w) {
  size_t first = below(w, WORLD_CALLS);
  for (size_t i = 0; i < WORLD_CALLS; i++)
    if (w->calls[(first + i) % WORLD_CALLS].is_open)
      return &w->calls[(first + i) % WORLD_CALLS];
  return NULL;
}

static void bind(struct world *w, const struct world_call *other) {
  struct world_call *open = find_open(w);
  if (!open || count_letters(w) + 2 > WORLD_LETTERS)
    return;
  struct world_call call = *open;
  open->is_open = false;
  if (other && one_in(w, 2))
    call.node = other->node;
  struct ext_binding made;
  if (!reserve(w, &call, !other, &made))
    return;
  struct server_binding binding = {.pod = call.pod, .node = call.node, .uid = call.uid};
  copy_annotation(&made, "slicegate.dev/devices", binding.cards);
  copy_annotation(&made, "ALIYUN_COM_GPU_MEM_IDX", binding.cards);
  copy_annotation(&made, "ALIYUN_COM_GPU_MEM_POD", binding.part);
  send(w, &binding);
}

/* ---- the cluster changes --------------------------------------------------------------------- */

static void make_node(struct world *w, int index) {
  static const int64_t per_card[SERVER_RESOURCES] = {1000, 16, 1, 5, 1};
  struct server_node node = {.is_there = true, .cards = 1 + index % SERVER_CARDS};
  int kind = index % 4;
  for (int r = 0; r < SERVER_RESOURCES; r++)
    if (r == kind || (r == SERVER_MIG_LARGE && kind == SERVER_MIG_SMALL))
      node.amounts[r] = per_card[r] * node.cards;
  server_put_node(&w->server, index, &node);
}

static void change_node(struct world *w) {
  int index = (int)below(w, SERVER_NODES);
  struct server_node node = w->server.nodes[index];
  if (!node.is_there || node.lists_nothing) {
    make_node(w, index);
  } else if (one_in(w, 8)) {
    server_drop_node(&w->server, index);
  } else if (one_in(w, 4)) { /* its plugin goes away for a while */
    node.lists_nothing = true;
    server_put_node(&w->server, index, &node);
  }
}

static int64_t draw_amount(struct world *w, enum server_resource resource) {
  switch (resource) {
  case SERVER_MILLI:
    return one_in(w, 6) ? 1000 * (1 + (int64_t)below(w, 2)) : 50 * (1 + (int64_t)below(w, 18));
  case SERVER_MEM:
    return 1 + (int64_t)below(w, 12);
  default:
    return 1 + (int64_t)below(w, 2);
  }
}

static void change_pod(struct world *w) {
  int index = (int)below(w, SERVER_PODS);
  const struct server_pod *pod = &w->server.pods[index];
  if (!pod->is_there) {
    enum server_resource resource = one_in(w, 3) ? (enum server_resource)below(w, SERVER_RESOURCES)
                                                 : (enum server_resource)below(w, 2);
    server_create_pod(&w->server, index, resource, draw_amount(w, resource));
  } else if (pod->node >= 0 && !pod->is_over && one_in(w, 2)) {
    server_end_pod(&w->server, index);
  } else if (pod->is_over || one_in(w, pod->node >= 0 ? 3 : 30)) {
    server_drop_pod(&w->server, index);
    if (one_in(w, 2)) /* the next of its name, at once */
      change_pod(w);
  }
}

/* ---- and is told of -------------------------------------------------------------------------- */

static void tell(struct world *w) {
  if (w->server.event_count == 0)
    return;
  struct server_event event =
      server_take_event(&w->server, one_in(w, 2) ? 0 : below(w, w->server.event_count));
  feed_tell(w->state, w->arena, &event);
  if (one_in(w, 6)) /* twice */
    feed_tell(w->state, w->arena, &event);
}

static void relist(struct world *w) {
  feed_list(w->state, w->arena, &w->server);
  w->relists++;
}

static void pass_time(struct world *w) {
  w->now += (int64_t)below(w, 2000);
  for (size_t i = 0; i < WORLD_LETTERS; i++)
    if (w->letters[i].is_under_way && w->letters[i].until <= w->now)
      deliver(w, &w->letters[i]);
  (void)state_expire(w->state, w->now);
}

/* Who waits for an answer of the process that ends gets none. Its successor decides when what was
 * under way has come to its end. */
static void restart(struct world *w) {
  for (size_t i = 0; i < WORLD_CALLS; i++)
    w->calls[i].is_open = false;
  for (size_t i = 0; i < WORLD_LETTERS; i++) {
    struct world_letter *letter = &w->letters[i];
    letter->is_waited_for = false;
    if (!letter->is_under_way || w->plant == PLANT_EARLY_SUCCESSOR)
      continue;
    if (one_in(w, 2))
      deliver(w, letter);
    letter->is_under_way = false;
  }
  stop(w);
  start(w);
  w->restarts++;
}

/* ---- one thing ------------------------------------------------------------------------------- */

void world_step(struct world *w) {
  arena_reset(w->arena);
  size_t kind = below(w, 200);
  if (w->server.event_count + 16 > SERVER_EVENTS_MAX || kind < 60)
    tell(w);
  else if (kind < 90)
    filter(w);
  else if (kind < 120)
    bind(w, NULL);
  else if (kind < 145)
    move_letter(w);
  else if (kind < 180)
    change_pod(w);
  else if (kind < 190)
    pass_time(w);
  else if (kind < 193)
    (void)state_verify(w->state, 2);
  else if (kind < 195)
    change_node(w);
  else if (kind == 195 && one_in(w, 10))
    relist(w);
  else if (kind == 196 && one_in(w, 20))
    restart(w);
}

void world_init(struct world *w, uint64_t seed, enum plant plant) {
  *w = (struct world){.plant = plant, .arena = arena_new(64 << 10)};
  random_init(&w->random, seed);
  for (int i = 0; i < SERVER_NODES; i++)
    make_node(w, i);
  start(w);
}

void world_done(struct world *w) {
  stop(w);
  arena_free(w->arena);
}
