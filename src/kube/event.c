/* SPDX-License-Identifier: Apache-2.0 */
/* Events, as events.k8s.io/v1 takes them. */
#include "kube_internal.h"

enum { NOTE_MAX_BYTES = 1024, WORD_MAX_BYTES = 128, NAME_MAX_BYTES = 253, SUFFIX_BYTES = 17 };

void put_micro_time(struct buf *out, int64_t us) {
  CLEANUP_ARENA struct arena *arena = arena_new(256);
  us = us < 0 ? 0 : us;
  struct str seconds = rfc3339_text(arena, us / 1000000);
  seconds.len--; /* the Z */
  buf_printf(out, "\"%.*s.%06dZ\"", STR_FMT(seconds), (int)(us % 1000000));
}

/* At most `max` bytes, not ending within a character. */
static struct str cut(struct str text, size_t max) {
  if (text.len <= max)
    return text;
  while (max > 0 && ((unsigned char)text.ptr[max] & 0xc0) == 0x80)
    max--;
  return (struct str){text.ptr, max};
}

/*
 * The object's name and the time, as the events of client-go are called. Events are about what
 * their time and their object say; two of one microsecond are one.
 */
static void put_name(struct buf *body, const struct kube_event *event) {
  char name[NAME_MAX_BYTES + 1];
  struct str object = cut(event->name, NAME_MAX_BYTES - SUFFIX_BYTES);
  CLEANUP_BUF struct buf text;
  buf_init(&text, sizeof(name) - 1);
  buf_printf(&text, "%.*s.%llx", STR_FMT(object), (unsigned long long)event->when_us);
  buf_append_cstr(body, "\"metadata\":{\"name\":");
  kube_json_string(body, buf_str(&text));
}

static void put_regarding(struct buf *body, const struct kube_event *event) {
  const struct kube_kind *kind = event->regarding;
  buf_append_cstr(body, ",\"regarding\":{\"kind\":");
  kube_json_string(body, str_of(kind->kind));
  buf_printf(body, ",\"apiVersion\":\"%s%s%s\"", kind->group, *kind->group ? "/" : "",
             kind->version);
  if (kind->is_namespaced)
    put_member(body, "namespace", event->namespace);
  put_member(body, "name", event->name);
  if (event->uid.len > 0)
    put_member(body, "uid", event->uid);
  if (event->resource_version.len > 0)
    put_member(body, "resourceVersion", event->resource_version);
  buf_append_char(body, '}');
}

bool kube_post_event(struct kube_client *client, const struct kube_event *event,
                     const struct kube_stop *stop, struct kube_response *ret, struct err *reterr) {
  CLEANUP_BUF struct buf path, body;
  buf_init(&path, 4 << 10);
  buf_init(&body, 64 << 10);
  *ret = (struct kube_response){.retry_after_ms = -1};
  struct str namespace = event->regarding->is_namespaced ? event->namespace : STR_LIT("default");
  if (event->name.len == 0 || event->reason.len == 0 || event->action.len == 0 ||
      event->reporting_component.len == 0 || event->reporting_instance.len == 0)
    return err_set(reterr, ERR_INVALID,
                   "an event needs an object, a reason, an action, and who reports it");
  if (namespace.len == 0)
    return err_set(reterr, ERR_INVALID, "the event's object has no namespace");
  if (!kube_path(&kube_events, namespace, (struct str){0}, NULL, &path, reterr))
    return false;
  buf_append_cstr(&body, "{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",");
  put_name(&body, event);
  put_member(&body, "namespace", namespace);
  buf_append_cstr(&body, "},\"eventTime\":");
  put_micro_time(&body, event->when_us);
  put_member(&body, "reportingController", event->reporting_component);
  put_member(&body, "reportingInstance", cut(event->reporting_instance, WORD_MAX_BYTES));
  put_member(&body, "action", cut(event->action, WORD_MAX_BYTES));
  put_member(&body, "reason", cut(event->reason, WORD_MAX_BYTES));
  put_member(&body, "note", cut(event->note, NOTE_MAX_BYTES));
  put_member(&body, "type", event->is_warning ? STR_LIT("Warning") : STR_LIT("Normal"));
  put_regarding(&body, event);
  buf_append_char(&body, '}');
  const struct kube_request request = {.method = KUBE_POST, .stop = stop};
  return write_call(client, &request, &path, &body, ret, reterr);
}
