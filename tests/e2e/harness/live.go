// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
)

// Live is a slicegate that follows the cluster as an installed one does: with the rights of its ServiceAccount, and an
// extender that asks who calls.
type Live struct {
	*Server
	Certs    Certificates
	Extender string // host:port
}

// LiveOptions are the ways in which they differ.
type LiveOptions struct {
	RBAC string                         // path of the manifest of its rights
	Way  func(kubeconfig string) string // leads what it asks kube-apiserver through a proxy; nil: it asks directly
	Args []string                       // further flags
}

// ServeLive starts one and does not wait until it is ready.
func (s *Slicegate) ServeLive(ctx context.Context, plane *ControlPlane, options LiveOptions) (*Live, error) {
	name := fmt.Sprintf("live-%d", s.started.Load()+1)
	certs, err := s.IssueCertificates(ctx, "certs-"+name)
	if err == nil {
		err = s.IssueClientCertificate(ctx, certs, "kube-scheduler")
	}
	if err != nil {
		return nil, err
	}
	kubeconfig, err := plane.ServiceAccount(ctx, "slicegate-system", "slicegate", options.RBAC)
	if err != nil {
		return nil, err
	}
	if options.Way != nil {
		kubeconfig = options.Way(kubeconfig)
	}
	path, err := s.WriteSecret(name+".kubeconfig", []byte(kubeconfig))
	if err != nil {
		return nil, err
	}
	addresses, err := FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	l := &Live{Certs: certs, Extender: addresses[0]}
	l.Server, err = s.ServeWith(ctx, ServeOptions{Certs: certs, Args: append([]string{
		"--live", "--kubeconfig", path, "--extender-listen", l.Extender, "--extender-client-ca", certs.CA(),
	}, options.Args...)})
	return l, err
}

// StartScheduler starts kube-scheduler as `slicegate scheduler-config` sets it up for this slicegate.
func (l *Live) StartScheduler(ctx context.Context, plane *ControlPlane, more ...string) (*Scheduler, error) {
	text, err := l.slicegate.SchedulerConfig(ctx, l.Extender, l.Certs, more...)
	if err != nil {
		return nil, err
	}
	return StartScheduler(ctx, plane, SchedulerOptions{Config: text})
}
