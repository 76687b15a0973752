// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Holdback stands between a client and kube-apiserver, request by request, and can keep some back: as a network does
// that delivers what was sent long after its sender is gone. The client speaks plain HTTP to it, over loopback.
type Holdback struct {
	Address string // where it listens

	target   *url.URL
	api      http.RoundTripper
	server   *http.Server
	listener net.Listener
	held     chan *Held

	mutex sync.Mutex
	holds func(*http.Request) bool
	deaf  []*deafWriter // watches of pods
	open  map[net.Conn]bool
}

// Held is a request that has come and has not been passed on.
type Held struct {
	Path string
	Body []byte

	api     http.RoundTripper
	request *http.Request
}

// Holdback starts one in front of kube-apiserver.
func (c *ControlPlane) Holdback() (*Holdback, error) {
	target, err := url.Parse(c.url)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &Holdback{
		Address: listener.Addr().String(), target: target, api: c.API.client.Transport, listener: listener, held: make(chan *Held, 64),
		open: map[net.Conn]bool{},
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: h.api, FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	h.server = &http.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.pass(proxy, w, r) }),
		ConnState: h.note,
	}
	go h.server.Serve(listener)
	return h, nil
}

// Stop closes everything.
func (h *Holdback) Stop() { h.server.Close() }

// Reset ends all connections, and with them the requests that are held back.
func (h *Holdback) Reset() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for conn := range h.open {
		conn.Close()
	}
}

// Through is a kubeconfig in which the server is reached by it.
func (h *Holdback) Through(kubeconfig string) string {
	return strings.ReplaceAll(kubeconfig, h.target.String(), "http://"+h.Address)
}

// Hold keeps back every request of which this is true, from now on; nil: none.
func (h *Holdback) Hold(which func(*http.Request) bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.holds = which
}

// Binding tells whether a request binds a pod.
func Binding(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/binding")
}

// Next waits for a request that is held back.
func (h *Holdback) Next(ctx context.Context) (*Held, error) {
	select {
	case held := <-h.held:
		return held, nil
	case <-ctx.Done():
		return nil, errors.New("no request was held back")
	}
}

// Deafen lets the watches of pods that stand now bring nothing more, without ending them.
func (h *Holdback) Deafen() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, w := range h.deaf {
		w.deafen()
	}
}

// Release lets the request go on its way, whether its sender waits for the answer or not.
func (h *Held) Release(ctx context.Context) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request := h.request.Clone(ctx)
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(h.Body)), int64(len(h.Body))
	response, err := h.api.RoundTrip(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return Answer{Status: response.StatusCode, Body: body}, err
}

func (h *Holdback) note(conn net.Conn, state http.ConnState) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if state == http.StateNew {
		h.open[conn] = true
	} else if state == http.StateClosed || state == http.StateHijacked {
		delete(h.open, conn)
	}
}

func (h *Holdback) pass(proxy http.Handler, w http.ResponseWriter, r *http.Request) {
	h.mutex.Lock()
	holds := h.holds != nil && h.holds(r)
	if !holds && r.URL.Path == "/api/v1/pods" && r.URL.Query().Get("watch") != "" {
		watch := &deafWriter{ResponseWriter: w}
		h.deaf = append(h.deaf, watch)
		w = watch
	}
	h.mutex.Unlock()
	if !holds {
		proxy.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	request := r.Clone(context.Background())
	request.URL.Scheme, request.URL.Host, request.Host, request.RequestURI = h.target.Scheme, h.target.Host, "", ""
	h.held <- &Held{Path: r.URL.Path, Body: body, api: h.api, request: request}
	<-r.Context().Done() // no answer, until the sender gives up or is gone
}

// deafWriter is the answer to a watch, whose bytes can be made to vanish.
type deafWriter struct {
	http.ResponseWriter

	mutex sync.Mutex
	mute  bool
}

func (w *deafWriter) deafen() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.mute = true
}

func (w *deafWriter) Write(bytes []byte) (int, error) {
	w.mutex.Lock()
	mute := w.mute
	w.mutex.Unlock()
	if mute {
		return len(bytes), nil
	}
	return w.ResponseWriter.Write(bytes)
}

func (w *deafWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
