/* SPDX-License-Identifier: Apache-2.0 */
/* `slicegate simulate`: the cases of tests/golden/simulate, its flags, its threads. */
#include "src/cli/cli_internal.h"
#include "src/cli/simulate_inputs.h"
#include "tests/unit/cli/cases.h"
#include "tests/unit/cli/golden.h"
#include "tests/unit/cli/run.h"

#include <math.h>
#include <stdlib.h>

static struct golden golden;

/* Without the rows of seconds, which differ from run to run. */
static void keep_figures(const char *text, struct buf *out) {
  for (struct str rest = str_of(text); rest.len;) {
    size_t len = str_find_char(rest, '\n');
    struct str line = {rest.ptr, len < rest.len ? len + 1 : len};
    if (!memmem(line.ptr, line.len, "seconds,", strlen("seconds,")))
      buf_append_str(out, line);
    rest = str_skip(rest, line.len);
  }
}

START_TEST(golden_case) {
  struct golden_arguments arguments;
  int home = golden_enter(&golden, _i, &arguments);
  struct run run = run_command(cli_simulate, arguments.items);
  CLEANUP_BUF struct buf out;
  CLEANUP_BUF struct buf err;
  buf_init(&out, GOLDEN_TEXT_MAX);
  buf_init(&err, GOLDEN_TEXT_MAX);
  keep_figures(run.out, &out);
  buf_printf(&err, "%sexit code %d\n", run.err, run.code);
  golden_compare(golden.names[_i], "out", out.ptr ? out.ptr : "");
  golden_compare(golden.names[_i], "stderr", err.ptr);
  run_done(&run);
  golden_leave(home, &arguments);
}
END_TEST

START_TEST(there_are_cases) {
  ck_assert_int_gt(golden.count, 10);
}
END_TEST

/* ---- flags --------------------------------------------------------------------------------------
 */

#define NODES "tests/golden/simulate/nodes.csv"
#define PODS "tests/golden/simulate/pods.csv"

static const struct {
  const char *arguments[6];
  const char *err; /* part of what is said */
} wrong[] = {
    {{NULL}, "simulate needs the name of a suite (inflate, churn"},
    {{"inflat"}, "simulate has no suite \"inflat\" (inflate, churn"},
    {{"inflate", "churn"}, "simulate runs one suite: \"churn\" is one too many"},
    {{"inflate"}, "suite inflate needs --nodes FILE and --pods FILE"},
    {{"inflate", "--nodes", "n.csv"}, "suite inflate needs --nodes FILE and --pods FILE"},
    {{"inflate", "-o", "xml"}, "unknown output \"xml\" (table, json, csv)"},
    {{"inflate", "--jobs", "0"}, "--jobs is a whole number from 1"},
    {{"inflate", "--moves-per-100", "-1"}, "--moves-per-100 is a whole number from 0"},
    {{"inflate", "--node", "x"}, "unknown flag --node, did you mean --nodes?"},
    {{"mixed", "--nodes", "n.csv"}, "suite mixed has no --nodes: its cluster is its own"},
    {{"mig", "--pods", "p.csv"}, "suite mig has no --pods: its pods are its own"},
    {{"mixed", "--moves-per-100", "1"}, "suite mixed has no --moves-per-100"},
    {{"mig", "--mix-seed", "3"}, "--mix-seed is for --random-mixes N, and none are asked for"},
    {{"inflate", "--nodes", NODES, "--pods", PODS, "--mix-seed=1"},
     "suite inflate has no --mix-seed: that is for mig"},
    {{"scale"}, "suite scale needs --pods FILE, in the format of"},
    {{"mig", "--parts", "exact", "--svg", "x.svg"}, "--svg: the chart is of part churn or"},
    {{"mig", "--policies", "lp", "--parts", "churn"},
     "lp bounds part saturation, and nothing else"},
    {{"mig", "--product", "h200"}, "no MIG product is called \"h200\"; there are: a30-24gb"},
};

START_TEST(wrong_flags_are_named) {
  struct run run = run_command(cli_simulate, wrong[_i].arguments);
  assert_code(&run, EXIT_UNUSABLE);
  assert_contains(run.err, wrong[_i].err);
  ck_assert_str_eq(run.out, "");
  run_done(&run);
}
END_TEST

