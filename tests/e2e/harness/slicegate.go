// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// nobody is the uid and gid under which slicegate runs when the suite runs as root.
const nobody = 65534

// Slicegate is the installed program. It runs with an identity of its own: a user without rights where that is
// possible, an empty environment, and no kubeconfig, token or other credential. What it knows is the files in Dir.
type Slicegate struct {
	Dir string // its files; it can read and write here

	binary  string
	user    *syscall.Credential // nil: the user of the suite
	started atomic.Int32
}

// InstallSlicegate copies the binary to where its user can run it.
func InstallSlicegate(binary, dir string) (*Slicegate, error) {
	s := &Slicegate{Dir: filepath.Join(dir, "slicegate"), binary: filepath.Join(dir, "bin", "slicegate")}
	for _, folder := range []string{s.Dir, filepath.Dir(s.binary)} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.binary, text, 0o755); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		s.user = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := os.Chown(s.Dir, nobody, nobody); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Write puts a file into its folder, replacing it in one step, and returns the path.
func (s *Slicegate) Write(name string, text []byte) (string, error) {
	path := filepath.Join(s.Dir, name)
	temp := path + ".new"
	if err := os.WriteFile(temp, text, 0o644); err != nil {
		return "", err
	}
	return path, os.Rename(temp, path)
}

// WriteSecret is Write for what only slicegate may read, such as a kubeconfig.
func (s *Slicegate) WriteSecret(name string, text []byte) (string, error) {
	path := filepath.Join(s.Dir, name)
	temp := path + ".new"
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		return "", err
	}
	if s.user != nil {
		if err := os.Chown(temp, int(s.user.Uid), int(s.user.Gid)); err != nil {
			return "", err
		}
	}
	return path, os.Rename(temp, path)
}

// Command is a slicegate command under its own identity.
func (s *Slicegate) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Dir = s.Dir
	cmd.Env = []string{} // not nil, which would mean ours
	for _, name := range []string{"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	if s.user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	}
	return cmd
}

// Run runs a command to its end. That it fails is no error: see Output.Code.
func (s *Slicegate) Run(ctx context.Context, stdin []byte, args ...string) (Output, error) {
	out, err := run(s.Command(ctx, args...), stdin)
	if err == nil {
		err = sanitizerReport(out.Stderr)
	}
	return out, err
}

// MustSucceed turns a command that failed into an error.
func MustSucceed(out Output, err error) (Output, error) {
	if err == nil && out.Code != 0 {
		err = fmt.Errorf("a command failed:\n%s", out)
	}
	return out, err
}

// Certificates are the files that `slicegate certs issue` leaves behind.
type Certificates struct{ Dir string }

func (c Certificates) CA() string   { return filepath.Join(c.Dir, "ca.crt") }
func (c Certificates) Leaf() string { return filepath.Join(c.Dir, "tls.crt") }
func (c Certificates) Key() string  { return filepath.Join(c.Dir, "tls.key") }

// ClientLeaf and ClientKey are those of IssueClientCertificate.
func (c Certificates) ClientLeaf() string { return filepath.Join(c.Dir, "client.crt") }
func (c Certificates) ClientKey() string  { return filepath.Join(c.Dir, "client.key") }

// IssueCertificates makes a CA and a certificate for 127.0.0.1 in the folder name.
func (s *Slicegate) IssueCertificates(ctx context.Context, name string) (Certificates, error) {
	c := Certificates{Dir: filepath.Join(s.Dir, name)}
	_, err := MustSucceed(s.Run(ctx, nil, "certs", "issue", "--dir", c.Dir, "--ip", "127.0.0.1"))
	return c, err
}

// IssueClientCertificate makes a certificate of the same CA by which a client of this name proves who it is.
func (s *Slicegate) IssueClientCertificate(ctx context.Context, c Certificates, name string) error {
	_, err := MustSucceed(s.Run(ctx, nil, "certs", "issue", "--dir", c.Dir, "--client", name, "--reuse-ca"))
	return err
}

