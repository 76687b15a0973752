/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf from below: fields, and messages of a stream. */
#include "src/kube/protobuf.h"
#include "tests/unit/kube/fixture.h"
#include "tests/unit/kube/proto_build.h"

TCase *tcase_protobuf(void);

#define BYTES(text) ((struct str){"" text, sizeof(text) - 1})

/* ---- fields ------------------------------------------------------------------------------ */

START_TEST(takes_fields_of_every_type) {
  struct proto_field field;
  struct str rest = PB(pb_number(1, 300), pb_number(2, -1), pb_text(3, "abc"), pb_text(4, ""),
                       BYTES("\x29"
                             "12345678"), /* 5, in eight bytes */
                       BYTES("\x35"
                             "1234"), /* 6, in four */
                       pb_number((1 << 29) - 1, INT64_MIN));
  ck_assert_int_eq(proto_next(&rest, false, &field), PROTO_FIELD);
  ck_assert(field.number == 1 && field.is_varint && !field.is_bytes && field.value == 300);
  ck_assert_int_eq(proto_next(&rest, false, &field), PROTO_FIELD);
  ck_assert(field.number == 2 && field.is_varint && field.value == UINT64_MAX);
  ck_assert_int_eq(proto_next(&rest, false, &field), PROTO_FIELD);
  ck_assert(field.number == 3 && field.is_bytes && !field.is_varint);
  ck_assert(str_is(field.bytes, "abc"));
  ck_assert_int_eq(proto_next(&rest, false, &field), PROTO_FIELD);
  ck_assert(field.number == 4 && field.is_bytes && field.bytes.len == 0);
  for (uint32_t number = 5; number <= 6; number++) {
    ck_assert_int_eq(proto_next(&rest, false, &field), PROTO_FIELD);
    ck_assert(field.number == number && !field.is_bytes && !field.is_varint && field.value == 0);
  }
  ck_assert_int_eq(proto_next(&rest, false, &field), PROTO_FIELD);
  ck_assert(field.number == (1 << 29) - 1 && (int64_t)field.value == INT64_MIN);
  ck_assert_int_eq(proto_next(&rest, false, &field), PROTO_END);
}
END_TEST

START_TEST(takes_varints_up_to_64_bits) {
  static const struct {
    struct str bytes; /* behind the tag */
    bool ok;
    uint64_t value;
  } rows[] = {
      {{"\0", 1}, true, 0},
      {{"\x7f", 1}, true, 127},
      {{"\x80\x01", 2}, true, 128},
      {{"\x80\0", 2}, true, 0}, /* longer than need be */
      {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10}, true, UINT64_MAX},
      {{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10}, true, (uint64_t)1 << 63},
      {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10}, false, 0}, /* bit 64 */
      {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\0", 11}, false, 0},
      {{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0", 11}, false, 0},
      {{"\x80", 1}, false, 0},
      {{"", 0}, false, 0},
      {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9}, false, 0},
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    struct str rest = PB(BYTES("\x08"), rows[i].bytes);
    struct proto_field field;
    enum proto_step step = proto_next(&rest, false, &field);
    ck_assert_msg(step == (rows[i].ok ? PROTO_FIELD : PROTO_BAD), "row %zu", i);
    if (rows[i].ok)
      ck_assert_msg(field.value == rows[i].value && rest.len == 0, "row %zu", i);
  }
}
END_TEST

START_TEST(refuses_what_is_no_field) {
  const struct str rows[] = {
      pb_tag(0, 0),           /* number 0 */
      PB(pb_tag(1 << 29, 0)), /* too high a number */
      BYTES("\x80"),          /* half a tag */
      PB(pb_tag(1, 3)),       /* groups */
      PB(pb_tag(1, 4)),       /* their end */
      PB(pb_tag(1, 6)),       /* no such type */
      PB(pb_tag(1, 7)),       /* nor this */
      PB(pb_tag(1, 1), BYTES("1234567")),
      PB(pb_tag(1, 5), BYTES("123")),
      PB(pb_tag(1, 2)),
      PB(pb_tag(1, 2), BYTES("\x80")),
      PB(pb_tag(1, 2), pb_varint(4), BYTES("abc")),
      PB(pb_tag(1, 2), pb_varint(UINT64_MAX), BYTES("abc")),
  };
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    struct str rest = PB(rows[i], i < 2 ? BYTES("\0") : BYTES(""));
    struct proto_field field;
    ck_assert_msg(proto_next(&rest, false, &field) == PROTO_BAD, "row %zu", i);
  }
}
END_TEST

START_TEST(ends_what_is_cut_at_the_end) {
  static const uint64_t lengths[] = {4, 1000, UINT64_MAX};
  for (size_t i = 0; i < SG_ARRAY_LEN(lengths); i++) {
    struct str rest = PB(pb_tag(1, 2), pb_varint(lengths[i]), BYTES("abc"));
    struct proto_field field;
    ck_assert_int_eq(proto_next(&rest, true, &field), PROTO_FIELD);
    ck_assert(str_is(field.bytes, "abc"));
    ck_assert_int_eq(proto_next(&rest, true, &field), PROTO_END);
  }
  /* Not numbers: what is there of them says nothing. */
  const struct str rows[] = {PB(pb_tag(1, 0), BYTES("\x80")), PB(pb_tag(1, 5), BYTES("123")),
                             PB(pb_tag(1, 1), BYTES("123")), PB(pb_tag(1, 2), BYTES("\x80"))};
  for (size_t i = 0; i < SG_ARRAY_LEN(rows); i++) {
    struct str rest = rows[i];
    struct proto_field field;
    ck_assert_msg(proto_next(&rest, true, &field) == PROTO_BAD, "row %zu", i);
  }
}
END_TEST

