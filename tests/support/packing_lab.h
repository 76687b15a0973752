/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random clusters, requests and tables for tests of packing: small, so that searches by hand
 * stay possible, and of everything there is: all modes, geometries of several axes, one with
 * windows that overlap, counting nodes, traits, limits.
 */
#ifndef SLICEGATE_TESTS_PACKING_LAB_H
#define SLICEGATE_TESTS_PACKING_LAB_H

#include "slicegate/packing.h"
#include "tests/support/random.h"

enum {
  LAB_T4, /* plain */
  LAB_L4, /* plain */
  LAB_H100,
  LAB_A100_40, /* its 1g.10gb is two slices, the H100's one */
  LAB_A30,
  LAB_RTX6000, /* an axis of 12 */
  LAB_ODD,     /* windows of one profile overlap */
  LAB_PRODUCTS
};

struct lab {
  struct random random;
  struct pack_catalog *catalog;
  struct pack_cluster *cluster;
  uint64_t uid; /* of the last pod */
};

/* An empty cluster; its catalog has the products above. */
void lab_init(struct lab *lab, uint64_t seed);
void lab_done(struct lab *lab);
#define CLEANUP_LAB SG_CLEANUP(lab_done)
/* What the catalog made its tables of; NULL: a plain one. */
const struct gpu_product *lab_product(uint8_t product);

/* A node as it might be specified; with room for what it points to. */
struct lab_node {
  char name[16];
  struct pack_node_spec spec;
  struct pack_device devices[PACK_DEVICES_MAX];
  struct pack_counter counters[16];
};
enum lab_nodes { LAB_ANY, LAB_UNCOUNTED };
void lab_make_node(struct lab *lab, enum lab_nodes which, struct lab_node *ret);
/* Aborts when it is refused. */
void lab_set_node(struct pack_cluster *cluster, const struct lab_node *node);
/* Adds `count` random nodes with names of their own ("n0" ... "n999"). */
void lab_add_nodes(struct lab *lab, enum lab_nodes which, size_t count);

/* Of a small choice, so that equal ones come again. */
struct pack_request lab_request(struct lab *lab);

/* Tables such as pricing makes, of random figures. The caller's to unref. */
struct pack_tables_ref *lab_tables(struct lab *lab);

/* Puts a random pod where `scorer` says; false: there is no room for it. */
bool lab_place(struct lab *lab, struct pack_scorer *scorer, const struct pack_request *request);
/* Releases a random pod of a random node, if it has any. */
void lab_release(struct lab *lab);

#endif
