/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/simulate/simulate_suite.h"

#include <stdio.h>
#include <stdlib.h>

static const char nodes_text[] = NODES_HEADER "a,96000,786432,8,V100M32\n"
                                              "b,64000,262144,2,T4\n"
                                              "c,32000,131072,0,\n";
static const char pods_text[] = PODS_HEADER "p0,4000,8192,0,0,\n"
                                            "p1,8000,16384,1,470,\n"
                                            "p2,8000,16384,1,1000,T4|P100\n"
                                            "p3,64000,262144,8,1000,V100M32\n"
                                            "p4,8000,16384,1,470,\n";

static const struct sim_trace_facts *facts_of(const struct sim_trace *trace) {
  return sim_trace_facts(trace);
}

/* ---- what is read --------------------------------------------------------------------------- */

START_TEST(rows_become_nodes_and_requests) {
  CLEANUP_TRACE struct sim_trace *trace = must_read(nodes_text, pods_text);
  const struct sim_trace_facts *facts = facts_of(trace);
  ck_assert_uint_eq(facts->nodes, 3);
  ck_assert_uint_eq(facts->gpus, 10);
  ck_assert_int_eq(facts->capacity_milli, 10000);
  ck_assert_uint_eq(facts->pods, 5);
  ck_assert_uint_eq(facts->classes, 4);
  ck_assert_int_eq(facts->requested_milli, 470 + 1000 + 8000 + 470);
  ck_assert(!facts->is_reference);
  ck_assert(str_is(trace->nodes[1].name, "b"));
  ck_assert(str_is(trace->nodes[1].model, "T4"));
  ck_assert_int_eq(trace->nodes[1].mem_bytes, INT64_C(262144) << 20);
  ck_assert_uint_eq(trace->nodes[2].product, PACK_NONE);

  static const uint32_t classes[] = {0, 1, 2, 3, 1};
  for (size_t i = 0; i < 5; i++)
    ck_assert_uint_eq(trace->pods[i], classes[i]);
  ck_assert_uint_eq(trace->class_counts[1], 2);
  ck_assert_int_eq(trace->classes[0].forms[0].kind, PACK_CPU);
  ck_assert_int_eq(trace->classes[1].forms[0].kind, PACK_FRACTION);
  ck_assert_int_eq(trace->classes[1].forms[0].amount, 470);
  ck_assert_uint_eq(trace->classes[1].products, 0);
  ck_assert_int_eq(trace->classes[2].forms[0].kind, PACK_WHOLE);
  ck_assert_int_eq(trace->classes[2].forms[0].count, 1);
  ck_assert_uint_eq(trace->classes[2].products,
                    UINT64_C(1) << pack_catalog_find(trace->catalog, STR_LIT("T4")));
  ck_assert_int_eq(trace->classes[3].forms[0].count, 8);
  ck_assert_int_eq(trace->classes[3].cpu_milli, 64000);
}
END_TEST

/* The same rows in all the ways in which programs write CSV. */
START_TEST(any_dialect_gives_the_same_rows) {
  static const char *const nodes[] = {
      "sn,cpu_milli,memory_mib,gpu,model\r\na,96000,786432,8,V100M32\r\nb,64000,262144,2,T4\r\n"
      "c,32000,131072,0,\r\n",
      "\xef\xbb\xbfsn,cpu_milli,memory_mib,gpu,model\na,96000,786432,8,V100M32\n"
      "b,64000,262144,2,T4\nc,32000,131072,0,",
      "\"sn\",\"cpu_milli\",\"memory_mib\",\"gpu\",\"model\"\n\"a\",\"96000\",786432,8,"
      "\"V100M32\"\n"
      "b,64000,262144,\"2\",T4\n\nc,32000,131072,0,\"\"\n\n",
      "model,gpu,memory_mib,cpu_milli,sn\nV100M32,8,786432,96000,a\nT4,2,262144,64000,b\n"
      ",0,131072,32000,c\n"};
  static const char pods[] =
      "qos,gpu_spec,scheduled_time,gpu_milli,num_gpu,memory_mib,cpu_milli,name,pod_phase\n"
      "LS,,,0,0,8192,4000,p0,Running\n"
      "BE,,whenever,470,1,16384,8000,p1,\n"
      "LS,T4|P100,3,1000,1,16384,8000,p2,\"Pending, still\"\n"
      "LS,V100M32,,1000,8,262144,64000,p3,Failed\n"
      ",,,470,1,16384,8000,p4,\n";
  CLEANUP_TRACE struct sim_trace *plain = must_read(nodes_text, pods_text);
  for (size_t i = 0; i < SG_ARRAY_LEN(nodes); i++) {
    CLEANUP_TRACE struct sim_trace *trace = must_read(nodes[i], pods);
    ck_assert_uint_eq(facts_of(trace)->nodes_hash, facts_of(plain)->nodes_hash);
    ck_assert_uint_eq(facts_of(trace)->pods_hash, facts_of(plain)->pods_hash);
    ck_assert_uint_eq(facts_of(trace)->classes, facts_of(plain)->classes);
  }
}
END_TEST

