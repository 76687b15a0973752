# SPDX-License-Identifier: Apache-2.0
# Goals and what was reached, from all results of packing.sh: jq -rn -f packing_goals.jq *.json
# Fields separated by tabs: what, the goal, what was reached, whether that is enough, and what it
# may be held against. Figures are means of the seeds with half the 95 % interval in brackets.
include "figures";

(reduce inputs as $x ({}; .[input_filename | split("/")[-1] | rtrimstr(".json")] = $x)) as $all
| def results($prefix): [$all | to_entries[] | select(.key | startswith($prefix)) | .value];

# A line: `reached` is a number for the verdict, `shown` its text.
def line($what; $goal; $reached; $is_good; $shown; $beside):
  [$what, $goal, $shown, (if $reached == null then "?" elif $is_good then "yes" else "NO" end), $beside]
  | join("\t");
def at_least($what; $goal; $digits; $reached; $shown; $beside):
  line($what; ">= \($goal | round_to($digits))"; $reached; ($reached != null and $reached >= $goal - 1e-9);
       $shown; $beside);
def at_most($what; $goal; $digits; $reached; $shown; $beside):
  line($what; "<= \($goal | round_to($digits))"; $reached; ($reached != null and $reached <= $goal + 1e-9);
       $shown; $beside);
def heading($text): "", $text;

# ---- A: whole GPUs and parts of them ------------------------------------------------------------

def filling:
  $all.inflate as $a
  | ([$a | points("allocated_pct")[] as $x | paired("slicegate"; "fgd"; "allocated_pct@\($x)")[]] | min) as $least
  | ($all["inflate-moves"]) as $moved
  | heading("A1, GPUs allocated, % of capacity"),
    (({"100": 96.2, "130": 96.3} | to_entries[]) as {key: $x, value: $goal}
     | "allocated_pct@\($x)" as $metric
     | at_least("when \($x) % were requested"; $goal; 2; $a | level("slicegate"; $metric);
                $a | values("slicegate"; $metric) | text(2);
                "fgd \($a | values("fgd"; $metric) | text(2)), published \({"100": 95.23, "130": 95.39}[$x])")),
    at_least("above fgd: the worst seed at any X"; 0; 2; $least; $least | signed(2);
             "in the mean at 100: \($a | paired("slicegate"; "fgd"; "allocated_pct@100") | signed_text(2))"),
    at_least("with one move for each 100 pods, at 100"; 96.8; 2;
             $moved | level("slicegate"; "allocated_pct@100");
             $moved | values("slicegate"; "allocated_pct@100") | text(2);
             "moves in a run: \($moved | values("slicegate"; "moves") | text(1)); nobody may do better than 96.93"),
    (results("unseen-") as $lists
     | [$lists[] | paired("slicegate"; "fgd"; "allocated_pct@100") | mean] as $gains
     | [$lists[] | . as $list | points("allocated_pct")[] as $x
        | $list | paired("slicegate"; "fgd"; "allocated_pct@\($x)") | mean] as $anywhere
     | at_least("\($lists | length) lists never seen, above fgd at 100, mean of lists"; 1; 2; $gains | mean;
                $gains | signed_text(2); ""),
       at_least("the same, the worst list"; -0.05; 2; $gains | min; $gains | min | signed(2);
                "at any X: \($anywhere | min | signed(2))"));

def churning:
  $all.churn as $a
  | def gain($x): $a | paired("slicegate"; "fgd"; "acceptance_gpu_weighted@\($x)");
    def level_of($x): $a | values("slicegate"; "acceptance_gpu_weighted@\($x)") | text(2);
    heading("A2, GPUs accepted, % of those asked for"),
    at_least("at load 0.9"; 99.95; 2; $a | level("slicegate"; "acceptance_gpu_weighted@0.9"); level_of("0.9");
             "fgd \($a | values("fgd"; "acceptance_gpu_weighted@0.9") | text(2))"),
    at_least("at load 1.0, above fgd"; 0.4; 2; gain("1.0") | mean; gain("1.0") | signed_text(2); "level \(level_of("1.0"))"),
    at_least("at load 1.1, above fgd"; 0.15; 2; gain("1.1") | mean; gain("1.1") | signed_text(2); "level \(level_of("1.1"))"),
    (results("churn-unseen-") as $lists
     | ("0.9", "1.0", "1.1") as $x
     | [$lists[] | paired("slicegate"; "fgd"; "acceptance_gpu_weighted@\($x)") | mean] as $gains
     | at_least("\($lists | length) lists never seen, above fgd at \($x), the worst list"; -0.05; 2; $gains | min;
                $gains | min | signed(2); "in the mean \($gains | signed_text(2))"));

# ---- B: MIG ------------------------------------------------------------------------------------

