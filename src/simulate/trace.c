/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of both lists: nodes and requests of pods. */
#include "src/simulate/trace_internal.h"

#include <stdlib.h>

/* More than any machine has: what is above is a mistake of unit. */
enum { CPU_MILLI_MAX = 10000 * 1000, MEMORY_MIB_MAX = 64 << 20 };
static const int64_t mib = 1 << 20;

struct sim_trace *sim_trace_new(void) {
  struct sim_trace *trace = mem_zalloc(sizeof(*trace));
  trace->arena = arena_new(64 * 1024);
  trace->catalog = pack_catalog_new();
  trace->absent = PACK_NONE;
  trace->facts.nodes_hash = trace->facts.pods_hash = HASH_START;
  return trace;
}

void sim_trace_free(struct sim_trace *trace) {
  if (!trace)
    return;
  free(trace->nodes);
  free(trace->classes);
  free(trace->class_counts);
  free(trace->class_fits);
  free(trace->pods);
  sim_index_done(&trace->node_index);
  sim_index_done(&trace->class_index);
  pack_catalog_free(trace->catalog);
  arena_free(trace->arena);
  free(trace);
}

const struct sim_trace_facts *sim_trace_facts(const struct sim_trace *trace) {
  return &trace->facts;
}

/* What is read of a row, whatever columns are beside it and in which order they stand. */
static uint64_t hash_row(uint64_t hash, const struct list_format *format,
                         const struct list_row *row) {
  for (size_t i = 0; i < format->column_count; i++) {
    if (format->columns[i].kind == LIST_TEXT)
      hash = hash_bytes(hash_bytes(hash, row->texts[i].ptr, row->texts[i].len), ",", 1);
    else if (format->columns[i].kind == LIST_NUMBER)
      for (unsigned bits = 0; bits < 64; bits += 8)
        hash = hash_bytes(hash, (unsigned char[]){(unsigned char)(row->numbers[i] >> bits)}, 1);
  }
  return hash;
}

