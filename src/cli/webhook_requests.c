/* SPDX-License-Identifier: Apache-2.0 */
/* matchConditions about the request: what it changes, and for whom. */
#include "src/cli/webhook_config.h"

/* ---- an update that changes nothing ---------------------------------------------------------- */

/* The labels that rules and overrides read, beside those of slicegate.dev/. */
static struct strings label_keys(const struct policy_view *view, struct arena *arena) {
  size_t room = view->params[P_LABELS].labels.count;
  for (size_t i = 0; i < view->override_count; i++) {
    const struct param_value *value = override_param(&view->overrides[i], P_LABELS);
    room += (value ? value->labels.count : 0) + view->overrides[i].match.object_label_count;
  }
  struct str *items = arena_array(arena, room + 2, sizeof(*items));
  struct strings list = {items, 0};
  names_add(&list, items, STR_LIT("slicegate.dev/*"));
  for (size_t i = 0; i < view->params[P_LABELS].labels.count; i++)
    names_add(&list, items, view->params[P_LABELS].labels.items[i].key);
  for (size_t o = 0; o < view->override_count; o++) {
    const struct param_value *value = override_param(&view->overrides[o], P_LABELS);
    for (size_t i = 0; value && i < value->labels.count; i++)
      names_add(&list, items, value->labels.items[i].key);
    for (size_t i = 0; i < view->overrides[o].match.object_label_count; i++)
      names_add(&list, items, view->overrides[o].match.object_labels[i].key);
  }
  /* Keys below slicegate.dev/ are covered by the first. */
  size_t kept = 1;
  for (size_t i = 1; i < list.count; i++) {
    if (!str_starts_with(items[i], STR_LIT("slicegate.dev/")))
      items[kept++] = items[i];
  }
  return (struct strings){items, kept};
}

/*
 * Controllers write status, finalizers, bookkeeping annotations and numbers of replicas all
 * day. None of that is judged, so none of it is sent: with the webhook gone and
 * failurePolicy Fail, workloads that run can go on, be scaled and come to their end.
 */
struct str condition_is_changed(const struct policy_view *view, struct arena *arena) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, CEL_EXPRESSION_MAX);
  struct strings keys = label_keys(view, arena);
  buf_append_cstr(&out, "request.operation != 'UPDATE' ||\n[[object, oldObject].map(o,\n");
  if (!cel_append_read_fields(&out, view))
    return (struct str){NULL, 0};
  buf_append_cstr(&out, ")].exists(both, both[0] != both[1]) ||\n"
                        "['labels', 'annotations'].exists(m,\n"
                        "[object, oldObject].exists(a, m in a.metadata && "
                        "type(a.metadata[m]) == map &&\n");
  cel_open_some(&out, "a.metadata[m]", "k", CEL_LIST_MAX);
  buf_append_char(&out, '(');
  cel_append_globs(&out, "k", &keys, GLOB_SUPERSET);
  buf_append_cstr(&out, ") &&\n![object, oldObject].all(b, m in b.metadata && "
                        "type(b.metadata[m]) == map &&\n"
                        "k in b.metadata[m] && b.metadata[m][k] == a.metadata[m][k])");
  cel_close_some(&out);
  buf_append_cstr(&out, "))");
  return cel_layout(arena, buf_str(&out));
}

/* ---- who is exempt --------------------------------------------------------------------------- */

/* Namespace patterns that no selector can say. Those it can say are in webhook_entries.c. */
static struct strings wild_namespaces(const struct policy_view *view, struct arena *arena) {
  const struct match *exempt = &view->exempt;
  size_t room = exempt->namespaces.count + exempt->pod_service_accounts.count;
  struct str *items = arena_array(arena, room + 1, sizeof(*items));
  struct strings list = {items, 0};
  for (size_t i = 0; i < exempt->namespaces.count; i++) {
    if (!glob_is_literal(exempt->namespaces.items[i]))
      names_add(&list, items, exempt->namespaces.items[i]);
  }
  /* Every account of a namespace: the namespace. */
  for (size_t i = 0; i < exempt->pod_service_accounts.count; i++) {
    struct str account = exempt->pod_service_accounts.items[i];
    size_t slash = str_find_char(account, '/');
    struct str ns = {account.ptr, slash};
    if (slash < account.len && str_is(str_skip(account, slash + 1), "*") && !glob_is_literal(ns))
      names_add(&list, items, ns);
  }
  return list;
}

struct str condition_is_not_exempt(const struct policy_view *view, struct arena *arena) {
  CLEANUP_BUF struct buf out;
  buf_init(&out, CEL_EXPRESSION_MAX);
  struct cel_parts a = {&out, 0};
  struct strings namespaces = wild_namespaces(view, arena);
  if (namespaces.count) {
    cel_next_part(&a);
    buf_append_cstr(&out, "has(request.namespace) && (");
    cel_append_globs(&out, "request.namespace", &namespaces, GLOB_EXACT);
    buf_append_char(&out, ')');
  }
  if (view->exempt.users.count) {
    cel_next_part(&a);
    buf_append_cstr(&out, "has(request.userInfo.username) && (");
    cel_append_globs(&out, "request.userInfo.username", &view->exempt.users, GLOB_EXACT);
    buf_append_char(&out, ')');
  }
  if (view->exempt.groups.count) {
    cel_next_part(&a);
    buf_append_cstr(&out, "has(request.userInfo.groups) && request.userInfo.groups.exists(g, ");
    cel_append_globs(&out, "g", &view->exempt.groups, GLOB_EXACT);
    buf_append_char(&out, ')');
  }
  if (a.count == 0)
    return (struct str){NULL, 0};
  return str_printf(arena, "!(%.*s)", STR_FMT(buf_str(&out)));
}
