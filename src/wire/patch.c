/* SPDX-License-Identifier: Apache-2.0 */
/* struct patch -> JSONPatch (RFC 6902) on a Pod. */
#include "wire_internal.h"

#include "json_write.h"

struct patch_writer {
  struct arena *arena;
  json_t *operations;
  const struct doc_node *pod;
  /* Parents that this patch itself has made. */
  bool has_tolerations, has_metadata, has_labels;
};

/* One step of a JSON pointer (RFC 6901): "~" is "~0", "/" is "~1". */
static void append_step(struct buf *out, struct str step) {
  buf_append_char(out, '/');
  for (size_t i = 0; i < step.len; i++) {
    if (step.ptr[i] == '~')
      buf_append_cstr(out, "~0");
    else if (step.ptr[i] == '/')
      buf_append_cstr(out, "~1");
    else
      buf_append_char(out, step.ptr[i]);
  }
}

static void add_operation(struct patch_writer *w, const char *op, struct str path, json_t *value) {
  json_t *operation = json_object();
  json_object_set_new(operation, "op", json_string(op));
  json_object_set_new(operation, "path", wire_json_text(path));
  if (value)
    json_object_set_new(operation, "value", value);
  json_array_append_new(w->operations, operation);
}

static json_t *toleration_json(const struct toleration *toleration) {
  static const char *const effects[] = {NULL, "NoSchedule", "PreferNoSchedule", "NoExecute"};
  json_t *value = json_object();
  if (toleration->key.len)
    json_object_set_new(value, "key", wire_json_text(toleration->key));
  json_object_set_new(value, "operator", json_string(toleration->is_exists ? "Exists" : "Equal"));
  if (!toleration->is_exists)
    json_object_set_new(value, "value", wire_json_text(toleration->value));
  if (effects[toleration->effect])
    json_object_set_new(value, "effect", json_string(effects[toleration->effect]));
  return value;
}

static bool is_present(const struct doc_node *node) {
  return node && node->kind != DOC_NULL;
}

static void add_toleration(struct patch_writer *w, const struct toleration *toleration) {
  if (w->has_tolerations) {
    add_operation(w, "add", STR_LIT("/spec/tolerations/-"), toleration_json(toleration));
    return;
  }
  json_t *list = json_array();
  json_array_append_new(list, toleration_json(toleration));
  add_operation(w, "add", STR_LIT("/spec/tolerations"), list);
  w->has_tolerations = true;
}

static void add_label(struct patch_writer *w, const struct key_value *label) {
  if (!w->has_metadata)
    add_operation(w, "add", STR_LIT("/metadata"), json_object());
  if (!w->has_labels)
    add_operation(w, "add", STR_LIT("/metadata/labels"), json_object());
  w->has_metadata = true;
  w->has_labels = true;
  CLEANUP_BUF struct buf path;
  buf_init(&path, 1024);
  buf_append_cstr(&path, "/metadata/labels");
  append_step(&path, label->key);
  add_operation(w, "add", buf_str(&path), wire_json_text(label->value));
}

static void replace_resource(struct patch_writer *w, const struct patch *patch) {
  static const char *const lists[] = {"limits", "requests"};
  bool is_init =
      patch->container->role == CONTAINER_INIT || patch->container->role == CONTAINER_SIDECAR;
  const struct resource_amount *have[] = {
      amount_find(patch->container->limits, patch->container->limit_count, patch->from),
      amount_find(patch->container->requests, patch->container->request_count, patch->from)};
  for (size_t i = 0; i < SG_ARRAY_LEN(lists); i++) {
    if (!have[i])
      continue;
    CLEANUP_BUF struct buf path;
    buf_init(&path, 1024);
    buf_printf(&path, "/spec/%s/%u/resources/%s", is_init ? "initContainers" : "containers",
               patch->container->index, lists[i]);
    size_t parent_len = path.len;
    append_step(&path, patch->from);
    add_operation(w, "remove", buf_str(&path), NULL);
    path.len = parent_len;
    append_step(&path, patch->to);
    struct str count = str_printf(w->arena, "%lld", (long long)patch->count);
    add_operation(w, "add", buf_str(&path), wire_json_text(count));
  }
}

struct str wire_patch_encode(struct arena *arena, const struct doc_node *pod,
                             const struct patch *patches, size_t count) {
  if (count == 0)
    return (struct str){NULL, 0};
  const struct doc_node *metadata = doc_get_lit(pod, "metadata");
  const struct doc_node *tolerations = doc_get_lit(doc_get_lit(pod, "spec"), "tolerations");
  struct patch_writer w = {.arena = arena,
                           .operations = json_array(),
                           .pod = pod,
                           .has_tolerations = is_present(tolerations),
                           .has_metadata = is_present(metadata),
                           .has_labels = is_present(doc_get_lit(metadata, "labels"))};
  for (size_t i = 0; i < count; i++) {
    switch (patches[i].kind) {
    case PATCH_ADD_TOLERATION:
      add_toleration(&w, &patches[i].toleration);
      break;
    case PATCH_SET_DEADLINE:
      add_operation(&w, "add", STR_LIT("/spec/activeDeadlineSeconds"),
                    json_integer(patches[i].deadline_seconds));
      break;
    case PATCH_ADD_LABEL:
      add_label(&w, &patches[i].label);
      break;
    case PATCH_RESOURCE:
      replace_resource(&w, &patches[i]);
      break;
    }
  }
  CLEANUP_BUF struct buf text;
  buf_init(&text, SIZE_MAX / 2);
  wire_json_write(w.operations, &text);
  json_decref(w.operations);
  return str_copy(arena, buf_str(&text));
}