static const struct {
  const char *suite, *flag, *value, *err;
} wrong_values[] = {
    {"churn", "--ratio", "1.3", "suite churn has no --ratio"},
    {"churn", "--svg", "x.svg", "suite churn has no chart for --svg"},
    {"inflate", "--ratio", "0", "--ratio is a number from 0.01 to 100"},
    {"inflate", "--ratio", "-1.3", "--ratio is a number"},
    {"inflate", "--ratio", "1.-3", "--ratio is a number"},
    {"inflate", "--ratio", "1e3", "--ratio is a number"},
    {"inflate", "--ratio", "100.1", "--ratio is a number"},
    {"inflate", "--ratio", "", "--ratio is a number"},
    {"inflate", "--ratio", "1.", "--ratio is a number"},
    {"inflate", "--seeds", "1-", "--seeds is numbers and ranges"},
    {"inflate", "--seeds", "-1", "--seeds is numbers and ranges"},
    {"inflate", "--seeds", "5-3", "--seeds is numbers and ranges"},
    {"inflate", "--seeds", "", "--seeds is numbers and ranges"},
    {"inflate", "--seeds", "1,,2", "--seeds is numbers and ranges"},
    {"inflate", "--seeds", "1-3,2", "seed 2 is there twice"},
    {"inflate", "--seeds", "1-1001", "more than 1000 seeds"},
    {"inflate", "--seeds", "0-9223372036854775807", "more than 1000 seeds"},
    {"inflate", "--policies", "fgd,", "--policies is at most"},
    {"inflate", "--policies", "fgd,bestfit,fgd", "--policies: fgd is there twice"},
    {"inflate", "--products", "tests/golden/simulate/mig-products/products.json",
     "suite inflate has no --products: that is for mig"},
    {"inflate", "--policies", "fdg", "has no policy \"fdg\"; it knows: all slicegate random"},
    {"inflate", "--json", "/nowhere/x.json", "/nowhere/x.json"},
    {"inflate", "--json", "-", "\"-\" is no file to write; -o json"},
    {"inflate", "--csv", "-", "\"-\" is no file to write"},
    {"inflate", "--svg", "-", "\"-\" is no file to write"},
};

START_TEST(wrong_values_are_named) {
  struct run run =
      RUN(cli_simulate, wrong_values[_i].suite, "--nodes", NODES, "--pods", PODS, "--seeds", "1",
          "--policies", "firstfit", wrong_values[_i].flag, wrong_values[_i].value);
  assert_code(&run, EXIT_UNUSABLE);
  assert_contains(run.err, wrong_values[_i].err);
  run_done(&run);
}
END_TEST

START_TEST(seeds_are_numbers_and_ranges) {
  uint64_t seeds[SIM_SEEDS_MAX];
  ck_assert_uint_eq(simulate_parse_seeds("42-44,7,9223372036854775807", seeds, stderr), 5);
  ck_assert_uint_eq(seeds[0], 42);
  ck_assert_uint_eq(seeds[2], 44);
  ck_assert_uint_eq(seeds[3], 7);
  ck_assert_uint_eq(seeds[4], INT64_MAX);
  ck_assert_uint_eq(simulate_parse_seeds("1-1000", seeds, stderr), 1000);
}
END_TEST

START_TEST(ratios_are_decimal) {
  static const struct {
    const char *text;
    double value;
  } known[] = {{"1.3", 1.3}, {"1", 1}, {"0.05", 0.05}, {"100", 100}, {"1.300000", 1.3}};
  for (size_t i = 0; i < SG_ARRAY_LEN(known); i++) {
    double ratio = 0;
    ck_assert(simulate_parse_ratio(known[i].text, &ratio, stderr));
    ck_assert_double_eq_tol(ratio, known[i].value, 1e-12);
  }
}
END_TEST

/* ---- runs ----------------------------------------------------------------------------------- */

/* Two threads find what one finds. */
START_TEST(threads_change_nothing) {
  CLEANUP_BUF struct buf one;
  CLEANUP_BUF struct buf two;
  buf_init(&one, GOLDEN_TEXT_MAX);
  buf_init(&two, GOLDEN_TEXT_MAX);
  struct run run =
      RUN(cli_simulate, "inflate", "--nodes", NODES, "--pods", PODS, "--seeds", "1-4", "-o", "csv");
  assert_code(&run, EXIT_OK);
  keep_figures(run.out, &one);
  run_done(&run);
  run = RUN(cli_simulate, "inflate", "--nodes", NODES, "--pods", PODS, "--seeds", "1-4", "-o",
            "csv", "--jobs", "3");
  assert_code(&run, EXIT_OK);
  keep_figures(run.out, &two);
  run_done(&run);
  ck_assert_str_eq(one.ptr, two.ptr);
}
END_TEST

