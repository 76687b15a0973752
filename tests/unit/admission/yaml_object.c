/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/admission/yaml_object.h"

#include "slicegate/wire.h"

#include <check.h>

void given_yaml(struct builder *b, const char *yaml) {
  struct doc_stream stream;
  struct err err;
  const struct workload_kind *row;
  /* The tree and the object are views into the text. */
  struct str text = str_copy(b->arena, str_of(yaml));
  if (!doc_parse_yaml(b->arena, text, &doc_limits_review, &stream, &err))
    ck_abort_msg("%u:%u: %s\n%s", err.line, err.column, err.text, yaml);
  ck_assert_uint_eq(stream.count, 1);
  if (!wire_workload_decode(b->arena, stream.documents[0], builder_view(b), &b->object, &row, &err))
    ck_abort_msg("%s\n%s", err.text, yaml);
  ck_assert_msg(row != NULL, "the kind is not in the table:\n%s", yaml);
}

void given_pod_spec(struct builder *b, const char *spec) {
  CLEANUP_BUF struct buf yaml;
  buf_init(&yaml, 1 << 16);
  buf_append_cstr(&yaml, "apiVersion: v1\nkind: Pod\nmetadata: {name: train}\nspec:\n  ");
  for (const char *c = spec; *c; c++) {
    buf_append_char(&yaml, *c);
    if (*c == '\n' && c[1])
      buf_append_cstr(&yaml, "  ");
  }
  given_yaml(b, yaml.ptr);
}
