# SPDX-License-Identifier: Apache-2.0
# Goals and what was reached, from all results of packing.sh: jq -rn -f packing_goals.jq *.json
# Fields separated by tabs: what, the goal, what was reached, whether that is enough, and what it
# may be held against. Figures are means of the seeds with half the 95 % interval in brackets.
include "figures";

(reduce inputs as $x ({}; .[input_filename | split("/")[-1] | rtrimstr(".json")] = $x)) as $all
| def results($prefix): [$all | to_entries[] | select(.key | startswith($prefix)) | .value];

def heading($text): "", $text;
def line($what; $goal; $is_known; $is_good; $shown; $beside):
  [$what, $goal, $shown, (if $is_known | not then "?" elif $is_good then "yes" else "NO" end), $beside]
  | join("\t");
# `shown` is the text of the number `reached`; null: it was not measured.
def at_least($what; $goal; $digits; $reached; $shown; $beside):
  line($what; ">= \($goal | round_to($digits))"; $reached != null; $reached >= $goal - 1e-9; $shown; $beside);
def at_most($what; $goal; $digits; $reached; $shown; $beside):
  line($what; "<= \($goal | round_to($digits))"; $reached != null; $reached <= $goal + 1e-9; $shown; $beside);
# The mean of values, a seed each.
def mean_at_least($what; $goal; $digits; $values; $beside):
  at_least($what; $goal; $digits; $values | mean; $values | text($digits); $beside);
def mean_at_most($what; $goal; $digits; $values; $shown_digits; $beside):
  at_most($what; $goal; $digits; $values | mean; $values | text($shown_digits); $beside);
# The mean of differences, with their sign.
def gain_at_least($what; $goal; $gains; $beside):
  at_least($what; $goal; 2; $gains | mean; $gains | signed_text(2); $beside);
def worst_at_least($what; $goal; $gains; $beside):
  at_least($what; $goal; 2; $gains | min; $gains | min | signed(2); $beside);

# The best of these policies by the mean: {name, level}; null: none of them has the metric.
def best($policies; $metric):
  . as $a
  | [$policies[] as $p | {name: $p, level: ($a | level($p; $metric))} | select(.level)] | max_by(.level);
def best_text($policies; $metric): best($policies; $metric) | if . then "\(.name) \(.level | round_to(2))" else "" end;

# ---- A: whole GPUs and parts of them ------------------------------------------------------------

def filling:
  $all.inflate as $a
  | $all["inflate-moves"] as $moved
  | [$a | points("allocated_pct")[] as $x | paired("slicegate"; "fgd"; "allocated_pct@\($x)")[]] as $everywhere
  | ($a | paired("slicegate"; "fgd"; "allocated_pct@100") | signed_text(2)) as $at_100
  | heading("A1, GPUs allocated, % of capacity"),
    ({x: 100, goal: 96.2, published: 95.23}, {x: 130, goal: 96.3, published: 95.39}
     | "allocated_pct@\(.x)" as $metric
     | mean_at_least("when \(.x) % were requested"; .goal; 2; $a | values("slicegate"; $metric);
                     "fgd \($a | values("fgd"; $metric) | text(2)), published \(.published)")),
    worst_at_least("above fgd: the worst seed at any X"; 0; $everywhere; "in the mean at 100: \($at_100)"),
    mean_at_least("with one move for each 100 pods, at 100"; 96.8; 2; $moved | values("slicegate"; "allocated_pct@100");
                  "\($moved | values("slicegate"; "moves") | text(1)) moves a run; 96.93 bounds everybody (one seed)");

def filling_unseen:
  results("unseen-") as $lists
  | [$lists[] | paired("slicegate"; "fgd"; "allocated_pct@100") | mean] as $gains
  | [$lists[] | points("allocated_pct")[] as $x | paired("slicegate"; "fgd"; "allocated_pct@\($x)") | mean] as $everywhere
  | gain_at_least("\($lists | length) lists never seen, above fgd at 100, mean of lists"; 1; $gains; ""),
    worst_at_least("the same, the worst list"; -0.05; $gains; "at any X: \($everywhere | min | signed(2))");