/* Room for one more. */
static void *grow(void *items, size_t size, size_t count, size_t *cap) {
  if (count < *cap)
    return items;
  *cap = *cap ? *cap * 2 : 256;
  return mem_realloc(items, *cap * size);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

enum { NODE_NAME, NODE_CPU, NODE_MEMORY, NODE_GPUS, NODE_MODEL, NODE_COLUMNS };

static const struct list_column node_columns[NODE_COLUMNS] = {
    [NODE_NAME] = {"sn", LIST_TEXT, 0, 0, false},
    [NODE_CPU] = {"cpu_milli", LIST_NUMBER, 1, CPU_MILLI_MAX, false},
    [NODE_MEMORY] = {"memory_mib", LIST_NUMBER, 1, MEMORY_MIB_MAX, false},
    [NODE_GPUS] = {"gpu", LIST_NUMBER, 0, PACK_DEVICES_MAX, false},
    [NODE_MODEL] = {"model", LIST_TEXT, 0, 0, false},
};

struct name_lookup {
  const struct sim_trace *trace;
  struct str name;
};

static bool is_node_of_name(const void *ctx, uint32_t number) {
  const struct name_lookup *lookup = ctx;
  return str_eq(lookup->trace->nodes[number].name, lookup->name);
}

static bool add_node(struct sim_trace *trace, const struct list_row *row, struct err *reterr) {
  char shown[CSV_SHOWN_SIZE];
  struct str name = row->texts[NODE_NAME], model = row->texts[NODE_MODEL];
  uint16_t gpus = (uint16_t)row->numbers[NODE_GPUS];
  csv_show(name, shown);
  if (name.len == 0)
    return list_fail(&list_nodes, row, NODE_NAME, reterr, "a node needs a name");
  uint64_t hash = hash_bytes(HASH_START, name.ptr, name.len);
  const struct name_lookup lookup = {trace, name};
  if (sim_index_find(&trace->node_index, hash, is_node_of_name, &lookup) != UINT32_MAX)
    return list_fail(&list_nodes, row, NODE_NAME, reterr, "there is a node \"%s\" already", shown);
  if (gpus && model.len == 0)
    return list_fail(&list_nodes, row, NODE_MODEL, reterr, "a node with GPUs needs their model");
  if (model.len && str_find_char(model, '|') < model.len)
    return list_fail(&list_nodes, row, NODE_MODEL, reterr,
                     "one model, as \"|\" separates models in gpu_spec");
  uint16_t product = PACK_NONE;
  if (gpus) {
    product = pack_catalog_find(trace->catalog, model);
    /* One number is kept for the models that no node has. */
    if (product == PACK_NONE && pack_catalog_count(trace->catalog) < PACK_PRODUCTS_MAX - 1)
      product = pack_catalog_add_plain(trace->catalog, model);
    if (product == PACK_NONE)
      return list_fail(&list_nodes, row, NODE_MODEL, reterr, "more than %d GPU models",
                       PACK_PRODUCTS_MAX - 1);
  }
  struct sim_trace_facts *facts = &trace->facts;
  trace->nodes = grow(trace->nodes, sizeof(*trace->nodes), facts->nodes, &trace->node_cap);
  trace->nodes[facts->nodes] = (struct sim_node){
      .name = str_copy(trace->arena, name),
      .model = gpus ? pack_catalog_name(trace->catalog, product) : (struct str){NULL, 0},
      .cpu_milli = row->numbers[NODE_CPU],
      .mem_bytes = row->numbers[NODE_MEMORY] * mib,
      .gpus = gpus,
      .product = product};
  sim_index_add(&trace->node_index, hash, (uint32_t)facts->nodes++);
  facts->gpus += gpus;
  facts->capacity_milli += (int64_t)gpus * PACK_MILLI;
  facts->nodes_hash = hash_row(facts->nodes_hash, &list_nodes, row);
  return true;
}

const struct list_format list_nodes = {"nodes", node_columns, NODE_COLUMNS, add_node};

/* ---- pods -------------------------------------------------------------------------------------
 */

enum {
  POD_NAME,
  POD_CPU,
  POD_MEMORY,
  POD_GPUS,
  POD_MILLI,
  POD_MODELS,
  POD_QOS,
  POD_PHASE,
  POD_CREATED,
  POD_DELETED,
  POD_SCHEDULED,
  POD_COLUMNS
};

/* Times and states of the trace are of what happened there; here other policies decide. */
static const struct list_column pod_columns[POD_COLUMNS] = {
    [POD_NAME] = {"name", LIST_TEXT, 0, 0, false},
    [POD_CPU] = {"cpu_milli", LIST_NUMBER, 0, CPU_MILLI_MAX, false},
    [POD_MEMORY] = {"memory_mib", LIST_NUMBER, 0, MEMORY_MIB_MAX, false},
    [POD_GPUS] = {"num_gpu", LIST_NUMBER, 0, PACK_UNITS_MAX, false},
    [POD_MILLI] = {"gpu_milli", LIST_NUMBER, 0, PACK_MILLI, false},
    [POD_MODELS] = {"gpu_spec", LIST_TEXT, 0, 0, true},
    [POD_QOS] = {"qos", LIST_NOT_READ, 0, 0, false},
    [POD_PHASE] = {"pod_phase", LIST_NOT_READ, 0, 0, false},
    [POD_CREATED] = {"creation_time", LIST_NOT_READ, 0, 0, false},
    [POD_DELETED] = {"deletion_time", LIST_NOT_READ, 0, 0, false},
    [POD_SCHEDULED] = {"scheduled_time", LIST_NOT_READ, 0, 0, false},
};

/* Remembers a model that no node has, for a message. */
static void note_absent_model(struct sim_trace *trace, struct str model) {
  enum { NOTED_MAX = 200 };
  struct str *noted = &trace->facts.models_without_node;
  for (struct str rest = *noted; rest.len;) {
    size_t len = str_find_char(rest, ',');
    if (str_eq((struct str){rest.ptr, len}, model))
      return;
    rest = str_skip(rest, len < rest.len ? len + 2 : len);
  }
  if (noted->len + model.len + 2 <= NOTED_MAX)
    *noted = str_printf(trace->arena, "%.*s%s%.*s", STR_FMT(*noted), noted->len ? ", " : "",
                        STR_FMT(model));
}

/* "V100M16|V100M32" as a mask; models that no node has can serve nobody. */
static bool read_models(struct sim_trace *trace, const struct list_row *row, uint64_t *ret,
                        struct err *reterr) {
  struct str rest = row->texts[POD_MODELS];
  *ret = 0;
  if (rest.len == 0)
    return true; /* any model */
  for (;;) {
    size_t len = str_find_char(rest, '|');
    struct str model = {rest.ptr, len};
    if (len == 0)
      return list_fail(&list_pods, row, POD_MODELS, reterr,
                       "an empty model: models are separated by one \"|\"");
    uint16_t product = pack_catalog_find(trace->catalog, model);
    if (product != PACK_NONE)
      *ret |= UINT64_C(1) << product;
    else
      note_absent_model(trace, model);
    if (len == rest.len)
      break;
    rest = str_skip(rest, len + 1);
  }
  if (*ret == 0) {
    /* No model has this name: model names have no "|". */
    if (trace->absent == PACK_NONE)
      trace->absent = pack_catalog_add_plain(trace->catalog, STR_LIT("|"));
    *ret = UINT64_C(1) << trace->absent;
    trace->facts.pods_without_model++;
  }
  return true;
}

struct class_lookup {
  const struct sim_trace *trace;
  const struct pack_request *request;
};

static bool is_class_of_request(const void *ctx, uint32_t number) {
  const struct class_lookup *lookup = ctx;
  return memcmp(&lookup->trace->classes[number], lookup->request, sizeof(*lookup->request)) == 0;
}

/* ---- pods that no node is large enough for ------------------------------------------------------
 */

static bool suits(const struct sim_node *node, const struct pack_request *request) {
  const struct pack_form *form = &request->forms[0];
  if (request->cpu_milli > node->cpu_milli || request->mem_bytes > node->mem_bytes)
    return false;
  if (form->kind == PACK_CPU)
    return true;
  return node->gpus >= form->count &&
         (request->products == 0 || (request->products >> node->product & 1));
}

/* Most pods fit the first nodes. A list in which many fit nowhere is not looked at for ever. */
static bool fits_somewhere(struct sim_trace *trace, const struct pack_request *request) {
  enum { LOOKS_MAX = 100 * 1000 * 1000 };
  for (size_t n = 0; n < trace->facts.nodes; n++)
    if (trace->looks++ >= LOOKS_MAX || suits(&trace->nodes[n], request))
      return true;
  return false;
}

static void note_size(struct sim_trace *trace, uint32_t class, unsigned line) {
  struct sim_trace_facts *facts = &trace->facts;
  if (trace->class_fits[class])
    return;
  if (facts->pods_too_large++ == 0)
    facts->first_too_large = line;
}

/* ---- pods -------------------------------------------------------------------------------------
 */

static uint32_t class_of(struct sim_trace *trace, const struct pack_request *request) {
  struct sim_trace_facts *facts = &trace->facts;
  uint64_t hash = hash_bytes(HASH_START, request, sizeof(*request));
  const struct class_lookup lookup = {trace, request};
  uint32_t class = sim_index_find(&trace->class_index, hash, is_class_of_request, &lookup);
  if (class != UINT32_MAX)
    return class;
  size_t caps[] = {trace->class_cap, trace->class_cap}; /* of all three */
  trace->classes = grow(trace->classes, sizeof(*trace->classes), facts->classes, &caps[0]);
  trace->class_fits = grow(trace->class_fits, sizeof(*trace->class_fits), facts->classes, &caps[1]);
  trace->class_counts =
      grow(trace->class_counts, sizeof(*trace->class_counts), facts->classes, &trace->class_cap);
  class = (uint32_t)facts->classes++;
  trace->classes[class] = *request;
  trace->class_counts[class] = 0;
  /* Whose models are nowhere is counted already; without nodes there is nothing to compare. */
  bool is_absent = trace->absent != PACK_NONE && request->products == UINT64_C(1) << trace->absent;
  trace->class_fits[class] = facts->nodes == 0 || is_absent || fits_somewhere(trace, request);
  sim_index_add(&trace->class_index, hash, class);
  return class;
}

static bool add_pod(struct sim_trace *trace, const struct list_row *row, struct err *reterr) {
  uint16_t gpus = (uint16_t)row->numbers[POD_GPUS], milli = (uint16_t)row->numbers[POD_MILLI];
  if (gpus > 0 && milli == 0)
    return list_fail(&list_pods, row, POD_MILLI, reterr, "0, where num_gpu is %u", (unsigned)gpus);
  if (gpus > 1 && milli < PACK_MILLI)
    return list_fail(&list_pods, row, POD_MILLI, reterr,
                     "%u, where num_gpu is %u: only a pod with one GPU may ask for a part of it",
                     (unsigned)milli, (unsigned)gpus);
  /* Without a GPU, gpu_milli and gpu_spec mean nothing, whatever they say. */
  uint64_t products = 0;
  if (gpus > 0 && !read_models(trace, row, &products, reterr))
    return false;
  bool is_part = gpus == 1 && milli < PACK_MILLI;
  enum pack_kind kind = gpus == 0 ? PACK_CPU : is_part ? PACK_FRACTION : PACK_WHOLE;
  struct pack_request request = pack_request_of(
      row->numbers[POD_CPU], row->numbers[POD_MEMORY] * mib, kind, gpus, is_part ? milli : 0);
  request.products = products;
  struct sim_trace_facts *facts = &trace->facts;
  trace->pods = grow(trace->pods, sizeof(*trace->pods), facts->pods, &trace->pod_cap);
  uint32_t class = class_of(trace, &request);
  trace->pods[facts->pods++] = class;
  trace->class_counts[class]++;
  note_size(trace, class, row->line);
  facts->requested_milli += (int64_t)gpus * milli;
  facts->pods_hash = hash_row(facts->pods_hash, &list_pods, row);
  return true;
}

const struct list_format list_pods = {"pods", pod_columns, POD_COLUMNS, add_pod};
