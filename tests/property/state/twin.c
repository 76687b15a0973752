/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/property/state/twin.h"

#include <check.h>

const char *const twin_names[TWIN_RESOURCES] = {"cpu",
                                                "memory",
                                                "nvidia.com/gpu",
                                                "nvidia.com/mig-1g.10gb",
                                                "nvidia.com/gpu.shared",
                                                "slicegate.dev/gpu-milli"};

bool twin_waits(const struct twin_pod *pod) {
  return pod->is_there && pod->node < 0 && !pod->is_over;
}

bool twin_is_placed(const struct twin_pod *pod) {
  return pod->is_there && pod->node >= 0 && !pod->is_over;
}

int twin_asks_gpu(const struct twin_pod *pod) {
  int names = 0;
  for (size_t r = TWIN_DEVICES; r < TWIN_RESOURCES; r++)
    names += pod->amounts[r] > 0;
  return names;
}

static bool is_counted(const struct twin_node *node) {
  for (size_t r = TWIN_DEVICES; r < TWIN_DEVICES_END; r++)
    if (node->amounts[r] >= 0)
      return true;
  return false;
}

bool twin_has_card(const struct twin_node *node) {
  return !is_counted(node) && node->amounts[TWIN_CARD] == TWIN_ONE_CARD;
}

bool twin_is_counted_elsewhere(const struct twin *twin, int node) {
  for (size_t d = TWIN_DEVICES; d < TWIN_DEVICES_END; d++)
    if (twin->nodes[node].amounts[d] > 0)
      return false;
  return twin->has_slices[node];
}

bool twin_is_unreadable(const struct twin *twin, int node) {
  return twin_is_counted_elsewhere(twin, node) ||
         (!is_counted(&twin->nodes[node]) && !twin_has_card(&twin->nodes[node]));
}

/* ---- sums -------------------------------------------------------------------------------- */

/* Of several device names the pod holds the first that the node lists; the others are withheld. */
static void take_devices(const struct twin_node *node, const struct twin_pod *pod, int64_t *held,
                         int64_t *withheld) {
  static const enum twin_resource orders[2][3] = {{TWIN_GPU, TWIN_MIG, TWIN_SHARED},
                                                  {TWIN_MIG, TWIN_GPU, TWIN_SHARED}};
  bool is_first = true;
  for (size_t i = 0; i < 3; i++) {
    enum twin_resource r = orders[pod->is_mig_first][i];
    if (pod->amounts[r] == 0 || node->amounts[r] < 0)
      continue;
    if (is_first)
      held[r] += pod->amounts[r];
    else
      withheld[r] += pod->amounts[r];
    is_first = false;
  }
}

/* A firm one may want what is not listed there any more. */
static void take_hold(const struct twin_node *node, const struct twin_hold *hold,
                      struct twin_sums *sums) {
  for (size_t r = 0; r < TWIN_RESOURCES; r++) {
    bool is_listed = r < TWIN_DEVICES       ? true
                     : r == TWIN_CARD       ? twin_has_card(node)
                     : node->amounts[r] < 0 ? false
                                            : r != TWIN_GPU || hold->meaning == node->meaning;
    sums->left[r] -= is_listed ? hold->amounts[r] : 0;
    sums->is_excess = sums->is_excess || (hold->amounts[r] > 0 && sums->left[r] < 0);
  }
  sums->pods++;
  sums->is_excess = sums->is_excess || sums->pods > node->pods;
}

struct twin_sums twin_sum(const struct twin *twin, int index, bool with_holds) {
  const struct twin_node *node = &twin->nodes[index];
  int64_t held[TWIN_RESOURCES] = {0}, withheld[TWIN_RESOURCES] = {0};
  struct twin_sums sums = {0};
  for (size_t p = 0; p < TWIN_PODS; p++) {
    const struct twin_pod *pod = &twin->pods[p];
    if (!twin_is_placed(pod) || pod->node != index)
      continue;
    sums.pods++;
    held[TWIN_CPU] += pod->amounts[TWIN_CPU];
    held[TWIN_MEMORY] += pod->amounts[TWIN_MEMORY];
    take_devices(node, pod, held, withheld);
    held[TWIN_CARD] += twin_has_card(node) ? pod->amounts[TWIN_CARD] : 0;
  }
  sums.is_excess = sums.pods > node->pods;
  for (size_t r = 0; r < TWIN_RESOURCES; r++) {
    int64_t total = node->amounts[r] > withheld[r] ? node->amounts[r] - withheld[r] : 0;
    sums.left[r] = total - held[r];
    sums.is_excess = sums.is_excess || sums.left[r] < 0;
  }
  for (size_t h = 0; with_holds && h < twin->hold_count; h++)
    if (twin->holds[h].node == index)
      take_hold(node, &twin->holds[h], &sums);
  return sums;
}

/* ---- holds ------------------------------------------------------------------------------- */

static bool fits(const struct twin_node *node, const struct twin_sums *sums,
                 const struct twin_hold *hold) {
  if (sums->pods >= node->pods)
    return false;
  for (size_t r = 0; r < TWIN_RESOURCES; r++) {
    if (hold->amounts[r] > 0 && hold->amounts[r] > sums->left[r])
      return false;
    if (hold->amounts[r] > 0 && r >= TWIN_DEVICES &&
        (r == TWIN_CARD ? !twin_has_card(node) : node->amounts[r] < 0))
      return false;
  }
  return hold->amounts[TWIN_GPU] == 0 || hold->meaning == node->meaning;
}

