/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods that no cluster would take as they are written: the API server refuses them, or nothing
 * says how many there are. An answer about them would be about something else.
 */
#include "src/cli/what_if.h"

/* ---- where, and what stands there -------------------------------------------------------- */

struct check {
  struct arena *arena;
  const struct doc_node *object;
  const struct pod_template *tmpl;
  struct err *err;
};

/* What somebody wrote, in one line of a terminal. */
struct str what_if_shown(struct arena *arena, struct str text) {
  enum { SHOWN_MAX = 63 };
  return str_printable(arena, text, SHOWN_MAX);
}

/* "spec.replicas: ..." at the field's value. */
static bool refuse(const struct check *c, struct str field, const char *fmt, ...) SG_PRINTF(3, 4);

static bool refuse(const struct check *c, struct str field, const char *fmt, ...) {
  CLEANUP_BUF struct buf text;
  buf_init(&text, sizeof(c->err->text));
  va_list args;
  va_start(args, fmt);
  buf_vprintf(&text, fmt, args);
  va_end(args);
  uint32_t line, column;
  bool is_found;
  doc_locate(c->object, field, &line, &column, &is_found);
  const struct doc_node *value = doc_follow(c->object, field);
  return err_set_at(c->err, ERR_INVALID, value ? value->line : line, value ? value->column : column,
                    "%.*s: %.*s", STR_FMT(what_if_shown(c->arena, field)), STR_FMT(buf_str(&text)));
}

/* ---- amounts ------------------------------------------------------------------------------ */

/* Resources that are Kubernetes' own: everything else is somebody's device. */
static bool is_native(struct str name) {
  static const char domain[] = "kubernetes.io/";
  return str_find_char(name, '/') == name.len ||
         memmem(name.ptr, name.len, domain, strlen(domain)) != NULL;
}

static bool check_amount(const struct check *c, struct str field,
                         const struct resource_amount *amount) {
  bool is_whole = !is_native(amount->name) || resource_is_huge_pages(amount->name);
  const char *expected =
      is_whole ? "a whole number such as 1" : "a quantity such as 500m, 4 or 64Gi";
  struct str text = what_if_shown(c->arena, amount->text);
  if (!amount->is_valid)
    return refuse(c, field, "\"%.*s\" is no quantity; write %s", STR_FMT(text), expected);
  if (qty_is_negative(amount->amount))
    return refuse(c, field, "%.*s is negative; write %s", STR_FMT(text), expected);
  if (is_whole && !qty_is_whole(amount->amount))
    return refuse(c, field, "%.*s is no whole number, and there are no parts of %.*s",
                  STR_FMT(text), STR_FMT(what_if_shown(c->arena, amount->name)));
  return true;
}

static struct str field_of(const struct check *c, struct str base, const char *list,
                           struct str name) {
  return str_printf(c->arena, "%.*s%s%s[%.*s]", STR_FMT(base), base.len ? "." : "", list,
                    STR_FMT(name));
}

static bool check_amounts(const struct check *c, struct str base, const char *list,
                          const struct resource_amount *amounts, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!check_amount(c, field_of(c, base, list, amounts[i].name), &amounts[i]))
      return false;
  return true;
}

/* Devices and huge pages cannot be overcommitted: a limit is needed, and is the request. */
static bool check_request(const struct check *c, struct str base, const struct container *container,
                          const struct resource_amount *request) {
  bool is_firm = !is_native(request->name) || resource_is_huge_pages(request->name);
  const struct resource_amount *limit =
      amount_find(container->limits, container->limit_count, request->name);
  struct str field = field_of(c, base, "requests", request->name);
  struct str name = what_if_shown(c->arena, request->name),
             asked = qty_text(c->arena, request->amount);
  if (!limit)
    return !is_firm || refuse(c, field,
                              "requested without a limit, which Kubernetes refuses; write %.*s: "
                              "%.*s in limits (the request may be left out)",
                              STR_FMT(name), STR_FMT(asked));
  int order = qty_cmp(request->amount, limit->amount);
  struct str most = qty_text(c->arena, limit->amount);
  if (is_firm && order != 0)
    return refuse(c, field,
                  "a request of %.*s and a limit of %.*s, which Kubernetes refuses; write the same "
                  "number in both, or only the limit",
                  STR_FMT(asked), STR_FMT(most));
  if (order > 0)
    return refuse(c, field,
                  "a request of %.*s above the limit of %.*s, which Kubernetes refuses; raise the "
                  "limit, or request less",
                  STR_FMT(asked), STR_FMT(most));
  return true;
}

static bool check_container(const struct check *c, const struct container *container) {
  struct str path = container_path(c->arena, c->tmpl, container);
  struct str base = c->tmpl->form == FORM_RESOURCES
                        ? path
                        : str_printf(c->arena, "%.*s.resources", STR_FMT(path));
  if (!check_amounts(c, base, "limits", container->limits, container->limit_count) ||
      !check_amounts(c, base, "requests", container->requests, container->request_count))
    return false;
  for (size_t i = 0; i < container->request_count; i++)
    if (!check_request(c, base, container, &container->requests[i]))
      return false;
  return true;
}

static bool check_pod(const struct check *c) {
  const struct pod_spec *spec = &c->tmpl->spec;
  if (spec->container_count == 0 && c->tmpl->form == FORM_TEMPLATE)
    return refuse(c, str_printf(c->arena, "%.*s.containers", STR_FMT(c->tmpl->spec_path)),
                  "no containers, which Kubernetes refuses");
  struct str own = str_printf(c->arena, "%.*s.resources", STR_FMT(c->tmpl->spec_path));
  for (size_t i = 0; i < spec->container_count; i++)
    if (!check_container(c, &spec->containers[i]))
      return false;
  return check_amounts(c, own, "limits", spec->pod_limits, spec->pod_limit_count) &&
         check_amounts(c, own, "requests", spec->pod_requests, spec->pod_request_count) &&
         check_amounts(c, c->tmpl->spec_path, "overhead", spec->overhead, spec->overhead_count);
}

/* ---- counts ------------------------------------------------------------------------------- */

static struct str count_text(const struct check *c, const struct doc_node *node) {
  if (doc_is(node, DOC_STRING))
    return str_printf(c->arena, "\"%.*s\"", STR_FMT(what_if_shown(c->arena, doc_text(node))));
  if (doc_is(node, DOC_NUMBER))
    return what_if_shown(c->arena, node->text);
  return str_of(doc_kind_name(node));
}

static bool check_count(const struct check *c) {
  struct str field = c->tmpl->wrong_count;
  return field.len == 0 ||
         refuse(c, field, "%.*s is no count of pods; write a whole number from 0, without quotes",
                STR_FMT(count_text(c, doc_follow(c->object, field))));
}

bool what_if_check(struct arena *arena, const struct doc_node *object,
                   const struct pod_template *tmpl, struct err *reterr) {
  const struct check c = {arena, object, tmpl, reterr};
  return check_count(&c) && check_pod(&c);
}
