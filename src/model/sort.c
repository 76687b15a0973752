/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which a cluster lists what it has. */
#include "slicegate/model.h"

#include <stdlib.h>

static int compare_nodes(const void *a, const void *b) {
  return str_cmp(((const struct node *)a)->name, ((const struct node *)b)->name);
}

static int compare_namespaces(const void *a, const void *b) {
  return str_cmp(((const struct k8s_namespace *)a)->name, ((const struct k8s_namespace *)b)->name);
}

static int compare_pods(const void *a, const void *b) {
  const struct pod *x = a, *y = b;
  int order = str_cmp(x->constraints.node_name, y->constraints.node_name);
  order = order ? order : str_cmp(x->ns, y->ns);
  return order ? order : str_cmp(x->name, y->name);
}

void nodes_sort(struct node *nodes, size_t count) {
  if (count)
    qsort(nodes, count, sizeof(*nodes), compare_nodes);
}

void namespaces_sort(struct k8s_namespace *namespaces, size_t count) {
  if (count)
    qsort(namespaces, count, sizeof(*namespaces), compare_namespaces);
}

void pods_sort(struct pod *pods, size_t count) {
  if (count)
    qsort(pods, count, sizeof(*pods), compare_pods);
}