START_TEST(chunks_of_any_size_give_the_same_rows) {
  CLEANUP_TRACE struct sim_trace *plain = must_read(nodes_text, pods_text);
  for (size_t chunk = 1; chunk < 40; chunk++) {
    struct err err = {0};
    CLEANUP_TRACE struct sim_trace *trace = sim_trace_new();
    ck_assert_msg(read_list(trace, SIM_NODES, str_of(nodes_text), chunk, &err), "%s", err.text);
    ck_assert_msg(read_list(trace, SIM_PODS, str_of(pods_text), chunk, &err), "%s", err.text);
    ck_assert_uint_eq(facts_of(trace)->nodes_hash, facts_of(plain)->nodes_hash);
    ck_assert_uint_eq(facts_of(trace)->pods_hash, facts_of(plain)->pods_hash);
  }
}
END_TEST

START_TEST(quotes_in_quotes) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read(NODES_HEADER "\"a,\"\"1\"\"\",1000,1024,1,T4\n", pods_text);
  ck_assert(str_is(trace->nodes[0].name, "a,\"1\""));
}
END_TEST

START_TEST(without_gpus_their_fields_mean_nothing) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read(nodes_text, PODS_HEADER "p,1000,1024,0,1000,H100\n");
  ck_assert_int_eq(trace->classes[0].forms[0].kind, PACK_CPU);
  ck_assert_uint_eq(trace->classes[0].products, 0);
  ck_assert_uint_eq(facts_of(trace)->pods_without_model, 0);
}
END_TEST

/* Some of the public lists are so. */
START_TEST(a_list_may_lack_the_column_of_models) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read(nodes_text, "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np,1000,1024,1,1000\n");
  ck_assert_int_eq(trace->classes[0].forms[0].kind, PACK_WHOLE);
  ck_assert_uint_eq(trace->classes[0].products, 0);
}
END_TEST

/* Large enough in each respect is not enough: one node must be it in all. */
START_TEST(pods_that_no_node_is_large_enough_for) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read(nodes_text, PODS_HEADER "p0,96000,786432,8,1000,\n"
                                        "p1,97000,1024,0,0,\n"
                                        "p2,1000,786433,0,0,\n"
                                        "p3,64000,1024,3,1000,T4\n"
                                        "p4,65000,1024,1,500,T4\n"
                                        "p5,97000,1024,0,0,\n"
                                        "p6,99999,1024,1,1000,H20\n"
                                        "p7,64000,262144,2,1000,T4|H20\n"
                                        "p8,1000,1024,9,1000,\n");
  const struct sim_trace_facts *facts = facts_of(trace);
  ck_assert_uint_eq(facts->pods_too_large, 6);
  ck_assert_uint_eq(facts->first_too_large, 3);
  ck_assert_uint_eq(facts->pods_without_model, 1);
}
END_TEST

START_TEST(models_without_a_node_can_serve_nobody) {
  CLEANUP_TRACE struct sim_trace *trace =
      must_read(nodes_text, PODS_HEADER "p0,1000,1024,1,1000,A100\n"
                                        "p1,1000,1024,1,500,A100|H20\n"
                                        "p2,1000,1024,1,500,A100|T4\n");
  const struct sim_trace_facts *facts = facts_of(trace);
  ck_assert_uint_eq(facts->pods_without_model, 2);
  ck_assert(str_is(facts->models_without_node, "A100, H20"));
  struct sim_random order = {1};
  struct err err = {0};
  struct pack_cluster *cluster = sim_trace_cluster(trace, &order, &err);
  for (size_t n = 0; n < pack_cluster_count(cluster); n++) {
    const struct pack_node *node = pack_cluster_node(cluster, n);
    ck_assert_int_ne(pack_fit(trace->catalog, node, &trace->classes[0]), PACK_FITS);
    ck_assert_int_ne(pack_fit(trace->catalog, node, &trace->classes[1]), PACK_FITS);
  }
  pack_cluster_free(cluster);
}
END_TEST