static bool is_stronger(const struct twin_hold *a, const struct twin_hold *b) {
  return a->kind != b->kind ? a->kind > b->kind : a->order < b->order;
}

static void remove_hold(struct twin *twin, size_t at) {
  twin->holds[at] = twin->holds[--twin->hold_count];
}

/* Of the holds on the node the firm ones stay, and those that fit beside them and what was
 * observed, the strongest first. */
static void settle(struct twin *twin, int node) {
  struct twin_hold mine[TWIN_HOLDS];
  size_t count = 0;
  for (size_t h = twin->hold_count; h-- > 0;) {
    if (twin->holds[h].node != node)
      continue;
    mine[count++] = twin->holds[h];
    remove_hold(twin, h);
  }
  struct twin_sums sums = twin_sum(twin, node, false);
  for (size_t done = 0; done < count; done++) {
    size_t best = done;
    for (size_t i = done + 1; i < count; i++)
      best = is_stronger(&mine[i], &mine[best]) ? i : best;
    struct twin_hold hold = mine[best];
    mine[best] = mine[done];
    bool is_firm = hold.kind == STATE_FIRM;
    if (!is_firm && (!twin->nodes[node].is_there || !fits(&twin->nodes[node], &sums, &hold)))
      continue;
    take_hold(&twin->nodes[node], &hold, &sums);
    twin->holds[twin->hold_count++] = hold;
  }
}

static void end_hold(struct twin *twin, uint64_t uid) {
  for (size_t h = twin->hold_count; h-- > 0;)
    if (twin->holds[h].uid == uid)
      remove_hold(twin, h);
}

enum state_held twin_hold(struct twin *twin, const struct twin_hold *hold) {
  bool is_plan = hold->kind == STATE_NOMINATED, is_known = false;
  for (size_t h = 0; h < twin->hold_count; h++)
    if (twin->holds[h].uid == hold->uid &&
        (twin->holds[h].kind == STATE_FIRM || (is_plan && twin->holds[h].kind == STATE_TENTATIVE)))
      return STATE_IS_BINDING;
  end_hold(twin, hold->uid);
  for (size_t p = 0; p < TWIN_PODS; p++) {
    if (!twin->pods[p].is_there || twin->pods[p].uid != hold->uid)
      continue;
    is_known = true;
    if (!twin_waits(&twin->pods[p]))
      return STATE_IS_BOUND;
  }
  if (is_plan && !is_known)
    return STATE_IS_BOUND;
  const struct twin_node *node = &twin->nodes[hold->node];
  if (!node->is_there)
    return STATE_NO_NODE;
  struct twin_hold made = *hold;
  if (twin_is_counted_elsewhere(twin, hold->node))
    made.amounts[TWIN_GPU] = made.amounts[TWIN_MIG] = made.amounts[TWIN_SHARED] = 0;
  made.meaning = node->meaning;
  made.order = ++twin->order;
  struct twin_sums sums = twin_sum(twin, hold->node, true);
  if (!fits(node, &sums, &made))
    return STATE_NO_ROOM;
  ck_assert_uint_lt(twin->hold_count, TWIN_HOLDS);
  twin->holds[twin->hold_count++] = made;
  return STATE_HELD;
}

bool twin_unhold(struct twin *twin, uint64_t uid, bool is_firm_too) {
  for (size_t h = 0; h < twin->hold_count; h++) {
    if (twin->holds[h].uid != uid || (twin->holds[h].kind == STATE_FIRM && !is_firm_too))
      continue;
    remove_hold(twin, h);
    return true;
  }
  return false;
}

bool twin_unplan(struct twin *twin, uint64_t uid) {
  for (size_t h = 0; h < twin->hold_count; h++) {
    if (twin->holds[h].uid != uid || twin->holds[h].kind != STATE_NOMINATED)
      continue;
    remove_hold(twin, h);
    return true;
  }
  return false;
}

void twin_unhold_all(struct twin *twin) {
  for (size_t h = twin->hold_count; h-- > 0;)
    if (twin->holds[h].kind != STATE_FIRM)
      remove_hold(twin, h);
}

size_t twin_expire(struct twin *twin, int64_t now) {
  size_t count = 0;
  for (size_t h = twin->hold_count; h-- > 0;) {
    if (twin->holds[h].until > now)
      continue;
    remove_hold(twin, h);
    count++;
  }
  return count;
}

/* ---- what is told ------------------------------------------------------------------------ */

void twin_put_node(struct twin *twin, int index, const struct twin_node *node) {
  twin->nodes[index] = *node;
  settle(twin, index);
}

void twin_drop_node(struct twin *twin, int index) {
  twin->nodes[index].is_there = false;
  settle(twin, index);
}

void twin_put_pod(struct twin *twin, int index, const struct twin_pod *pod) {
  struct twin_pod *mine = &twin->pods[index];
  if (mine->is_there && mine->uid != pod->uid)
    end_hold(twin, mine->uid);
  *mine = *pod;
  if (!twin_waits(mine))
    end_hold(twin, mine->uid);
  if (mine->node >= 0)
    settle(twin, mine->node);
}

void twin_drop_pod(struct twin *twin, int index, uint64_t uid) {
  struct twin_pod *mine = &twin->pods[index];
  if (mine->is_there && mine->uid == uid)
    mine->is_there = false;
  else if (mine->is_there && mine->uid > uid)
    return; /* that one has been gone for long */
  end_hold(twin, uid);
}