def baselines: ["firstfit", "bestfit", "worstfit", "roundrobin", "random", "mfi", "fgd-masks"];
# The mixes with their goals; the oracle's level in the stream that the goals come from.
def families: [
  {mix: "uniform", filling: 98.9, churn: 91.3, one: 93.0, oracle: 94.04, without: 91.48},
  {mix: "skew-small", filling: 99.3, churn: 92.4, one: 94.2, oracle: 95.03, without: 92.69},
  {mix: "skew-big", filling: 98.4, churn: 90.6, one: 92.4, oracle: 93.30, without: 90.78},
  {mix: "bimodal", filling: 98.6, churn: 90.4, one: 92.0, oracle: 93.29, without: 90.51}];
def best_of($policies; $metric):
  . as $a
  | [$policies[] as $p | {name: $p, level: ($a | level($p; $metric))} | select(.level)] | max_by(.level)
  | if . then "\(.name) \(.level | round_to(2))" else "" end;

def mig_filling:
  $all.mig as $a
  | heading("B1, slices placed when 100 % were asked for, %"),
    (families[] as $f | "\($f.mix)/slices_pct@100" as $metric
     | at_least($f.mix; $f.filling; 2; $a | level("slicegate"; $metric); $a | values("slicegate"; $metric) | text(2);
                "\($a | best_of(baselines; $metric)), oracle \($a | level("oracle"; $metric) | round_to(2))"));

