// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// SchedulerOptions configure kube-scheduler: either by a whole configuration, or by pieces of one.
type SchedulerOptions struct {
	// Config is the text of a KubeSchedulerConfiguration in YAML. A kubeconfig that it names is replaced by the one of
	// this control plane. What it leaves out of clientConnection and leaderElection is added.
	Config string

	Extenders                string // the list of extenders in YAML
	PercentageOfNodesToScore int    // this and the next two: 0 is the default of Kubernetes
	PodInitialBackoffSeconds int
	PodMaxBackoffSeconds     int

	Args []string // further flags
}

// Scheduler is a kube-scheduler with the rights that Kubernetes gives it.
type Scheduler struct {
	*Process
	Config string // path of its configuration

	plane *ControlPlane
	args  []string
}

// StartScheduler starts kube-scheduler and returns when it knows the cluster: whatever waits is scheduled from then on.
func StartScheduler(ctx context.Context, plane *ControlPlane, options SchedulerOptions) (*Scheduler, error) {
	kubeconfig := plane.path("scheduler.kubeconfig")
	if err := plane.writeKubeconfig(kubeconfig, "scheduler", schedulerToken); err != nil {
		return nil, err
	}
	s := &Scheduler{plane: plane, Config: plane.path(fmt.Sprintf("scheduler-%d.yaml", plane.count("kube-scheduler")+1))}
	if err := os.WriteFile(s.Config, []byte(options.text(kubeconfig)), 0o600); err != nil {
		return nil, err
	}
	// One file logs, one level deeper, that all caches are filled.
	s.args = append([]string{"--config=" + s.Config, "--secure-port=0", "-v=2", "--vmodule=server=3"}, options.Args...)
	return s, s.start(ctx)
}

var (
	schedulerKnowsAll   = regexp.MustCompile(`(?m)^.*"Handlers synced".*$`)
	kubeconfigOfConfig  = regexp.MustCompile(`(?m)(\bkubeconfig:[ \t]*)("[^"]*"|[^\s,}]+)`)
	connectionOfConfig  = regexp.MustCompile(`(?m)^clientConnection:`)
	leaderElectOfConfig = regexp.MustCompile(`(?m)^leaderElection:`)
)

// text is the configuration file. The client's own limit of requests, 50 a second, would be that of every measurement.
func (o SchedulerOptions) text(kubeconfig string) string {
	text := o.Config
	if text == "" {
		text = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"
		for name, value := range map[string]int{
			"percentageOfNodesToScore": o.PercentageOfNodesToScore,
			"podInitialBackoffSeconds": o.PodInitialBackoffSeconds,
			"podMaxBackoffSeconds":     o.PodMaxBackoffSeconds,
		} {
			if value != 0 {
				text += fmt.Sprintf("%s: %d\n", name, value)
			}
		}
		if o.Extenders != "" {
			text += "extenders:\n" + o.Extenders + "\n"
		}
	}
	if connectionOfConfig.MatchString(text) {
		text = kubeconfigOfConfig.ReplaceAllString(text, "${1}"+fmt.Sprintf("%q", kubeconfig))
	} else {
		text = strings.TrimRight(text, "\n") + fmt.Sprintf("\nclientConnection: {kubeconfig: %q, qps: 5000, burst: 5000}\n", kubeconfig)
	}
	if !leaderElectOfConfig.MatchString(text) {
		text = strings.TrimRight(text, "\n") + "\nleaderElection: {leaderElect: false}\n"
	}
	return text
}

func (s *Scheduler) start(ctx context.Context) error {
	name := fmt.Sprintf("kube-scheduler-%d", s.plane.count("kube-scheduler")+1)
	p, err := s.plane.runAs(name, filepath.Join(s.plane.bin, "kube-scheduler"), s.args...)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if _, err := p.WaitForLog(ctx, schedulerKnowsAll); err != nil {
		return errors.Join(err, p.Kill())
	}
	s.Process = p
	return nil
}

// Stop asks kube-scheduler to end; Kill, of Process, does not ask.
func (s *Scheduler) Stop() error {
	_, err := s.Terminate(10 * time.Second)
	return err
}

// Restart starts it anew with the configuration it had, which may have been rewritten meanwhile. One that still runs is
// stopped first.
func (s *Scheduler) Restart(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.start(ctx)
}