START_TEST(a_cluster_has_the_nodes_in_a_drawn_order) {
  CLEANUP_TRACE struct sim_trace *trace = must_read(nodes_text, pods_text);
  struct err err = {0};
  bool is_first[3] = {false};
  for (uint64_t seed = 0; seed < 30; seed++) {
    struct sim_random order = {seed};
    struct pack_cluster *cluster = sim_trace_cluster(trace, &order, &err);
    ck_assert_ptr_nonnull(cluster);
    ck_assert_uint_eq(pack_cluster_count(cluster), 3);
    ck_assert_int_eq(pack_cluster_totals(cluster)->milli, 10000);
    const struct pack_node *node = pack_cluster_node(cluster, 0);
    ck_assert(str_is(node->name, "n000000"));
    is_first[node->device_count == 8 ? 0 : node->device_count == 2 ? 1 : 2] = true;
    pack_cluster_free(cluster);
  }
  ck_assert(is_first[0] && is_first[1] && is_first[2]);
}
END_TEST

/* ---- what is refused ----------------------------------------------------------------------------
 */

static const struct {
  enum sim_list list;
  const char *text;
  unsigned line, column;
  const char *part; /* of the message */
} mistakes[] = {
    {SIM_NODES, "", 1, 1, "empty: a list of nodes begins with"},
    {SIM_NODES, "\n\r\n\n", 1, 1, "empty"},
    {SIM_NODES, NODES_HEADER, 2, 1, "no nodes"},
    {SIM_PODS, PODS_HEADER "\n", 3, 1, "no pods"},
    {SIM_NODES, "sn,cpu_milli,memory_mib,gpu\na,1,1,1\n", 1, 1, "column \"model\" is missing"},
    {SIM_NODES, "sn,cpu_mili,memory_mib,gpu,model\n", 1, 4,
     "unknown column \"cpu_mili\", did you mean \"cpu_milli\"?"},
    {SIM_NODES, "sn,cpu_milli,memory_mib,gpu,model,colour\n", 1, 35, "unknown column \"colour\""},
    {SIM_NODES, "sn,cpu_milli,memory_mib,gpu,gpu,model\n", 1, 29, "\"gpu\" is there twice"},
    {SIM_NODES, "a,96000,786432,8,T4\n", 1, 1, "unknown column \"a\""},
    {SIM_NODES, NODES_HEADER "a,96000,786432,8\n", 2, 1, "4 fields, where the first line has 5"},
    {SIM_NODES, NODES_HEADER "a,96000,786432,8,T4,\n", 2, 1, "6 fields"},
    {SIM_NODES, NODES_HEADER ",96000,786432,8,T4\n", 2, 1, "sn: a node needs a name"},
    {SIM_NODES, NODES_HEADER "a,96000,1,8,T4\nb,1,1,1,T4\na,1,1,1,T4\n", 4, 1,
     "sn: there is a node \"a\" already"},
    {SIM_NODES, NODES_HEADER "a,-5,786432,8,T4\n", 2, 3, "cpu_milli: \"-5\" is no whole number"},
    {SIM_NODES, NODES_HEADER "a,0,786432,8,T4\n", 2, 3, "cpu_milli: \"0\""},
    {SIM_NODES, NODES_HEADER "a,10000001,786432,8,T4\n", 2, 3, "from 1 to 10000000"},
    {SIM_NODES, NODES_HEADER "a,99999999999999999999,1,8,T4\n", 2, 3, "cpu_milli"},
    {SIM_NODES, NODES_HEADER "a,96000,7e5,8,T4\n", 2, 9, "memory_mib: \"7e5\""},
    {SIM_NODES, NODES_HEADER "a,96000,,8,T4\n", 2, 9, "memory_mib: \"\""},
    {SIM_NODES, NODES_HEADER "a,96000,1024 ,8,T4\n", 2, 9, "memory_mib: \"1024 \""},
    {SIM_NODES, NODES_HEADER "a,96000,1,65,T4\n", 2, 11, "gpu: \"65\""},
    {SIM_NODES, NODES_HEADER "a,96000,1,2,\n", 2, 13, "model: a node with GPUs needs"},
    {SIM_NODES, NODES_HEADER "a,96000,1,2,T4|P100\n", 2, 13, "model: one model"},
    {SIM_NODES, NODES_HEADER "a\x01,96000,1,2,T4\n", 2, 1, "sn: \"a?\" has bytes"},
    {SIM_NODES, NODES_HEADER "\"a,96000,1,2,T4\nb,1,1,1,T4\n", 2, 1, "the quote is not closed"},
    {SIM_NODES, NODES_HEADER "\"a\"b,96000,1,2,T4\n", 2, 4, "a comma is missing"},
    {SIM_NODES, NODES_HEADER "a\"b,96000,1,2,T4\n", 2, 2, "a quote inside a field"},
    {SIM_PODS, PODS_HEADER "p,1,1,65,1000,\n", 2, 7, "num_gpu: \"65\""},
    {SIM_PODS, PODS_HEADER "p,1,1,1,1001,\n", 2, 9, "gpu_milli: \"1001\""},
    {SIM_PODS, PODS_HEADER "p,1,1,1,0,\n", 2, 9, "gpu_milli: 0, where num_gpu is 1"},
    {SIM_PODS, PODS_HEADER "p,1,1,2,500,\n", 2, 9, "gpu_milli: 500, where num_gpu is 2"},
    {SIM_PODS, PODS_HEADER "p,1,1,1,500,T4||P100\n", 2, 13, "gpu_spec: an empty model"},
    {SIM_PODS, PODS_HEADER "p,1,1,1,500,|\n", 2, 13, "gpu_spec: an empty model"},
    {SIM_PODS, PODS_HEADER "p,-1,1,1,500,\n", 2, 3, "cpu_milli: \"-1\""},
    {SIM_PODS, PODS_HEADER "p,1,67108865,1,500,\n", 2, 5, "memory_mib: \"67108865\""},
};

