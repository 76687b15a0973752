# SPDX-License-Identifier: Apache-2.0
# Results on lists and mixes that nobody has seen: a line each, fields separated by tabs.
include "figures";

def name: input_filename | split("/")[-1] | rtrimstr(".json") | sub("^.*unseen-"; "");

def inflate:
  ([points("allocated_pct")[] as $x | paired("slicegate"; "fgd"; "allocated_pct@\($x)")[]] | min) as $least
  | [name, "kinds \(.inputs.pods.classes)",
     (.inputs.pods.classes as $c | "slicegate " + (level("slicegate"; "allocated_pct@100") | round_to(2))),
     "fgd " + (level("fgd"; "allocated_pct@100") | round_to(2)),
     "at 100: " + (paired("slicegate"; "fgd"; "allocated_pct@100") | signed_text(2)),
     "least of any seed at any X: " + ($least | signed(2))];

def churn:
  [name] + [(0.9, 1.0, 1.1) as $load
    | (if $load == 1 then "1.0" else "\($load)" end) as $text
    | "at \($text): " + (paired("slicegate"; "fgd"; "acceptance_gpu_weighted@\($text)") | signed_text(2))];

def mig:
  ["bestfit", "mfi", "fgd-masks"] as $others
  | [name, "mixes \(mixes | length)"]
    + [("slices_pct@100", "acceptance_slice_weighted@0.8", "acceptance_slice_weighted@1.0", "acceptance_slice_weighted@1.2") as $metric
       | above_best($others; $metric)
       | ($metric | sub("acceptance_slice_weighted"; "churn") | sub("slices_pct@100"; "filling")) + ": "
         + (mean | signed(2)) + ", worst " + (min | signed(2))];

(if .suite == "inflate" then inflate elif .suite == "churn" then churn else mig end) | join("\t")
