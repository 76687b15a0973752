/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded node as a node of the core. Allocatable says how many devices each name counts;
 * the labels of GPU Feature Discovery say what stands behind a name. Counters are exact. The
 * devices are a guess at the hardware: which instance is on which GPU, no label tells.
 */
#include "src/packing/intake.h"

struct labels {
  struct str product; /* as labelled, suffixes and all */
  int64_t gpus;       /* gpu.count; 0: not labelled */
  int64_t replicas;   /* of a device; 1 when nothing else is said */
  bool is_shared;     /* nvidia.com/gpu counts replicas */
  bool is_single;     /* nvidia.com/gpu counts MIG instances of one profile */
  struct str profile; /* is_single */
};

static struct str label(const struct node *node, struct str key) {
  const struct str *value = kv_find(node->labels, node->label_count, key);
  return value ? *value : (struct str){NULL, 0};
}

static int64_t number_label(const struct node *node, struct str key) {
  int64_t number;
  return i64_parse(label(node, key), &number) && number > 0 ? number : 0;
}

/* "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb-SHARED" -> "1g.10gb" */
static struct str profile_of_product(struct str product) {
  static const struct str mark = {"-MIG-", 5}, shared = {"-SHARED", 7};
  for (size_t i = 1; i + mark.len <= product.len; i++) {
    if (!str_starts_with(str_skip(product, i), mark))
      continue;
    struct str profile = str_skip(product, i + mark.len);
    if (str_ends_with(profile, shared))
      profile.len -= shared.len;
    return profile;
  }
  return (struct str){NULL, 0};
}

static struct labels read_labels(const struct node *node) {
  struct str sharing = label(node, STR_LIT("nvidia.com/gpu.sharing-strategy"));
  struct labels made = {.product = label(node, STR_LIT("nvidia.com/gpu.product")),
                        .gpus = number_label(node, STR_LIT("nvidia.com/gpu.count")),
                        .replicas = number_label(node, STR_LIT("nvidia.com/gpu.replicas"))};
  made.is_shared = made.replicas > 1 || str_is(sharing, "time-slicing") || str_is(sharing, "mps") ||
                   str_ends_with(made.product, STR_LIT("-SHARED"));
  made.replicas = made.replicas ? made.replicas : 1;
  made.profile = profile_of_product(made.product);
  made.is_single = str_is(label(node, STR_LIT("nvidia.com/mig.strategy")), "single") &&
                   made.profile.len && !str_is(made.profile, "INVALID");
  return made;
}

/* ---- products ---------------------------------------------------------------------------- */

static struct str base_product(struct str product) {
  static const struct str marks[] = {{"-SHARED", 7}, {"-MIG-", 5}};
  for (size_t i = 1; i < product.len; i++)
    for (size_t m = 0; m < SG_ARRAY_LEN(marks); m++)
      if (str_starts_with(str_skip(product, i), marks[m]))
        return (struct str){product.ptr, i};
  return product;
}

static uint16_t nvidia_product(struct pack_intake *intake, const struct labels *labels) {
  const struct gpu_product *known =
      products_find_label(intake->products.items, intake->products.count, labels->product);
  if (known)
    return pack_catalog_add(intake->catalog, known);
  struct str name = base_product(labels->product);
  return pack_catalog_add_plain(intake->catalog, name.len ? name : STR_LIT("nvidia.com/gpu"));
}

static uint16_t vendor_product(struct pack_intake *intake, const struct node *node,
                               struct str name) {
  struct str known = str_starts_with(name, STR_LIT("amd.com/"))
                         ? label(node, STR_LIT("amd.com/gpu.product-name"))
                         : label(node, STR_LIT("gpu.intel.com/product"));
  return pack_catalog_add_plain(intake->catalog, known.len ? known : name);
}

/* ---- counters ---------------------------------------------------------------------------- */

