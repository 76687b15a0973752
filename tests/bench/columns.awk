# SPDX-License-Identifier: Apache-2.0
# Lines of fields as columns; empty fields at the end of a line leave no blanks.
{
  fields[NR] = NF
  for (i = 1; i <= NF; i++) {
    cell[NR, i] = $i
    if (i < NF && length($i) > width[i]) width[i] = length($i)
  }
}
END {
  for (r = 1; r <= NR; r++) {
    line = ""
    for (i = 1; i <= fields[r]; i++)
      line = line (i < fields[r] ? sprintf("%-*s  ", width[i], cell[r, i]) : cell[r, i])
    sub(/ +$/, "", line)
    print line
  }
}
