# SPDX-License-Identifier: Apache-2.0
# Of the lines of schedbench (jq -s): the pods a second of each mode, the ratios in which the goals are stated, and the
# nodes that were used; each as the median with the lowest and the highest. The modes of a round ran one after another, so
# a ratio is taken within a round: whatever was slow on the machine was so for both.
def rounded($digits): (. * pow(10; $digits) | round) / pow(10; $digits);
def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
def spread($digits): "\(median | rounded($digits)) (\(min | rounded($digits)) to \(max | rounded($digits)))";

def of($mode): map(select(.mode == $mode));
def ratios($mode; $beside):
  [group_by(.round)[] | [of($mode)[0], of($beside)[0]]
   | select(all(. != null)) | .[0].podsPerSecond / .[1].podsPerSecond];

. as $all
| (group_by(.mode)[]
   | "\(.[0].mode): \(map(.podsPerSecond) | spread(1)) pods/s on \(map(.nodesUsed) | spread(0)) nodes, "
     + "\(map(.cpuSeconds.other // 0) | median | rounded(2)) s of CPU of slicegate, \(length) rounds"),
  (["extender", "alone-default"], ["extender", "alone-all"], ["extender-other", "alone-default"], ["extender-other", "alone-all"],
   ["extender", "extender-other"]
   | . as [$mode, $beside] | $all | ratios($mode; $beside) | select(length > 0) | "\($mode) beside \($beside): \(spread(2)) x")