// RenewCertificate writes a new certificate of the same CA over the old one.
func (s *Slicegate) RenewCertificate(ctx context.Context, c Certificates) error {
	_, err := MustSucceed(s.Run(ctx, nil, "certs", "issue", "--dir", c.Dir, "--ip", "127.0.0.1", "--reuse-ca", "--force"))
	return err
}

// Server is a running `slicegate serve`.
type Server struct {
	*Process
	Address string // host:port

	client    *http.Client
	slicegate *Slicegate
	options   ServeOptions
}

var (
	servingLine = regexp.MustCompile(`(?m)^.*\bmsg=serving\b.*\baddress="?([0-9.]+:[0-9]+)`)
	sanitizer   = regexp.MustCompile(`(?m)^.*(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error: ).*$`)
)

// Inputs are the files by which slicegate judges. Without a path it has the built-in policy, and no cluster.
type Inputs struct {
	Policy  string
	Cluster string // a recorded cluster: see ControlPlane.Record
}

// Args are the flags of serve and check.
func (i Inputs) Args() []string {
	var args []string
	if i.Policy != "" {
		args = append(args, "--policy", i.Policy)
	}
	if i.Cluster != "" {
		args = append(args, "--cluster", i.Cluster)
	}
	return args
}

// ServeOptions are the ways in which servers differ.
type ServeOptions struct {
	Address string // host:port; "" is any free port of loopback
	Certs   Certificates
	Inputs  Inputs
	Args    []string // further flags
	Env     []string // such as KUBECONFIG=file; there is nothing else in its environment
}

// Serve starts a server at the address (port 0: any free port) and waits until it says that it serves.
func (s *Slicegate) Serve(ctx context.Context, address string, certs Certificates, inputs Inputs) (*Server, error) {
	return s.ServeWith(ctx, ServeOptions{Address: address, Certs: certs, Inputs: inputs})
}

// ServeWith starts a server and waits until it says that it serves. That it is also ready, where it has to learn the
// cluster first, is for Server.WaitReady.
func (s *Slicegate) ServeWith(ctx context.Context, options ServeOptions) (*Server, error) {
	if options.Address == "" {
		options.Address = "127.0.0.1:0"
	}
	server := &Server{Address: options.Address, slicegate: s, options: options}
	var err error
	if server.client, err = clientFor(options.Certs.CA()); err != nil {
		return nil, err
	}
	if err := server.start(ctx); err != nil {
		return nil, err
	}
	return server, nil
}

func (s *Server) start(ctx context.Context) error {
	o := s.options
	args := []string{"serve", "--listen", s.Address, "--tls-cert", o.Certs.Leaf(), "--tls-key", o.Certs.Key(), "--log-format", "text"}
	args = append(append(args, o.Inputs.Args()...), o.Args...)
	name := fmt.Sprintf("slicegate-%d", s.slicegate.started.Add(1))
	// The context bounds the start, not the life of the server.
	cmd := s.slicegate.Command(context.Background(), args...)
	cmd.Env = append(cmd.Env, o.Env...)
	p, err := startProcess(name, cmd, filepath.Join(filepath.Dir(s.slicegate.Dir), "logs", name+".log"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	address, err := p.WaitForLog(ctx, servingLine)
	if err != nil {
		return errors.Join(err, p.Kill())
	}
	s.Process, s.Address = p, address
	return nil
}

// Restart starts the server anew with the arguments it had, at the address it had. A server that still runs is killed
// first. Where an argument asks for any free port, the new one is another: give it one of FreeAddresses.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Kill(); err != nil {
		return err
	}
	if err := s.CheckLog(); err != nil {
		return err
	}
	return s.start(ctx)
}

// WaitReady waits until /readyz is content.
func (s *Server) WaitReady(ctx context.Context) error {
	return Poll(ctx, s.Name+" to be ready", func() error {
		if s.Exited() {
			return Permanent(fmt.Errorf("%s ended; its log:\n%s", s.Name, s.Tail(30)))
		}
		status, text, err := s.Get(ctx, "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d: %.500s", status, text)
		}
		return err
	})
}