/* "nvidia.com/mig-1g.10gb.replicas", without building the key. */
static bool is_slice_shared(const struct node *node, struct str name) {
  static const struct str suffix = {".replicas", 9};
  for (size_t i = 0; i < node->label_count; i++) {
    struct str key = node->labels[i].key;
    int64_t replicas;
    if (key.len == name.len + suffix.len && str_starts_with(key, name) &&
        str_ends_with(key, suffix) && i64_parse(node->labels[i].value, &replicas))
      return replicas > 1;
  }
  return false;
}

/* What the name counts on this node. Profiles that no product has are counted as wholes, and so
 * is everything beyond the ways in which one request can be met. */
static void set_kind(struct pack_intake *intake, const struct node *node,
                     const struct labels *labels, struct str name, struct pack_counter *ret) {
  struct resource_name parsed = resource_name_parse(name);
  struct str profile = parsed.profile;
  bool is_shared = parsed.is_shared;
  if (parsed.class == NAME_WHOLE) {
    is_shared = is_shared || labels->is_shared;
    profile = labels->is_single ? labels->profile : profile;
  } else if (parsed.class == NAME_SLICE) {
    is_shared = is_shared || is_slice_shared(node, name);
  }
  uint16_t number = pack_catalog_find_profile(intake->catalog, profile);
  ret->kind = is_shared ? PACK_REPLICAS : number != PACK_NONE ? PACK_SLICES : PACK_WHOLE;
  ret->profile = ret->kind == PACK_SLICES ? number : 0;
  if (!intake_admit_form(&intake->names[ret->name - 1], ret->kind, ret->profile)) {
    ret->kind = PACK_WHOLE;
    ret->profile = 0;
  }
}

/* ---- devices: the guess ------------------------------------------------------------------ */

struct guess {
  const struct pack_intake *intake;
  struct pack_node_reading *node;
  size_t count;
};

static void add_devices(struct guess *guess, enum pack_mode mode, uint16_t product, int64_t size,
                        int64_t count) {
  if (product == PACK_NONE || size <= 0 || size > UINT16_MAX)
    return;
  for (int64_t i = 0; i < count && guess->count < PACK_DEVICES_MAX; i++)
    guess->node->devices[guess->count++] = (struct pack_device){
        .mode = (uint8_t)mode, .product = (uint8_t)product, .size = (uint16_t)size};
}

static int64_t divide_up(int64_t a, int64_t b) {
  return a / b + (a % b != 0);
}

/* Memory slices of all instances that there are. */
static int64_t sum_slices(const struct pack_node_reading *node, const struct pack_mig *mig) {
  int64_t slices = 0;
  for (size_t i = 0; i < node->spec.counter_count; i++) {
    const struct pack_counter *counter = &node->counters[i];
    uint16_t p = counter->kind == PACK_SLICES ? pack_mig_find(mig, counter->profile) : PACK_NONE;
    if (p != PACK_NONE)
      slices = i64_add_sat(slices, i64_mul_sat(counter->total, mig->profiles[p].size));
  }
  return slices;
}

static void guess_nvidia(struct guess *guess, const struct labels *labels, uint16_t product) {
  const struct pack_mig *mig = pack_catalog_mig(guess->intake->catalog, product);
  int64_t gpus = 0;
  for (size_t i = 0; i < guess->node->spec.counter_count; i++) {
    const struct pack_counter *counter = &guess->node->counters[i];
    struct str name = guess->intake->names[counter->name - 1].text;
    if (resource_name_parse(name).class != NAME_WHOLE)
      continue;
    if (counter->kind == PACK_WHOLE) {
      add_devices(guess, PACK_MODE_WHOLE, product, PACK_MILLI, counter->total);
      gpus = i64_add_sat(gpus, counter->total);
    } else if (counter->kind == PACK_REPLICAS) {
      int64_t shared = divide_up(counter->total, labels->replicas);
      add_devices(guess, PACK_MODE_SHARED, product, labels->replicas, shared);
      gpus = i64_add_sat(gpus, shared);
    }
  }
  int64_t slices = mig ? sum_slices(guess->node, mig) : 0;
  if (slices == 0)
    return;
  /* Under the single strategy gpu.count counts instances; otherwise what is not whole is MIG. */
  int64_t least = divide_up(slices, mig->axis);
  int64_t rest = labels->is_single ? 0 : labels->gpus - gpus;
  add_devices(guess, PACK_MODE_MIG, product, mig->axis, rest > least ? rest : least);
}