def churning:
  $all.churn as $a
  | def accepted($policy; $x): $a | values($policy; "acceptance_gpu_weighted@\($x)");
    def gain($x): $a | paired("slicegate"; "fgd"; "acceptance_gpu_weighted@\($x)");
    heading("A2, GPUs accepted, % of those asked for"),
    mean_at_least("at load 0.9"; 99.95; 2; accepted("slicegate"; "0.9"); "fgd \(accepted("fgd"; "0.9") | text(2))"),
    ({x: "1.0", goal: 0.4}, {x: "1.1", goal: 0.15}
     | gain_at_least("at load \(.x), above fgd"; .goal; gain(.x); "level \(accepted("slicegate"; .x) | text(2))")),
    (results("churn-unseen-") as $lists
     | ("0.9", "1.0", "1.1") as $x
     | [$lists[] | paired("slicegate"; "fgd"; "acceptance_gpu_weighted@\($x)") | mean] as $gains
     | worst_at_least("\($lists | length) lists never seen, above fgd at \($x), the worst list"; -0.05; $gains;
                      "in the mean \($gains | signed_text(2))"));

# ---- B: MIG ------------------------------------------------------------------------------------

def mig_baselines: ["firstfit", "bestfit", "worstfit", "roundrobin", "random", "mfi", "fgd-masks"];
# The mixes with their goals, and the distance to the oracle, without moves and with one, in the stream that the goals are from.
def families: [
  {mix: "uniform", filling: 98.9, churn: 91.3, one_move: 93.0, distance: 2.56, distance_moved: 0.80},
  {mix: "skew-small", filling: 99.3, churn: 92.4, one_move: 94.2, distance: 2.34, distance_moved: 0.65},
  {mix: "skew-big", filling: 98.4, churn: 90.6, one_move: 92.4, distance: 2.52, distance_moved: 0.72},
  {mix: "bimodal", filling: 98.6, churn: 90.4, one_move: 92.0, distance: 2.78, distance_moved: 1.21}][];

def mig_filling:
  $all.mig as $a
  | heading("B1, slices placed when 100 % were asked for, %"),
    (families
     | "\(.mix)/slices_pct@100" as $metric
     | mean_at_least(.mix; .filling; 2; $a | values("slicegate"; $metric);
                     "\($a | best_text(mig_baselines; $metric)), oracle \($a | level("oracle"; $metric) | round_to(2))"));

# Levels move with the streams; what is left to the oracle on the same stream does not.
def mig_churn:
  $all.mig as $a
  | $all["mig-moves"] as $moved
  | def metric: "\(.mix)/acceptance_slice_weighted@1.0";
    def accepted($policy): metric as $m | $a | values($policy; $m);
    def to_oracle($policy): metric as $m | $a | paired("oracle"; $policy; $m);
    def beside: metric as $m | "\($a | best_text(mig_baselines; $m)), oracle \($a | level("oracle"; $m) | round_to(2))";
    heading("B2, slices accepted at load 1.0, % of those asked for"),
    (families
     | mean_at_least("\(.mix), no moves"; .churn; 2; accepted("slicegate");
                     "\(beside); to the oracle \(to_oracle("slicegate") | text(2)), in the goal's stream \(.distance)")),
    (families
     | metric as $metric
     | mean_at_least("\(.mix), one move a refusal"; .one_move; 2; $moved | values("slicegate+1move"; $metric);
                     "to the oracle \($moved | paired("oracle"; "slicegate+1move"; $metric) | text(2)), in the goal's stream \(.distance_moved)")),
    (families
     | "\(.mix)/moves_per_accepted@1.0" as $metric
     | mean_at_most("\(.mix), moves per accepted pod"; 0.05; 2; $moved | values("slicegate+1move"; $metric); 3; "the cap of the run")),
    (families
     | mean_at_most("\(.mix), two moves, to the oracle"; 0.5; 2; to_oracle("slicegate+2moves"); 2;
                    "level \(accepted("slicegate+2moves") | text(2))"));

def mig_unseen:
  ["bestfit", "mfi", "fgd-masks"] as $others
  | heading("B, mixes never seen: above the best of best fit, MFI and FGD on each"),
    (($all | to_entries[] | select(.key | startswith("mig-unseen-"))) as {key: $name, value: $a}
     | {metric: "slices_pct@100", what: "filling"}, {metric: "acceptance_slice_weighted@1.0", what: "churn at 1.0"}
     | "\($name | ltrimstr("mig-unseen-")), \(.what)" as $what
     | .metric as $metric
     | ($a | above_best($others; $metric)) as $gains
     | gain_at_least("\($what), mean of \($gains | length) mixes"; 0; $gains; ""),
       worst_at_least("\($what), the worst mix"; -0.3; $gains; ""));

