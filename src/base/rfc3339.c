/* SPDX-License-Identifier: Apache-2.0 */
/* Times as Kubernetes writes them: RFC 3339, strictly, upper case T and Z. */
#include "slicegate/base.h"

static bool is_leap(int64_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int64_t year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of `year` (0 to 10000). The years 1 to 1969
 * hold 477 leap years; year 0 is one too, which the division does not see. */
static int64_t days_before_year(int64_t year) {
  int64_t past = year - 1;
  int64_t leaps = year == 0 ? -1 : past / 4 - past / 100 + past / 400;
  return 365 * (year - 1970) + leaps - 477;
}

/* Exactly `count` digits at `at`; -1 otherwise. */
static int digits(struct str text, size_t at, size_t count) {
  int value = 0;
  for (size_t i = at; i < at + count; i++) {
    if (i >= text.len || text.ptr[i] < '0' || text.ptr[i] > '9')
      return -1;
    value = value * 10 + (text.ptr[i] - '0');
  }
  return value;
}

static bool is_at(struct str text, size_t at, char c) {
  return at < text.len && text.ptr[at] == c;
}

/* "Z", "+01:00", "-08:30"; seconds east of UTC. */
static bool parse_zone(struct str zone, int64_t *ret_seconds) {
  if (str_is(zone, "Z")) {
    *ret_seconds = 0;
    return true;
  }
  int hours = digits(zone, 1, 2), minutes = digits(zone, 4, 2);
  if (zone.len != 6 || (zone.ptr[0] != '+' && zone.ptr[0] != '-') || !is_at(zone, 3, ':') ||
      hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
    return false;
  int64_t seconds = hours * 3600 + minutes * 60;
  *ret_seconds = zone.ptr[0] == '-' ? -seconds : seconds;
  return true;
}

bool rfc3339_parse(struct str text, int64_t *ret_seconds) {
  int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
      hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
    return false;
  if (!is_at(text, 4, '-') || !is_at(text, 7, '-') || !is_at(text, 10, 'T') ||
      !is_at(text, 13, ':') || !is_at(text, 16, ':'))
    return false;
  size_t at = 19;
  if (is_at(text, at, '.')) { /* a fraction of a second changes nothing here */
    size_t first = ++at;
    while (digits(text, at, 1) >= 0)
      at++;
    if (at == first)
      return false;
  }
  int64_t east;
  if (!parse_zone(str_skip(text, at < text.len ? at : text.len), &east))
    return false;
  int64_t days = days_before_year(year) + day - 1;
  for (int m = 1; m < month; m++)
    days += days_in_month(year, m);
  *ret_seconds = days * 86400 + hour * 3600 + minute * 60 + second - east;
  return true;
}

struct str rfc3339_text(struct arena *arena, int64_t seconds) {
  const int64_t last = 253402300799; /* 9999-12-31T23:59:59Z */
  seconds = seconds < 0 ? 0 : seconds > last ? last : seconds;
  int64_t days = seconds / 86400, rest = seconds % 86400;
  int64_t year = 1970 + days / 366; /* never too late; a few steps forward remain */
  while (days_before_year(year + 1) <= days)
    year++;
  days -= days_before_year(year);
  int month = 1;
  while (days >= days_in_month(year, month))
    days -= days_in_month(year, month++);
  return str_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, month, (int)days + 1,
                    (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
}