START_TEST(mistakes_are_named) {
  struct err err = {0};
  CLEANUP_TRACE struct sim_trace *trace = sim_trace_new();
  if (mistakes[_i].list == SIM_PODS)
    ck_assert(read_list(trace, SIM_NODES, str_of(nodes_text), SIZE_MAX, &err));
  const char *text = mistakes[_i].text;
  ck_assert_msg(!read_list(trace, mistakes[_i].list, str_of(text), 7, &err), "%s", text);
  ck_assert_int_eq(err.code, ERR_INVALID);
  ck_assert_msg(strstr(err.text, mistakes[_i].part) != NULL, "\"%s\" is not in \"%s\"",
                mistakes[_i].part, err.text);
  ck_assert_msg(err.line == mistakes[_i].line && err.column == mistakes[_i].column,
                "%u:%u instead of %u:%u for %s", err.line, err.column, mistakes[_i].line,
                mistakes[_i].column, text);
}
END_TEST

/* However long it is: it is refused when 64 KiB of it have come. */
START_TEST(a_line_without_end_is_refused_early) {
  CLEANUP_TRACE struct sim_trace *trace = sim_trace_new();
  struct sim_reader *reader = sim_reader_new(trace, SIM_NODES);
  struct err err = {0};
  static char chunk[4096];
  memset(chunk, 'x', sizeof(chunk));
  ck_assert(sim_reader_feed(reader, STR_LIT(NODES_HEADER), &err));
  size_t fed = 0;
  while (fed < 1 << 20 && sim_reader_feed(reader, (struct str){chunk, sizeof(chunk)}, &err))
    fed += sizeof(chunk);
  ck_assert_uint_eq(fed, SIM_LINE_MAX);
  ck_assert_int_eq(err.code, ERR_LIMIT);
  ck_assert_uint_eq(err.line, 2);
  ck_assert_ptr_nonnull(strstr(err.text, "longer than 65536 bytes"));
  sim_reader_free(reader);
}
END_TEST

