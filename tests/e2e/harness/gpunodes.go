// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
)

// GPU is a product, as GPU Feature Discovery names it. Its functions make the shapes of nodes that NVIDIA's device
// plugin and GPU Feature Discovery leave behind: allocatable, and the labels that tell of devices.
type GPU struct {
	Product   string
	Family    string
	MemoryMiB int
	MIG       bool // capable of it
}

// Some products.
var (
	H100    = GPU{Product: "NVIDIA-H100-80GB-HBM3", Family: "hopper", MemoryMiB: 81559, MIG: true}
	A100x40 = GPU{Product: "NVIDIA-A100-SXM4-40GB", Family: "ampere", MemoryMiB: 40960, MIG: true}
	A100x80 = GPU{Product: "NVIDIA-A100-SXM4-80GB", Family: "ampere", MemoryMiB: 81920, MIG: true}
	T4      = GPU{Product: "Tesla-T4", Family: "turing", MemoryMiB: 15360}
	L4      = GPU{Product: "NVIDIA-L4", Family: "ada-lovelace", MemoryMiB: 23034}
)

func (g GPU) shape(prefix string, nodes int, labels map[string]string) NodeShape {
	all := map[string]string{
		"nvidia.com/gpu.present":          "true",
		"nvidia.com/gpu.product":          g.Product,
		"nvidia.com/gpu.family":           g.Family,
		"nvidia.com/gpu.memory":           strconv.Itoa(g.MemoryMiB),
		"nvidia.com/gpu.mode":             "compute",
		"nvidia.com/gpu.sharing-strategy": "none",
		"nvidia.com/gpu.replicas":         "1",
		"nvidia.com/mig.capable":          strconv.FormatBool(g.MIG),
	}
	maps.Copy(all, labels)
	return NodeShape{Count: nodes, Prefix: prefix, Labels: all, Allocatable: map[string]string{}}
}

// Whole nodes hand out each of their GPUs whole.
func (g GPU) Whole(prefix string, nodes, gpus int) NodeShape {
	s := g.shape(prefix, nodes, map[string]string{"nvidia.com/gpu.count": strconv.Itoa(gpus)})
	s.Allocatable["nvidia.com/gpu"] = strconv.Itoa(gpus)
	return s
}

// TimeSliced nodes hand out each GPU to so many pods, under its own name or, renamed, as nvidia.com/gpu.shared.
func (g GPU) TimeSliced(prefix string, nodes, gpus, replicas int, renamed bool) NodeShape {
	labels := map[string]string{
		"nvidia.com/gpu.count":            strconv.Itoa(gpus),
		"nvidia.com/gpu.replicas":         strconv.Itoa(replicas),
		"nvidia.com/gpu.sharing-strategy": "time-slicing",
	}
	resource := "nvidia.com/gpu.shared"
	if !renamed {
		resource = "nvidia.com/gpu"
		labels["nvidia.com/gpu.product"] = g.Product + "-SHARED"
	}
	s := g.shape(prefix, nodes, labels)
	s.Allocatable[resource] = strconv.Itoa(gpus * replicas)
	return s
}

// MIGMixed nodes have all GPUs in MIG mode under the strategy "mixed". devices are those of one node by their profile:
// "1g.10gb": 56.
func (g GPU) MIGMixed(prefix string, nodes, gpus int, devices map[string]int) NodeShape {
	s := g.shape(prefix, nodes, map[string]string{
		"nvidia.com/gpu.count": strconv.Itoa(gpus), "nvidia.com/gpu.replicas": "0", "nvidia.com/mig.strategy": "mixed",
	})
	for profile, count := range devices {
		resource := "nvidia.com/mig-" + profile
		gi, ci := slicesOf(profile)
		s.Allocatable[resource] = strconv.Itoa(count)
		maps.Copy(s.Labels, map[string]string{
			resource + ".product":          g.Product + "-MIG-" + profile,
			resource + ".count":            strconv.Itoa(count),
			resource + ".replicas":         "1",
			resource + ".sharing-strategy": "none",
			resource + ".slices.gi":        gi,
			resource + ".slices.ci":        ci,
		})
	}
	return s
}

// MIGSingle nodes are cut into equal slices under the strategy "single", which calls them GPUs. slices are those of one
// node.
func (g GPU) MIGSingle(prefix string, nodes int, profile string, slices int) NodeShape {
	gi, ci := slicesOf(profile)
	s := g.shape(prefix, nodes, map[string]string{
		"nvidia.com/gpu.product":   g.Product + "-MIG-" + profile,
		"nvidia.com/gpu.count":     strconv.Itoa(slices),
		"nvidia.com/gpu.slices.gi": gi,
		"nvidia.com/gpu.slices.ci": ci,
		"nvidia.com/mig.strategy":  "single",
	})
	s.Allocatable["nvidia.com/gpu"] = strconv.Itoa(slices)
	return s
}

var profileName = regexp.MustCompile(`^(?:([0-9])c\.)?([0-9])g\.`)

// slicesOf are the compute slices of the GPU instance and of the compute instance that a profile names: 7 and 2 in
// 2c.7g.80gb.
func slicesOf(profile string) (gi, ci string) {
	m := profileName.FindStringSubmatch(profile)
	if m == nil {
		panic(fmt.Sprintf("%q is no MIG profile", profile))
	}
	if m[1] == "" {
		return m[2], m[2]
	}
	return m[2], m[1]
}