/* ---- frames ------------------------------------------------------------------------------ */

struct heard {
  struct buf text;
  const char *from, *to; /* what is fed */
  int direct;
  int refuse_at; /* the n-th; 0: none */
  int count;
};

static bool hear(void *ctx, struct str frame, bool is_cut, struct err *reterr) {
  struct heard *heard = ctx;
  buf_printf(&heard->text, "<%.*s%s>", STR_FMT(frame), is_cut ? "~" : "");
  heard->direct += frame.len > 0 && frame.ptr >= heard->from && frame.ptr < heard->to;
  if (++heard->count == heard->refuse_at)
    return err_set(reterr, ERR_INVALID, "refused");
  return true;
}

enum { FRAME_MAX_BYTES = 8 };

static struct str some_frames(void) {
  return PB(pb_frame(BYTES("abc")), pb_frame(BYTES("")), pb_frame(BYTES("12345678")),
            pb_frame(BYTES("123456789")), pb_frame(BYTES("d")), pb_frame(BYTES("")),
            pb_frame(BYTES("twenty bytes in all.")), pb_frame(BYTES("e")));
}

static const char some_heard[] = "<abc><><12345678><12345678~><d><><twenty b~><e>";

static void check_parted(struct str text, size_t first, size_t second) {
  struct frames frames;
  struct err err;
  struct heard heard = {.from = text.ptr, .to = text.ptr + text.len};
  buf_init(&heard.text, 4096);
  frames_init(&frames, FRAME_MAX_BYTES);
  ck_assert(frames_feed(&frames, (struct str){text.ptr, first}, hear, &heard, &err));
  ck_assert(
      frames_feed(&frames, (struct str){text.ptr + first, second - first}, hear, &heard, &err));
  ck_assert(frames_feed(&frames, str_skip(text, second), hear, &heard, &err));
  ck_assert_msg(str_is(buf_str(&heard.text), some_heard), "%zu, %zu: %s", first, second,
                heard.text.ptr);
  frames_done(&frames);
  buf_done(&heard.text);
}

START_TEST(frames_are_the_same_however_they_are_parted) {
  struct str text = some_frames();
  for (size_t first = 0; first <= text.len; first++)
    for (size_t second = first; second <= text.len; second++)
      check_parted(text, first, second);
}
END_TEST

START_TEST(frames_come_byte_by_byte) {
  struct str text = some_frames();
  struct frames frames;
  struct err err;
  struct heard heard = {.count = 0};
  buf_init(&heard.text, 4096);
  frames_init(&frames, FRAME_MAX_BYTES);
  for (size_t i = 0; i < text.len; i++)
    ck_assert(frames_feed(&frames, (struct str){text.ptr + i, 1}, hear, &heard, &err));
  ck_assert_str_eq(heard.text.ptr, some_heard);
  frames_done(&frames);
  buf_done(&heard.text);
}
END_TEST

START_TEST(frames_in_one_piece_are_not_copied) {
  struct str text = some_frames();
  struct frames frames;
  struct err err;
  struct heard heard = {.from = text.ptr, .to = text.ptr + text.len};
  buf_init(&heard.text, 4096);
  frames_init(&frames, FRAME_MAX_BYTES);
  ck_assert(frames_feed(&frames, text, hear, &heard, &err));
  ck_assert_str_eq(heard.text.ptr, some_heard);
  ck_assert_int_eq(heard.direct, 4); /* all that are not empty and not too long */
  frames_done(&frames);
  buf_done(&heard.text);
}
END_TEST

START_TEST(frames_stop_where_one_is_refused) {
  struct str text = some_frames();
  struct frames frames;
  struct err err;
  struct heard heard = {.refuse_at = 4};
  buf_init(&heard.text, 4096);
  frames_init(&frames, FRAME_MAX_BYTES);
  ck_assert(!frames_feed(&frames, text, hear, &heard, &err));
  ck_assert_str_eq(err.text, "refused");
  ck_assert_str_eq(heard.text.ptr, "<abc><><12345678><12345678~>");
  frames_done(&frames);
  buf_done(&heard.text);
}
END_TEST

TCase *tcase_protobuf(void) {
  TCase *tc = tcase_create("protobuf");
  tcase_add_checked_fixture(tc, pb_setup, pb_teardown);
  tcase_add_test(tc, takes_fields_of_every_type);
  tcase_add_test(tc, takes_varints_up_to_64_bits);
  tcase_add_test(tc, refuses_what_is_no_field);
  tcase_add_test(tc, ends_what_is_cut_at_the_end);
  tcase_add_test(tc, frames_are_the_same_however_they_are_parted);
  tcase_add_test(tc, frames_come_byte_by_byte);
  tcase_add_test(tc, frames_in_one_piece_are_not_copied);
  tcase_add_test(tc, frames_stop_where_one_is_refused);
  return tc;
}
