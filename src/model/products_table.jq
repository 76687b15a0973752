# SPDX-License-Identifier: Apache-2.0
# Writes products_table.c from mig-profiles.json:
#   jq -r -f src/model/products_table.jq src/model/mig-profiles.json > src/model/products_table.c

def c_str: "{\(tojson), \(utf8bytelength)}";
def c_name: gsub("[^a-z0-9]"; "_");
def memory_in_name: capture("g\\.(?<gb>[0-9]+)gb").gb | tonumber;

# Drivers that report another total of memory give a profile another number, with the same
# attributes behind it.
def alternate($product):
  capture("^(?<size>[^+-]*)(?<attributes>.*)$") as $parts |
  (($product.alternate_names // {})[$parts.size] // [] | first) as $other |
  if $other then $other + $parts.attributes else "" end;

# Few lists of starts are different: each is written once.
def starts_name: "starts_" + (map(tostring) | join("_"));

def starts:
  [.products[].profiles[].placement_starts | select(. != null)] | unique[] |
  "static const uint8_t \(starts_name)[] = {\(map(tostring) | join(", "))};";

def profile($product):
  "    {\(.name | c_str), \(.resource_mixed | c_str), \(.name | alternate($product) | c_str), "
  + "\(.compute_slices), \(.placement_size // 0), \(.name | memory_in_name), \(.max_instances), "
  + (.placement_starts | if . then "\(starts_name), \(length)" else "NULL, 0" end) + "},";

def labels: [.names[].gfd_label | select(. != null)];

def product:
  . as $product | (.id | c_name) as $name |
  (if labels == [] then empty else
    "static const struct str \($name)_labels[] = {",
    (labels[] | "    \(c_str),"),
    "};"
  end),
  "static const struct mig_profile \($name)_profiles[] = {",
  (.profiles[] | profile($product)),
  "};",
  "";

def row:
  (.id | c_name) as $name | (labels | length) as $labels |
  "    {\(.id | c_str), \(if $labels == 0 then "NULL" else "\($name)_labels" end), \($labels), "
  + "\(.memory_gib), \($name)_profiles, \(.profiles | length), "
  + "\(.memory_slices // 0), \(.compute_slices), \(.placement_verified)},";

"/* SPDX-License-Identifier: Apache-2.0 */",
"/* Made from mig-profiles.json by products_table.jq: change those, not this. */",
"/* clang-format off */",
"#include \"model_internal.h\"",
"",
starts,
"",
(.products[] | product),
"const struct gpu_product products_table[] = {",
(.products[] | row),
"};",
"const size_t products_table_count = sizeof(products_table) / sizeof(products_table[0]);"
