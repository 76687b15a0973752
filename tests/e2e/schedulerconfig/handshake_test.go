// SPDX-License-Identifier: Apache-2.0

package schedulerconfig

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serve starts slicegate with its extender on a recorded cluster, and returns the extender's address.
func serve(t *testing.T, dir string) string {
	t.Helper()
	file := func(name string) string { return filepath.Join(dir, name) }
	command := exec.Command(os.Getenv("SLICEGATE"), "serve", "--listen", "127.0.0.1:0", "--tls-cert", file("tls.crt"),
		"--tls-key", file("tls.key"), "--cluster", deploy+"/examples/what-if/cluster.json", "--extender-listen",
		"127.0.0.1:0", "--extender-client-ca", file("ca.crt"))
	log, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		command.Wait()
	})
	serving := regexp.MustCompile(`msg="extender serving" address=(\S+)`)
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if found := serving.FindStringSubmatch(lines.Text()); found != nil {
			go io.Copy(io.Discard, log)
			return found[1]
		}
	}
	t.Fatal("slicegate's extender does not serve")
	return ""
}

// filter asks as kube-scheduler does, in its own language's TLS, showing a certificate or none.
func filter(t *testing.T, address, dir, cert string) (string, error) {
	t.Helper()
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(ca)
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, cert+".crt"), filepath.Join(dir, cert+".key"))
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	const args = `{"Pod":{"metadata":{"name":"a","namespace":"b","uid":"u"},"spec":{"containers":[{"name":"c",
		"resources":{"limits":{"nvidia.com/gpu":"1"}}}]}},"Nodes":null,"NodeNames":["unknown"]}`
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	answer, err := client.Post("https://"+address+"/scheduler/filter", "application/json", strings.NewReader(args))
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return string(body), err
}

func TestCertificatesOpenTheDoor(t *testing.T) {
	dir := t.TempDir()
	tool(t, "certs", "issue", "--dir", dir, "--ip", "127.0.0.1")
	tool(t, "certs", "issue", "--dir", dir, "--client", "kube-scheduler", "--reuse-ca")
	address := serve(t, dir)
	if body, err := filter(t, address, dir, "client"); err != nil || !strings.Contains(body, `"NodeNames":`) {
		t.Errorf("with the client's certificate: %q, %v", body, err)
	}
	if body, err := filter(t, address, dir, ""); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a certificate: %q, %v", body, err)
	}
	if body, err := filter(t, address, dir, "tls"); err == nil || !strings.Contains(err.Error(), "unsupported certificate") {
		t.Errorf("with the server's own certificate: %q, %v", body, err)
	}
}
