/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an extender answers. Go's structs have no tags here: names are those of its fields, in
 * their order. Written by hand: a filter may name thousands of nodes.
 */
#include "json_text.h"
#include "slicegate/wire.h"

#include <inttypes.h>

static void write_texts(const struct str *texts, size_t count, struct buf *out) {
  buf_append_char(out, '[');
  for (size_t i = 0; i < count; i++) {
    if (i)
      wire_json_put(out, STR_LIT(","));
    wire_json_append_text(out, texts[i]);
  }
  buf_append_char(out, ']');
}

static void write_whole_nodes(const struct wire_filter_result *result, struct buf *out) {
  buf_append_cstr(out, "{\"metadata\":{},\"items\":[");
  for (size_t i = 0; i < result->node_count; i++) {
    if (i)
      wire_json_put(out, STR_LIT(","));
    buf_append_str(out, result->nodes[i]);
  }
  buf_append_cstr(out, "]}");
}

static void write_reasons(const struct wire_node_reason *reasons, size_t count, struct buf *out) {
  buf_append_char(out, '{');
  for (size_t i = 0; i < count; i++) {
    if (i)
      wire_json_put(out, STR_LIT(","));
    wire_json_append_text(out, reasons[i].node);
    wire_json_put(out, STR_LIT(":"));
    wire_json_append_text(out, reasons[i].reason);
  }
  buf_append_char(out, '}');
}

void wire_filter_result_write(const struct wire_filter_result *result, struct buf *out) {
  buf_append_cstr(out, "{\"Nodes\":");
  if (result->nodes)
    write_whole_nodes(result, out);
  else
    buf_append_cstr(out, "null");
  buf_append_cstr(out, ",\"NodeNames\":");
  if (result->nodes)
    buf_append_cstr(out, "null");
  else
    write_texts(result->node_names, result->node_count, out);
  buf_append_cstr(out, ",\"FailedNodes\":");
  write_reasons(result->failed, result->failed_count, out);
  buf_append_cstr(out, ",\"FailedAndUnresolvableNodes\":");
  write_reasons(result->unresolvable, result->unresolvable_count, out);
  buf_append_cstr(out, ",\"Error\":");
  wire_json_append_text(out, result->error);
  buf_append_char(out, '}');
}

void wire_host_scores_write(const struct wire_host_score *scores, size_t count, struct buf *out) {
  buf_append_char(out, '[');
  for (size_t i = 0; i < count; i++) {
    buf_append_cstr(out, i ? ",{\"Host\":" : "{\"Host\":");
    wire_json_append_text(out, scores[i].host);
    buf_printf(out, ",\"Score\":%" PRId64 "}", scores[i].score);
  }
  buf_append_char(out, ']');
}

void wire_binding_result_write(struct str error, struct buf *out) {
  buf_append_cstr(out, "{\"Error\":");
  wire_json_append_text(out, error);
  buf_append_char(out, '}');
}

static void write_victims(const struct wire_victims *victims, struct buf *out) {
  wire_json_append_text(out, victims->node);
  buf_append_cstr(out, ":{\"Pods\":[");
  for (size_t i = 0; i < victims->uid_count; i++) {
    buf_append_cstr(out, i ? ",{\"UID\":" : "{\"UID\":");
    wire_json_append_text(out, victims->uids[i]);
    buf_append_char(out, '}');
  }
  buf_printf(out, "],\"NumPDBViolations\":%" PRId64 "}", victims->pdb_violations);
}

void wire_preemption_result_write(const struct wire_victims *nodes, size_t count, struct buf *out) {
  buf_append_cstr(out, "{\"NodeNameToMetaVictims\":{");
  for (size_t i = 0; i < count; i++) {
    if (i)
      wire_json_put(out, STR_LIT(","));
    write_victims(&nodes[i], out);
  }
  buf_append_cstr(out, "}}");
}
