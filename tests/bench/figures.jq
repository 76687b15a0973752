# SPDX-License-Identifier: Apache-2.0
# Reading the JSON of `slicegate simulate`. Included by the other jq programs of this folder.

def round_to($digits):
  (. * pow(10; $digits) | round) as $n
  | ($n | fabs | floor | tostring) as $text
  | (if $n < 0 then "-" else "" end)
    + (if $digits == 0 then $text
       else ("000000"[0:([$digits + 1 - ($text | length), 0] | max)] + $text)
         | .[:-$digits] + "." + .[-$digits:] end);
def signed($digits): (if . >= 0 then "+" else "" end) + round_to($digits);

def mean: if length == 0 then null else add / length end;
# Half the width of Student's 95 % interval; null for one value.
def ci95:
  length as $n
  | if $n < 2 then null
    else mean as $m
      | [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
         2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
         2.052, 2.048, 2.045] as $t
      | ($t[$n - 2] // 1.96) * (((map(. - $m | . * .) | add) / ($n - 1) / $n) | sqrt)
    end;

# The values of one policy's metric, a seed each; [] when it is not there.
def values($policy; $metric):
  [.policies[] | select(.name == $policy) | .metrics[$metric] // {per_seed: []} | .per_seed[]
   | select(. != null)];
# A value of one policy's metric, in the mean; null when it is not there.
def level($policy; $metric): values($policy; $metric) | if length > 0 then mean else null end;
# Differences on the same arrivals, a seed each.
def paired($ours; $other; $metric):
  [values($ours; $metric), values($other; $metric)] | transpose | map(.[0] - .[1]);
def policies: [.policies[].name];
def metrics: .policies[0].metrics | keys;
# The metrics "name@..." of this name, as numbers in ascending order.
def points($name): [metrics[] | select(startswith($name + "@")) | split("@")[1] | tonumber] | sort;

# "96.25 (0.05)": mean and half the 95 % interval.
def text($digits):
  if length == 0 then "-"
  else (mean | round_to($digits)) + (ci95 | if . then " (" + round_to($digits) + ")" else "" end) end;
def signed_text($digits):
  if length == 0 then "-"
  else (mean | signed($digits)) + (ci95 | if . then " (" + round_to($digits) + ")" else "" end) end;

# ---- mixes of suite mig ----

# "random-3" and the like: what stands in front of the names of metrics.
def mixes: [metrics[] | select(endswith("/slices_pct@100")) | rtrimstr("/slices_pct@100")];
# Ours less the best of the others on each mix, both in the mean over seeds.
def above_best($others; $metric):
  . as $all
  | [mixes[] as $mix | "\($mix)/\($metric)" as $name
     | ($all | level("slicegate"; $name)) as $ours
     | select($ours != null)
     | $ours - ([$others[] as $other | $all | level($other; $name)] | max)];