/* ---- the node ---------------------------------------------------------------------------- */

int64_t intake_allocatable(const struct node *node, struct str name) {
  const struct resource_amount *amount =
      amount_find(node->allocatable, node->allocatable_count, name);
  if (!amount || !amount->is_valid || qty_is_negative(amount->amount))
    return 0;
  return str_is(name, "cpu") ? qty_milli_ceil(amount->amount) : qty_units_ceil(amount->amount);
}

/* Below what one pod may ask for at most: whoever asks for that fits nowhere. */
static int64_t capacity(const struct node *node, struct str name) {
  int64_t amount = intake_allocatable(node, name);
  return amount < AMOUNT_MAX ? amount : AMOUNT_MAX - 1;
}

/* Kubelets always list it; somebody's own list of nodes may not. */
static uint32_t pods_max(const struct node *node) {
  int64_t pods = intake_allocatable(node, STR_LIT("pods"));
  return pods > 0 && pods < NODE_PODS_MAX ? (uint32_t)pods : NODE_PODS_MAX;
}

static bool says_that_it_has_gpus(const struct node *node, const struct labels *labels) {
  return labels->gpus > 0 || labels->product.len ||
         str_is(label(node, STR_LIT("nvidia.com/gpu.present")), "true") ||
         label(node, STR_LIT("cloud.google.com/gke-accelerator")).len;
}

/* Numbers for all names that the node lists. */
static void number_names(struct pack_intake *intake, const struct node *node) {
  if (!intake->recorded && node->card_count)
    (void)intake_add_name(intake, STR_LIT("nvidia.com/gpumem"));
  for (size_t i = 0; i < node->allocatable_count; i++) {
    struct str name = node->allocatable[i].name;
    if (!node_counts(node, name))
      continue;
    if (pack_is_card_name(name) && !pack_is_hami_memory(name))
      (void)intake_add_name(intake, name);
    else if (resource_name_parse(name).class != NAME_HOST &&
             (!pack_is_device_name(name) || intake_add_name(intake, name) == 0))
      (void)intake_add_other(intake, name);
  }
}

static void add_counters(struct pack_intake *intake, const struct node *node,
                         const struct labels *labels, struct pack_node_reading *ret,
                         struct guess *guess) {
  for (size_t i = 0; i < node->allocatable_count; i++) {
    struct str name = node->allocatable[i].name;
    uint8_t number = intake_find_name(intake, name);
    if (number == 0 || ret->spec.counter_count == PACK_COUNTERS_MAX || pack_is_card_name(name) ||
        !node_counts(node, name))
      continue;
    int64_t total = intake_allocatable(node, name);
    struct pack_counter *counter = &ret->counters[ret->spec.counter_count++];
    *counter = (struct pack_counter){.name = number,
                                     .total = (uint32_t)(total > INT32_MAX ? INT32_MAX : total)};
    if (resource_name_parse(name).class == NAME_VENDOR) {
      counter->kind = PACK_WHOLE;
      (void)intake_admit_form(&intake->names[number - 1], PACK_WHOLE, 0);
      add_devices(guess, PACK_MODE_WHOLE, vendor_product(intake, node, name), PACK_MILLI, total);
    } else {
      ret->is_unreadable = false;
      set_kind(intake, node, labels, name, counter);
    }
  }
}

