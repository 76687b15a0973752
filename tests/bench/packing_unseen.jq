# SPDX-License-Identifier: Apache-2.0
# Results on lists and mixes that nobody has seen: a line each, fields separated by tabs.
include "figures";

def name: input_filename | split("/")[-1] | rtrimstr(".json") | sub("^.*unseen-"; "");

def inflate:
  [points("allocated_pct")[] as $x | paired("slicegate"; "fgd"; "allocated_pct@\($x)")[]] as $everywhere
  | [name, "kinds \(.inputs.pods.classes)",
     "slicegate \(level("slicegate"; "allocated_pct@100") | round_to(2))",
     "fgd \(level("fgd"; "allocated_pct@100") | round_to(2))",
     "at 100: \(paired("slicegate"; "fgd"; "allocated_pct@100") | signed_text(2))",
     "least of any seed at any X: \($everywhere | min | signed(2))"];

def churn:
  [name] + [("0.9", "1.0", "1.1") as $load
            | paired("slicegate"; "fgd"; "acceptance_gpu_weighted@\($load)") as $gains
            | "at \($load): \($gains | signed_text(2))"];

def mig:
  ["bestfit", "mfi", "fgd-masks"] as $others
  | [name, "mixes \(mixes | length)"]
    + [("slices_pct@100",
        (("0.8", "1.0", "1.2") | "acceptance_slice_weighted@\(.)")) as $metric
       | above_best($others; $metric)
       | select(length > 0)
       | "\($metric | sub("acceptance_slice_weighted"; "churn") | sub("slices_pct@100"; "filling")): \(
           mean | signed(2)), worst \(min | signed(2))"];

(if .suite == "inflate" then inflate elif .suite == "churn" then churn else mig end) | join("\t")
