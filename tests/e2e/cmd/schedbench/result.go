// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"slices"
	"syscall"
	"time"

	"slicegate.dev/tests/e2e/harness"
)

// result is what is printed of one measurement. Times are in seconds.
type result struct {
	Mode   string `json:"mode"`
	Round  int    `json:"round"`
	Nodes  int    `json:"nodes"`
	Pods   int    `json:"pods"`
	Create string `json:"create"` // before or after the start of kube-scheduler

	// From the first creation to the last binding that the watch has seen; where pods are created before, from the
	// start of kube-scheduler, with all that it has to read first.
	Seconds       float64 `json:"seconds"`
	PodsPerSecond float64 `json:"podsPerSecond"`
	// The same from the first binding on.
	BindingSeconds      float64 `json:"bindingSeconds"`
	BoundPodsPerSecond  float64 `json:"boundPodsPerSecond"`
	CreateSeconds       float64 `json:"createSeconds"` // where this is all of the time, the load is what is measured
	WaitMedian          float64 `json:"waitMedian"`    // of a pod, from its creation to its binding
	Wait99              float64 `json:"wait99"`
	Nominated           int     `json:"nominated"` // pods for which status.nominatedNodeName was ever set
	BoundWhereNominated int     `json:"boundWhereNominated"`
	NodesUsed           int     `json:"nodesUsed"`
	CPUSeconds          cpuTime `json:"cpuSeconds"`
}

// cpuTime is CPU time by program. "other" is the extender, "load" this program, "elsewhere" whatever else the machine did:
// where that is much, the measurement is worth little.
type cpuTime map[string]float64

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

// count takes what the watch has seen since begin.
func (r *result) count(records []harness.PodRecord, begin time.Time) {
	var waits []time.Duration
	var first, last time.Time
	nodes := map[string]bool{}
	for _, record := range records {
		if record.Bound.IsZero() {
			continue
		}
		waits = append(waits, record.Bound.Sub(record.Created))
		if first.IsZero() || record.Bound.Before(first) {
			first = record.Bound
		}
		if record.Bound.After(last) {
			last = record.Bound
		}
		nodes[record.Spec.NodeName] = true
		if n := len(record.Nominations); n > 0 {
			r.Nominated++
			if record.Nominations[n-1] == record.Spec.NodeName {
				r.BoundWhereNominated++
			}
		}
	}
	slices.Sort(waits)
	r.NodesUsed = len(nodes)
	r.Seconds = seconds(last.Sub(begin))
	r.PodsPerSecond = rate(len(waits), last.Sub(begin))
	r.BindingSeconds = seconds(last.Sub(first))
	r.BoundPodsPerSecond = rate(len(waits)-1, last.Sub(first))
	r.WaitMedian = seconds(waits[len(waits)/2])
	r.Wait99 = seconds(waits[len(waits)*99/100])
}

func rate(count int, d time.Duration) float64 { return math.Round(10*float64(count)/d.Seconds()) / 10 }

// meters read CPU time from their making on.
type meters struct {
	pids   map[string]int
	before map[string]time.Duration
	load   time.Duration
	all    time.Duration // of the machine
	err    error
}

func newMeters(plane *harness.ControlPlane, other int) *meters {
	m := &meters{pids: map[string]int{}, before: map[string]time.Duration{}, load: ownCPU()}
	m.all, m.err = harness.CPUOfMachine()
	for _, name := range []string{"kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kwok"} {
		if p := plane.Process(name); p != nil {
			m.add(name, p.Pid(), false)
		}
	}
	if other != 0 {
		m.add("other", other, false)
	}
	return m
}

// add measures one more process, from now on or from its start.
func (m *meters) add(name string, pid int, fromStart bool) {
	if _, there := m.pids[name]; there {
		return
	}
	m.pids[name] = pid
	if fromStart {
		return
	}
	cpu, err := harness.CPUOf(pid)
	if err != nil {
		m.err = err
	}
	m.before[name] = cpu
}

func (m *meters) read() (cpuTime, error) {
	all, err := harness.CPUOfMachine()
	if err != nil {
		return nil, err
	}
	elsewhere := (all - m.all).Seconds()
	times := cpuTime{"load": seconds(ownCPU() - m.load)}
	for name, pid := range m.pids {
		cpu, err := harness.CPUOf(pid)
		if err != nil {
			return nil, err
		}
		times[name] = seconds(cpu - m.before[name])
	}
	for _, known := range times {
		elsewhere -= known
	}
	times["elsewhere"] = max(0, math.Round(elsewhere*100)/100)
	return times, m.err
}

func ownCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