def mig_exact:
  $all.mig as $a
  | heading("B3, short stories against the exact optimum"),
    (("arrivals", "departures") as $kind
     | "exact_slices_pct@\($kind)" as $slices
     | "exact_equal_accepting_pct@\($kind)" as $equal
     | ($a | level("slicegate"; $slices)) as $ours
     | ($ours - ($a | best(mig_baselines; $slices).level)) as $gain
     | ($a | values("slicegate"; "exact_equal_pct@\($kind)") | text(2)) as $refusing
     | at_least("\($kind): slices, % of the optimum, above the best baseline"; 0; 2; $gain; $gain | signed(2);
                "ours \($ours | round_to(2)), \($a | best_text(mig_baselines; $slices))"),
       at_least("\($kind): as much as the best who place what fits, % of stories"; 99; 0; $a | level("slicegate"; $equal);
                $a | values("slicegate"; $equal) | text(2);
                "\($a | best_text(mig_baselines; $equal)); as those who may refuse, too: \($refusing)"),
       ("exact_all_pct@\($kind)" as $whole
        | mean_at_least("\($kind): everything accepted, % of the stories where that can be done"; 99; 2;
                        $a | values("slicegate"; $whole); $a | best_text(mig_baselines; $whole))));

# ---- C and D -----------------------------------------------------------------------------------

def mixed:
  $all.mixed as $a
  | ($a | policies | map(select(. != "slicegate"))) as $others
  | heading("C, whole GPUs, MIG slices and time-sliced GPUs in one cluster"),
    (("allocated_pct@100", "allocated_pct@130",
      "acceptance_gpu_weighted@0.9", "acceptance_gpu_weighted@1.0", "acceptance_gpu_weighted@1.1") as $metric
     | (($a | level("slicegate"; $metric)) - ($a | best($others; $metric).level)) as $gain
     | at_least("\($metric), above the best baseline"; 0; 2; $gain; $gain | signed(2);
                "ours \($a | values("slicegate"; $metric) | text(2)), \($a | best_text($others; $metric))")),
    (("stranded_gpus@100", "stranded_gpus@1.0") as $metric
     | ([$others[] as $p | $a | level($p; $metric)] | min) as $least
     | mean_at_most("\($metric), GPUs"; $least; 1; $a | values("slicegate"; $metric); 1; "the goal is the best baseline")),
    (("wrong_kind", "split_replicas", "overlaps") as $metric
     | ([$all.mixed, $all["mixed-flex"] | values("slicegate"; $metric)[]] | max) as $worst
     | at_most($metric; 0; 0; $worst; $worst | round_to(0); "with --flex too"));

def seconds($what; $goal; $results; $policy):
  ($results.policies[] | select(.name == $policy) | .seconds) as $seconds
  | ($results | level($policy; "learning_seconds") | round_to(3)) as $learning
  | at_most($what; $goal; 2; $seconds; $seconds | round_to(3); "learning \($learning)");

def scale:
  $all.scale as $a
  | def ours($metric): $a | level("slicegate"; $metric);
    (results("unseen-") | max_by(.inputs.pods.classes)) as $many
  | (ours("state_mib@15000") + ours("scorer_mib@15000")) as $memory
  | ([$a | points("wrong_answers")[] as $n | level("slicegate"; "wrong_answers@\($n)")] | max) as $wrong
  | heading("Time and memory, on this machine"),
    seconds("seconds deciding in an A1 run"; 0.15; $all.inflate; "slicegate"),
    seconds("the same, \($many.inputs.pods.classes) kinds of pod"; 0.15; $many; "slicegate"),
    seconds("the same, fgd"; 0.10; $all.inflate; "fgd"),
    ({nodes: 1213, goal: 50}, {nodes: 5000, goal: 300}, {nodes: 15000, goal: 1000}
     | ours("call_p99_us@\(.nodes)") as $p99
     | ours("call_p50_us@\(.nodes)") as $p50
     | ours("upkeep_p99_us@\(.nodes)") as $upkeep
     | at_most("one decision on \(.nodes) nodes, p99, us"; .goal; 0; $p99; $p99 | round_to(1);
               "median \($p50 | round_to(1)); upkeep between calls, p99: \($upkeep | round_to(0))")),
    (ours("load_ms@15000") / 1000 | at_most("15000 nodes, \(ours("pods@15000")) pods: load, s"; 1; 0; .; round_to(2); "")),
    at_most("the same: memory, MiB"; 256; 0; $memory; $memory | round_to(0);
            "the cluster \(ours("state_mib@15000") | round_to(0)), cached scores the rest"),
    at_most("answers that differ from those of a fresh scorer"; 0; 0; $wrong; $wrong | round_to(0); "every 100th is compared");

(["", "goal", "reached", "", ""] | join("\t")),
(if $all.inflate then filling, filling_unseen else empty end),
(if $all.churn then churning else empty end),
(if $all.mig then mig_filling, mig_churn, mig_unseen, mig_exact else empty end),
(if $all.mixed then mixed else empty end),
(if $all.inflate and $all.scale then scale else empty end)