# Levels move with the streams; what is left to the oracle on the same stream does not.
def mig_churn:
  $all.mig as $a
  | def distance($policy; $metric): $a | paired("oracle"; $policy; $metric);
    heading("B2, slices accepted at load 1.0, % of those asked for"),
    (families[] as $f | "\($f.mix)/acceptance_slice_weighted@1.0" as $metric
     | at_least("\($f.mix), no moves"; $f.churn; 2; $a | level("slicegate"; $metric); $a | values("slicegate"; $metric) | text(2);
                "\($a | best_of(baselines; $metric)), oracle \($a | level("oracle"; $metric) | round_to(2)); to the oracle \(
                  distance("slicegate"; $metric) | text(2)), where the goal comes from \($f.oracle - $f.without | round_to(2))")),
    (families[] as $f | "\($f.mix)/acceptance_slice_weighted@1.0" as $metric
     | at_least("\($f.mix), one move a refusal"; $f.one; 2; $a | level("slicegate+1move"; $metric);
                $a | values("slicegate+1move"; $metric) | text(2); "to the oracle \(distance("slicegate+1move"; $metric) | text(2))")),
    (families[] as $f | "\($f.mix)/moves_per_accepted@1.0" as $metric
     | at_most("\($f.mix), moves per accepted pod"; 0.05; 2; $a | level("slicegate+1move"; $metric);
               $a | values("slicegate+1move"; $metric) | text(3); "")),
    (families[] as $f | "\($f.mix)/acceptance_slice_weighted@1.0" as $metric
     | at_most("\($f.mix), two moves, to the oracle"; 0.5; 2; distance("slicegate+2moves"; $metric) | mean;
               distance("slicegate+2moves"; $metric) | text(2); "level \($a | values("slicegate+2moves"; $metric) | text(2))"));

def mig_unseen:
  ["bestfit", "mfi", "fgd-masks"] as $others
  | heading("B, mixes never seen: above the best of best fit, MFI and FGD on each"),
    (($all | to_entries[] | select(.key | startswith("mig-unseen-"))) as {key: $name, value: $a}
     | ("slices_pct@100", "acceptance_slice_weighted@1.0") as $metric
     | ($a | above_best($others; $metric)) as $gains
     | {"slices_pct@100": "filling", "acceptance_slice_weighted@1.0": "churn at 1.0"}[$metric] as $what
     | ($name | ltrimstr("mig-unseen-")) as $where
     | at_least("\($where), \($what), mean of \($gains | length) mixes"; 0; 2; $gains | mean; $gains | signed_text(2); ""),
       at_least("\($where), \($what), the worst mix"; -0.3; 2; $gains | min; $gains | min | signed(2); ""));

def mig_exact:
  $all.mig as $a
  | heading("B3, short stories against the exact optimum"),
    (("arrivals", "departures") as $kind
     | "exact_slices_pct@\($kind)" as $metric
     | ([baselines[] as $p | $a | level($p; $metric)] | max) as $best
     | ($a | level("slicegate"; $metric)) as $ours
     | at_least("\($kind): slices, % of the optimum, above the best baseline"; 0; 2; $ours - $best; $ours - $best | signed(2);
                "ours \($ours | round_to(2)), \($a | best_of(baselines; $metric))"),
       at_least("\($kind): as much as the best who place what fits, % of stories"; 99; 0;
                $a | level("slicegate"; "exact_equal_accepting_pct@\($kind)");
                $a | values("slicegate"; "exact_equal_accepting_pct@\($kind)") | text(2);
                "\($a | best_of(baselines; "exact_equal_accepting_pct@\($kind)")); who may refuse, too: \(
                  $a | values("slicegate"; "exact_equal_pct@\($kind)") | text(2))"));

# ---- C and D -----------------------------------------------------------------------------------

def mixed:
  $all.mixed as $a
  | ($a | policies | map(select(. != "slicegate"))) as $others
  | def most($metric): [$others[] as $p | $a | level($p; $metric)] | max;
    def least($metric): [$others[] as $p | $a | level($p; $metric)] | min;
    heading("C, whole GPUs, MIG slices and time-sliced GPUs in one cluster"),
    (("allocated_pct@100", "allocated_pct@130", "acceptance_gpu_weighted@0.9", "acceptance_gpu_weighted@1.0", "acceptance_gpu_weighted@1.1") as $metric
     | (($a | level("slicegate"; $metric)) - most($metric)) as $gain
     | at_least("\($metric), above the best baseline"; 0; 2; $gain; $gain | signed(2);
                "ours \($a | values("slicegate"; $metric) | text(2)), \($a | best_of($others; $metric))")),
    (("stranded_gpus@100", "stranded_gpus@1.0") as $metric
     | at_most("\($metric), GPUs"; least($metric); 1; $a | level("slicegate"; $metric); $a | values("slicegate"; $metric) | text(1);
               "the goal is the best baseline")),
    (("wrong_kind", "split_replicas", "overlaps") as $metric
     | ([$all.mixed, $all["mixed-flex"] | values("slicegate"; $metric)[]] | max) as $worst
     | at_most($metric; 0; 0; $worst; $worst | round_to(0); "with --flex too"));

def seconds_of($policy): .policies[] | select(.name == $policy) | .seconds;
def scale:
  $all.scale as $a
  | (results("unseen-") | max_by(.inputs.pods.classes)) as $many
  | heading("Time and memory, on this machine"),
    at_most("seconds deciding in an A1 run"; 0.15; 2; $all.inflate | seconds_of("slicegate"); $all.inflate | seconds_of("slicegate") | round_to(3);
            "learning \($all.inflate | level("slicegate"; "learning_seconds") | round_to(3))"),
    at_most("the same, \($many.inputs.pods.classes) kinds of pod"; 0.15; 2; $many | seconds_of("slicegate"); $many | seconds_of("slicegate") | round_to(3);
            "learning \($many | level("slicegate"; "learning_seconds") | round_to(3))"),
    at_most("the same, fgd"; 0.10; 2; $all.inflate | seconds_of("fgd"); $all.inflate | seconds_of("fgd") | round_to(3); ""),
    ({"1213": 50, "5000": 300, "15000": 1000} | to_entries[] as {key: $nodes, value: $goal}
     | at_most("one decision on \($nodes) nodes, p99, us"; $goal; 0; $a | level("slicegate"; "call_p99_us@\($nodes)");
               $a | level("slicegate"; "call_p99_us@\($nodes)") | round_to(1);
               "median \($a | level("slicegate"; "call_p50_us@\($nodes)") | round_to(1)), p99 of upkeep between calls \(
                 $a | level("slicegate"; "upkeep_p99_us@\($nodes)") | round_to(0))")),
    ($a | level("slicegate"; "pods@15000")) as $pods
    | ($a | level("slicegate"; "state_mib@15000") + level("slicegate"; "scorer_mib@15000")) as $memory
    | at_most("15000 nodes and \($pods | round_to(0)) pods: load, s"; 1; 0; ($a | level("slicegate"; "load_ms@15000")) / 1000;
              ($a | level("slicegate"; "load_ms@15000")) / 1000 | round_to(2); ""),
      at_most("the same: memory, MiB"; 256; 0; $memory; $memory | round_to(0); "the cluster \($a | level("slicegate"; "state_mib@15000") | round_to(0)), cached scores the rest"),
      at_most("answers that differ from those of a fresh scorer"; 0; 0;
              [$a | points("wrong_answers")[] as $n | level("slicegate"; "wrong_answers@\($n)")] | max;
              [$a | points("wrong_answers")[] as $n | level("slicegate"; "wrong_answers@\($n)")] | max | round_to(0); "every 100th is compared");

(["", "goal", "reached", "", ""] | join("\t")),
(if $all.inflate then filling else empty end),
(if $all.churn then churning else empty end),
(if $all.mig then mig_filling, mig_churn, mig_unseen, mig_exact else empty end),
(if $all.mixed then mixed else empty end),
(if $all.inflate and $all.scale then scale else empty end)