/* Cards that whoever binds chooses, on a node where nothing is counted. */
static void add_cards(struct pack_intake *intake, const struct node *node,
                      const struct labels *labels, struct guess *guess) {
  int64_t milli = intake_allocatable(node, STR_LIT(GPU_MILLI_NAME));
  int64_t memory = intake_allocatable(node, STR_LIT("aliyun.com/gpu-mem"));
  int64_t cards = intake_allocatable(node, STR_LIT("aliyun.com/gpu-count"));
  if (milli >= PACK_MILLI)
    add_devices(guess, PACK_MODE_WHOLE, nvidia_product(intake, labels), PACK_MILLI,
                milli / PACK_MILLI);
  else if (cards > 0 && memory >= cards)
    add_devices(guess, PACK_MODE_SHARED,
                pack_catalog_add_plain(intake->catalog, STR_LIT("aliyun.com/gpu-mem")),
                memory / cards, cards);
  else
    return;
  guess->node->is_unreadable = node->has_dra;
}

/* All of them, those that are not given too, so that their numbers stay: who has them says that
 * nothing is left of those. One that is not a whole number of steps is rounded up, and what it has
 * too much is taken from what others leave of it. */
static void add_hami_cards(struct pack_intake *intake, const struct node *node,
                           struct guess *guess) {
  uint16_t product = pack_catalog_add_plain(intake->catalog, STR_LIT("nvidia.com/gpumem"));
  for (size_t i = 0; i < node->card_count; i++) {
    int64_t steps = pack_hami_steps(node->cards[i].memory_mib);
    add_devices(guess, PACK_MODE_SHARED, product,
                steps < 1            ? 1
                : steps > UINT16_MAX ? UINT16_MAX
                                     : steps,
                1);
  }
  guess->node->is_unreadable = false;
}

static bool has_nvidia_count(const struct node *node) {
  for (size_t i = 0; i < node->allocatable_count; i++)
    if (str_starts_with(node->allocatable[i].name, STR_LIT("nvidia.com/")) &&
        pack_is_device_name(node->allocatable[i].name) && node->allocatable[i].is_valid &&
        !qty_is_zero(node->allocatable[i].amount))
      return true;
  return false;
}

bool pack_is_counted_elsewhere(const struct node *node) {
  return (node->has_hami && node->card_count == 0) || (node->has_dra && !has_nvidia_count(node));
}

void pack_intake_read_node(struct pack_intake *intake, const struct node *node,
                           struct pack_node_reading *ret) {
  struct labels labels = read_labels(node);
  struct guess guess = {intake, ret, 0};
  *ret = (struct pack_node_reading){.spec = {.name = node->name,
                                             .cpu_milli = capacity(node, STR_LIT("cpu")),
                                             .mem_bytes = capacity(node, STR_LIT("memory")),
                                             .pods_max = pods_max(node),
                                             .devices = ret->devices,
                                             .counters = ret->counters},
                                    .is_unreadable =
                                        node->has_dra || says_that_it_has_gpus(node, &labels),
                                    .takes_no_pods = intake_takes_no_pods(node)};
  number_names(intake, node);
  /* Before the counters: their profiles are those of the product. */
  uint16_t product = PACK_NONE;
  bool has_nvidia = labels.product.len || labels.gpus;
  for (size_t i = 0; i < node->allocatable_count && !has_nvidia; i++)
    has_nvidia = resource_name_parse(node->allocatable[i].name).class == NAME_WHOLE;
  if (has_nvidia)
    product = nvidia_product(intake, &labels);
  add_counters(intake, node, &labels, ret, &guess);
  if (has_nvidia)
    guess_nvidia(&guess, &labels, product);
  bool has_hami_cards = !intake->recorded && ret->spec.counter_count == 0 && node->card_count;
  if (has_hami_cards)
    add_hami_cards(intake, node, &guess);
  else if (ret->spec.counter_count == 0)
    add_cards(intake, node, &labels, &guess);
  ret->is_unreadable |= (node->has_hami && !has_hami_cards) || pack_is_counted_elsewhere(node);
  ret->spec.device_count = guess.count;
}