// URL is what kube-apiserver calls.
func (s *Server) URL() string { return "https://" + s.Address }

// Get asks the server itself; every call uses a new connection.
func (s *Server) Get(ctx context.Context, path string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+path, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// Metrics is what /metrics says at one time.
type Metrics string

// Metrics asks for them.
func (s *Server) Metrics(ctx context.Context) (Metrics, error) {
	status, text, err := s.Get(ctx, "/metrics")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("/metrics: %d %s", status, text)
	}
	return Metrics(text), err
}

// Metric is Metrics.Sum of what they are now.
func (s *Server) Metric(ctx context.Context, name, labels string) (float64, error) {
	now, err := s.Metrics(ctx)
	return now.Sum(name, labels), err
}

// Sum is the sum of those series of a metric whose labels contain this text. name is what they begin with.
func (m Metrics) Sum(name, labels string) float64 {
	sum := 0.0
	for line := range strings.Lines(string(m)) {
		series, value, found := strings.Cut(strings.TrimSpace(line), " ")
		if !found || !strings.HasPrefix(series, name) || !strings.Contains(series, labels) {
			continue
		}
		var number float64
		if _, err := fmt.Sscan(value, &number); err == nil {
			sum += number
		}
	}
	return sum
}

// LeafSerial is the serial number of the certificate that a new connection is shown, whoever answers at the address.
func (s *Server) LeafSerial(ctx context.Context) (string, error) {
	transport := s.client.Transport.(*http.Transport)
	conn, err := (&tls.Dialer{Config: transport.TLSClientConfig}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
}

// Stop asks the server to end and is not content with less than a clean exit.
func (s *Server) Stop() error {
	code, err := s.Terminate(30 * time.Second)
	if err != nil {
		return err
	}
	if code != 0 {
		err = fmt.Errorf("%s ended with exit code %d after SIGTERM; its log:\n%s", s.Name, code, s.Tail(30))
	}
	return errors.Join(err, s.CheckLog())
}

// CheckLog looks for the reports of a sanitizer, where the binary was built with one.
func (s *Server) CheckLog() error {
	text, err := os.ReadFile(s.Log)
	if err != nil {
		return err
	}
	return sanitizerReport(string(text))
}

func sanitizerReport(text string) error {
	if line := sanitizer.FindString(text); line != "" {
		return fmt.Errorf("slicegate: %s\n%s", line, text)
	}
	return nil
}

// WebhookConfig prints the webhook configurations for a server.
func (s *Slicegate) WebhookConfig(ctx context.Context, url string, certs Certificates, policy string, more ...string) (string, error) {
	args := []string{"webhook-config", "--url", url, "--ca-bundle", certs.CA()}
	if policy != "" {
		args = append(args, "--policy", policy)
	}
	out, err := MustSucceed(s.Run(ctx, nil, append(args, more...)...))
	if err == nil && out.Stderr != "" {
		err = fmt.Errorf("webhook-config is not silent on stderr:\n%s", out)
	}
	return out.Stdout, err
}

// SchedulerConfig prints the configuration of kube-scheduler for an extender at host:port.
func (s *Slicegate) SchedulerConfig(ctx context.Context, extender string, certs Certificates, more ...string) (string, error) {
	args := []string{
		"scheduler-config", "--url", "https://" + extender, "--leader-elect", "false",
		"--ca-file", certs.CA(), "--cert-file", certs.ClientLeaf(), "--key-file", certs.ClientKey(),
	}
	out, err := MustSucceed(s.Run(ctx, nil, append(args, more...)...))
	return out.Stdout, err
}

func clientFor(ca string) (*http.Client, error) {
	text, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate:\n%s", ca, strings.TrimSpace(string(text)))
	}
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true},
	}, nil
}
