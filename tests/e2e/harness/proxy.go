// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy stands between a client and a server, TCP for TCP, and can be made to fail. TLS goes through it unseen.
type Proxy struct {
	Address string // where it listens

	server   atomic.Value // of string
	listener net.Listener
	refuses  atomic.Bool
	swallows atomic.Bool
	delay    atomic.Int64 // time.Duration

	mutex sync.Mutex
	open  map[net.Conn]bool
	done  sync.WaitGroup
}

// StartProxy listens on a free port and passes everything to the server, host:port.
func StartProxy(server string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Address: listener.Addr().String(), listener: listener, open: map[net.Conn]bool{}}
	p.server.Store(server)
	p.done.Go(p.accept)
	return p, nil
}

// Stop closes everything.
func (p *Proxy) Stop() {
	p.listener.Close()
	p.Reset()
	p.done.Wait()
}

// Cut resets all connections and refuses new ones until Restore.
func (p *Proxy) Cut() {
	p.refuses.Store(true)
	p.Reset()
}

// Lead leads new connections to another server, as a Service does; those that stand stay.
func (p *Proxy) Lead(server string) { p.server.Store(server) }

// Reset resets all connections; new ones may come.
func (p *Proxy) Reset() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for conn := range p.open {
		conn.Close()
	}
}

// Swallow lets connections stand, and come, but none of their bytes pass, until Restore: as when a firewall forgets.
func (p *Proxy) Swallow() { p.swallows.Store(true) }

// Slow lets whatever comes wait for so long before it is passed on, in its order; 0 ends that.
func (p *Proxy) Slow(delay time.Duration) { p.delay.Store(int64(delay)) }

// Restore passes everything again. What was swallowed is lost, so connections that lost something are reset.
func (p *Proxy) Restore() {
	p.refuses.Store(false)
	if p.swallows.Swap(false) {
		p.Reset()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.refuses.Load() {
			client.Close()
			continue
		}
		server, err := net.Dial("tcp", p.server.Load().(string))
		if err != nil {
			client.Close()
			continue
		}
		p.mutex.Lock()
		p.open[client], p.open[server] = true, true
		p.mutex.Unlock()
		p.done.Go(func() { p.pass(client, server) })
		p.done.Go(func() { p.pass(server, client) })
	}
}

func (p *Proxy) pass(from, to net.Conn) {
	defer func() {
		from.Close()
		to.Close()
		p.mutex.Lock()
		delete(p.open, from)
		p.mutex.Unlock()
	}()
	bytes := make([]byte, 32<<10)
	for {
		n, err := from.Read(bytes)
		time.Sleep(time.Duration(p.delay.Load()))
		if n > 0 && !p.swallows.Load() {
			if _, err := to.Write(bytes[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// Proxy starts a proxy in front of kube-apiserver.
func (c *ControlPlane) Proxy() (*Proxy, error) {
	return StartProxy(strings.TrimPrefix(c.url, "https://"))
}

// Through is a kubeconfig in which the server is reached by the proxy.
func (p *Proxy) Through(kubeconfig string) string {
	return strings.ReplaceAll(kubeconfig, "https://"+p.server.Load().(string), "https://"+p.Address)
}

// ThroughPlain is Through for a server that is asked over plain HTTP.
func (p *Proxy) ThroughPlain(kubeconfig string) string {
	return strings.ReplaceAll(kubeconfig, "http://"+p.server.Load().(string), "http://"+p.Address)
}