START_TEST(rows_have_a_limit) {
  CLEANUP_TRACE struct sim_trace *trace = must_read(nodes_text, pods_text);
  struct sim_reader *reader = sim_reader_new(trace, SIM_PODS);
  struct err err = {0};
  ck_assert(sim_reader_feed(reader, STR_LIT(PODS_HEADER), &err));
  for (size_t i = 0; i < SIM_ROWS_MAX; i++)
    ck_assert(sim_reader_feed(reader, STR_LIT("p,1,1,1,500,\n"), &err));
  ck_assert(!sim_reader_feed(reader, STR_LIT("p,1,1,1,500,\n"), &err));
  ck_assert_int_eq(err.code, ERR_LIMIT);
  ck_assert_uint_eq(err.line, SIM_ROWS_MAX + 2);
  sim_reader_free(reader);
}
END_TEST

START_TEST(models_have_a_limit) {
  CLEANUP_BUF struct buf text;
  struct err err = {0};
  buf_init(&text, 1 << 16);
  buf_append_cstr(&text, NODES_HEADER);
  for (unsigned i = 0; i < PACK_PRODUCTS_MAX; i++)
    buf_printf(&text, "n%u,1000,1024,1,M%u\n", i, i);
  CLEANUP_TRACE struct sim_trace *trace = sim_trace_new();
  ck_assert(!read_list(trace, SIM_NODES, buf_str(&text), SIZE_MAX, &err));
  ck_assert_uint_eq(err.line, PACK_PRODUCTS_MAX + 1);
  ck_assert_ptr_nonnull(strstr(err.text, "model: more than 63 GPU models"));
}
END_TEST

/* ---- the public lists ----------------------------------------------------------------------- */

static struct buf read_data(const char *name) {
  struct buf text;
  char path[128], chunk[4096];
  (void)snprintf(path, sizeof(path), "tests/data/alibaba-gpu-2023/%s", name);
  FILE *file = fopen(path, "rb");
  ck_assert_msg(file != NULL, "%s", path);
  buf_init(&text, 1 << 20);
  for (size_t n; (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
    buf_append(&text, chunk, n);
  ck_assert_int_eq(fclose(file), 0);
  return text;
}

START_TEST(the_public_lists_are_recognised) {
  CLEANUP_BUF struct buf nodes = read_data("openb_node_list_gpu_node.csv");
  CLEANUP_BUF struct buf pods = read_data("openb_pod_list_default.csv");
  {
    CLEANUP_TRACE struct sim_trace *trace = must_read(nodes.ptr, pods.ptr);
    const struct sim_trace_facts *facts = facts_of(trace);
    ck_assert_uint_eq(facts->nodes, 1213);
    ck_assert_uint_eq(facts->gpus, 6212);
    ck_assert_uint_eq(facts->pods, 8152);
    ck_assert_uint_eq(facts->classes, 151);
    ck_assert_int_eq(facts->requested_milli, 6086800);
    ck_assert(facts->is_reference);
    struct sim_target target;
    sim_target_init(&target, trace);
    ck_assert_uint_eq(target.count, 35); /* of 91 without memory */
    sim_target_done(&target);
  }
  /* One core less on the last node, and they are others. */
  char *last = strstr(nodes.ptr, ",96000,");
  ck_assert_ptr_nonnull(last);
  last[1] = '8';
  CLEANUP_TRACE struct sim_trace *changed = must_read(nodes.ptr, pods.ptr);
  ck_assert(!facts_of(changed)->is_reference);
}
END_TEST

TCase *tcase_trace(void) {
  TCase *tcase = tcase_create("trace");
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, rows_become_nodes_and_requests);
  tcase_add_test(tcase, any_dialect_gives_the_same_rows);
  tcase_add_test(tcase, chunks_of_any_size_give_the_same_rows);
  tcase_add_test(tcase, quotes_in_quotes);
  tcase_add_test(tcase, without_gpus_their_fields_mean_nothing);
  tcase_add_test(tcase, a_list_may_lack_the_column_of_models);
  tcase_add_test(tcase, pods_that_no_node_is_large_enough_for);
  tcase_add_test(tcase, models_without_a_node_can_serve_nobody);
  tcase_add_test(tcase, a_cluster_has_the_nodes_in_a_drawn_order);
  tcase_add_loop_test(tcase, mistakes_are_named, 0, SG_ARRAY_LEN(mistakes));
  tcase_add_test(tcase, a_line_without_end_is_refused_early);
  tcase_add_test(tcase, rows_have_a_limit);
  tcase_add_test(tcase, models_have_a_limit);
  tcase_add_test(tcase, the_public_lists_are_recognised);
  return tcase;
}