static struct str must_read(const char *path, struct buf *ret) {
  FILE *file = fopen(path, "rb");
  char chunk[4096];
  ck_assert_msg(file != NULL, "%s", path);
  buf_init(ret, GOLDEN_TEXT_MAX);
  for (size_t n; (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
    buf_append(ret, chunk, n);
  ck_assert_int_eq(fclose(file), 0);
  return buf_str(ret);
}

static const struct {
  const char *nodes, *pods, *ratio, *says;
} headers[] = {
    {"a,8000,16384,1,T4\n", "p,1000,1024,1,1000,\n", "1.3",
     "Suite inflate: 1 node with 1 GPU; a list of 1 pod (1 kind) that asks for 100.0 % of them; "
     "130 "
     "% requested in the end\nMeans of 1 seed\n"},
    {"a,8000,16384,2,T4\nb,8000,16384,0,\n", "p,1000,1024,1,1000,\nq,1000,1024,1,500,\n", "100",
     "Suite inflate: 2 nodes with 2 GPUs; a list of 2 pods (2 kinds) that asks for 75.0 % of them; "
     "10000 % requested in the end\n"},
};

START_TEST(what_is_simulated_is_said) {
  struct scratch scratch = scratch_new();
  CLEANUP_ARENA struct arena *arena = arena_new(0);
  char *nodes = scratch_write(
           &scratch, "nodes.csv",
           str_printf(arena, "sn,cpu_milli,memory_mib,gpu,model\n%s", headers[_i].nodes).ptr),
       *pods = scratch_write(&scratch, "pods.csv",
                             str_printf(arena,
                                        "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n%s",
                                        headers[_i].pods)
                                 .ptr);
  struct run run = RUN(cli_simulate, "inflate", "--nodes", nodes, "--pods", pods, "--policies",
                       "firstfit", "--seeds", "1", "--ratio", headers[_i].ratio);
  assert_code(&run, EXIT_OK);
  assert_contains(run.out, headers[_i].says);
  run_done(&run);
  free(nodes);
  free(pods);
  scratch_done(&scratch);
}
END_TEST

START_TEST(rivals_are_those_that_ran) {
  static const struct {
    const char *policies, *says;
  } known[] = {
      {"slicegate,mfi", " above mfi for each mix in the mean of 1 mix; least "},
      {"slicegate,mfi,bestfit", " above the best of bestfit, mfi for each mix in"},
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(known); i++) {
    struct run run = RUN(cli_simulate, "mig", "--gpus", "4", "--seeds", "1", "--parts",
                         "saturation", "--mix", "uniform", "--policies", known[i].policies);
    assert_code(&run, EXIT_OK);
    assert_contains(run.out, known[i].says);
    run_done(&run);
  }
}
END_TEST

/* A share is at most all: no axis goes on behind 100 %. Who is far below the others is an arrow,
 * and that is said. */
START_TEST(axes_of_shares_end_at_all) {
  struct scratch scratch = scratch_new();
  char *svg = scratch_write(&scratch, "a.svg", "");
  struct buf text;
  struct run run =
      RUN(cli_simulate, "mig", "--gpus", "100", "--seeds", "1-2", "--parts", "saturation", "--mix",
          "uniform", "--policies", "oracle,worstfit", "--svg", svg, "-o", "csv");
  assert_code(&run, EXIT_OK);
  (void)must_read(svg, &text);
  assert_contains(text.ptr, ">100</text>");
  assert_lacks(text.ptr, ">101</text>");
  assert_lacks(text.ptr, ">102</text>");
  assert_contains(text.ptr, "An arrow: less than 84 %, where the axis begins</text>");
  assert_contains(text.ptr, "when 100 % were asked for, %</title>");
  /* Who is no policy has no time. */
  assert_contains(run.out, "mig,worstfit,seconds,1,");
  assert_lacks(run.out, "mig,oracle,seconds,");
  buf_done(&text);
  run_done(&run);
  run = RUN(cli_simulate, "mig", "--gpus", "8,20", "--seeds", "1", "--parts", "saturation", "--mix",
            "uniform", "--policies", "firstfit", "--svg", svg);
  assert_code(&run, EXIT_OK);
  (void)must_read(svg, &text);
  assert_contains(text.ptr, "when 100 % were asked for, %, on 8 GPUs</title>");
  buf_done(&text);
  run_done(&run);
  free(svg);
  scratch_done(&scratch);
}
END_TEST

START_TEST(files_beside_the_table) {
  struct scratch scratch = scratch_new();
  char *json = scratch_write(&scratch, "a.json", ""), *csv = scratch_write(&scratch, "a.csv", ""),
       *svg = scratch_write(&scratch, "a.svg", "");
  struct run run = RUN(cli_simulate, "inflate", "--nodes", NODES, "--pods", PODS, "--seeds", "1-2",
                       "--policies", "slicegate,fgd", "--json", json, "--csv", csv, "--svg", svg);
  assert_code(&run, EXIT_OK);
  assert_contains(run.out, "Suite inflate: 14 nodes with 46 GPUs");
  struct buf text[3];
  ck_assert(str_starts_with(must_read(json, &text[0]), STR_LIT("{\n \"suite\": \"inflate\"")));
  ck_assert(str_starts_with(must_read(csv, &text[1]), STR_LIT("suite,policy,metric,seed,value\n")));
  ck_assert(str_starts_with(must_read(svg, &text[2]), STR_LIT("<svg ")));
  for (size_t i = 0; i < 3; i++)
    buf_done(&text[i]);
  run_done(&run);
  free(json);
  free(csv);
  free(svg);
  scratch_done(&scratch);
}
END_TEST

/* One node of 8 GPUs and pods of 16: none is offered, and there is nothing to draw. A file
 * that was not there is not there afterwards, and the table is. */
START_TEST(no_empty_files_are_left) {
  struct scratch scratch = scratch_new();
  char *svg = scratch_write(&scratch, "new.svg", "");
  char *nodes =
      scratch_write(&scratch, "nodes.csv", "sn,cpu_milli,memory_mib,gpu,model\na,64000,1024,8,A\n");
  char *pods = scratch_write(&scratch, "pods.csv",
                             "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np,1,1,16,1000\n");
  ck_assert_int_eq(remove(svg), 0);
  struct run run = RUN(cli_simulate, "inflate", "--nodes", nodes, "--pods", pods, "--seeds", "1",
                       "--policies", "fgd", "--svg", svg);
  assert_code(&run, EXIT_UNUSABLE);
  assert_contains(run.err, "these results have nothing to draw");
  assert_contains(run.out, "pods_never_offered 1");
  ck_assert_ptr_null(fopen(svg, "r"));
  run_done(&run);
  run = RUN(cli_simulate, "inflate", "--nodes", nodes, "--pods", pods, "--policies", "fdg", "--svg",
            svg);
  assert_code(&run, EXIT_UNUSABLE);
  ck_assert_ptr_null(fopen(svg, "r"));
  run_done(&run);
  free(svg);
  free(nodes);
  free(pods);
  scratch_done(&scratch);
}
END_TEST

/* What stands in a file stays until there is something to put there; nothing takes its place. */
START_TEST(files_are_written_in_place) {
  struct scratch scratch = scratch_new();
  char *good = scratch_write(&scratch, "good.svg", "a chart of before"),
       *twice = scratch_write(&scratch, "twice", "");
  struct buf text;
  struct run run = RUN(cli_simulate, "inflate", "--nodes", NODES, "--pods", PODS, "--seeds", "1",
                       "--policies", "fgd", "--ratio", "0.5", "--svg", good);
  assert_code(&run, EXIT_UNUSABLE);
  assert_contains(run.err, "--svg: the chart begins at 80 % requested: a ratio below 0.81 has");
  ck_assert(str_is(must_read(good, &text), "a chart of before"));
  buf_done(&text);
  run_done(&run);
  run = RUN(cli_simulate, "inflate", "--nodes", NODES, "--pods", PODS, "--seeds", "1", "--json",
            twice, "--csv", twice);
  assert_code(&run, EXIT_UNUSABLE);
  assert_contains(run.err, "is named for two outputs");
  run_done(&run);
  run = RUN(cli_simulate, "inflate", "--nodes", NODES, "--pods", PODS, "--json", PODS);
  assert_code(&run, EXIT_UNUSABLE);
  assert_contains(run.err, "is an input, and would be written over");
  run_done(&run);
  free(good);
  free(twice);
  scratch_done(&scratch);
}
END_TEST

TCase *tcase_simulate(void) {
  TCase *tcase = tcase_create("simulate");
  golden_list(&golden, "tests/golden/simulate");
  tcase_set_timeout(tcase, 120);
  tcase_add_test(tcase, there_are_cases);
  tcase_add_loop_test(tcase, golden_case, 0, golden.count);
  tcase_add_loop_test(tcase, wrong_flags_are_named, 0, SG_ARRAY_LEN(wrong));
  tcase_add_loop_test(tcase, wrong_values_are_named, 0, SG_ARRAY_LEN(wrong_values));
  tcase_add_test(tcase, seeds_are_numbers_and_ranges);
  tcase_add_test(tcase, ratios_are_decimal);
  tcase_add_test(tcase, threads_change_nothing);
  tcase_add_loop_test(tcase, what_is_simulated_is_said, 0, SG_ARRAY_LEN(headers));
  tcase_add_test(tcase, rivals_are_those_that_ran);
  tcase_add_test(tcase, axes_of_shares_end_at_all);
  tcase_add_test(tcase, files_beside_the_table);
  tcase_add_test(tcase, no_empty_files_are_left);
  tcase_add_test(tcase, files_are_written_in_place);
  return tcase;
}
