/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of a cluster and tables are read and dropped by other threads while their owner goes on
 * changing his. For ThreadSanitizer. */
#include "slicegate/packing.h"
#include "tests/support/check_main.h"
#include "tests/support/packing_lab.h"

#include <pthread.h>

TCase *tcase_threads(void);

enum { READERS = 3, SNAPSHOTS = 60, NODES = 20 };

struct reader {
  pthread_t thread;
  struct pack_cluster *copies[SNAPSHOTS]; /* its own from the start */
  struct pack_tables_ref *tables[SNAPSHOTS];
  const struct pack_node *kept[SNAPSHOTS];
  struct pack_request request;
  size_t fits;
};

static void *read_and_drop(void *argument) {
  struct reader *reader = argument;
  for (size_t i = 0; i < SNAPSHOTS; i++) {
    struct pack_cluster *copy = reader->copies[i];
    const struct pack_catalog *catalog = pack_cluster_catalog(copy);
    struct pack_scorer *scorer = pack_scorer_new(pack_policy_find(STR_LIT("bestfit")), catalog, 1);
    struct pack_choice choice;
    pack_scorer_set_tables(scorer, reader->tables[i]);
    pack_tables_unref(reader->tables[i]);
    for (size_t n = 0; n < pack_cluster_count(copy); n++)
      reader->fits += pack_fit(catalog, pack_cluster_node(copy, n), &reader->request) == PACK_FITS;
    /* A copy may be changed as well: it is another cluster. */
    if (pack_choose(scorer, copy, &reader->request, &choice, 1))
      (void)!pack_commit(copy, UINT64_MAX - 1, &reader->request, &choice.placement);
    pack_scorer_free(scorer);
    pack_cluster_free(copy);
    pack_node_unref(reader->kept[i]);
  }
  return NULL;
}

START_TEST(copies_are_dropped_elsewhere) {
  CLEANUP_LAB struct lab lab;
  lab_init(&lab, random_seed());
  lab_add_nodes(&lab, LAB_UNCOUNTED, NODES);
  static struct reader readers[READERS];
  struct pack_tables_ref *tables = lab_tables(&lab);
  for (size_t r = 0; r < READERS; r++) {
    readers[r].fits = 0;
    readers[r].request = lab_request(&lab);
    for (size_t i = 0; i < SNAPSHOTS; i++) {
      readers[r].copies[i] = pack_cluster_copy(lab.cluster);
      readers[r].tables[i] = pack_tables_ref(tables);
      readers[r].kept[i] = pack_node_ref(pack_cluster_node(lab.cluster, i % NODES));
    }
    ck_assert_int_eq(pthread_create(&readers[r].thread, NULL, read_and_drop, &readers[r]), 0);
  }
  struct pack_scorer *scorer =
      pack_scorer_new(pack_policy_find(STR_LIT("slicegate")), lab.catalog, 1);
  pack_scorer_set_tables(scorer, tables);
  pack_tables_unref(tables);
  for (int i = 0; i < 2000; i++) {
    struct pack_request request = lab_request(&lab);
    if (!lab_place(&lab, scorer, &request))
      lab_release(&lab);
  }
  for (size_t r = 0; r < READERS; r++)
    ck_assert_int_eq(pthread_join(readers[r].thread, NULL), 0);
  /* All looked at the same state, whatever happened to the owner's meanwhile. */
  for (size_t r = 0; r < READERS; r++)
    ck_assert_uint_eq(readers[r].fits % SNAPSHOTS, 0);
  pack_scorer_free(scorer);
}
END_TEST

TCase *tcase_threads(void) {
  TCase *tc = tcase_create("threads");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, copies_are_dropped_elsewhere);
  return tc;
}
