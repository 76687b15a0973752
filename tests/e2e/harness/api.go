// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"
)

// API speaks to kube-apiserver without kubectl, where a test needs many requests or the answer's headers.
type API struct {
	url, token string
	client     *http.Client
}

func newAPI(url, token string, ca *x509.CertPool) (*API, error) {
	return &API{url: url, token: token, client: &http.Client{
		Timeout: 30 * time.Second,
		// HTTP/1.1, with a connection for each request in flight.
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: ca},
			MaxIdleConnsPerHost: 64,
		},
	}}, nil
}

// Answer is an answer of kube-apiserver.
type Answer struct {
	Status   int
	Body     []byte
	Warnings []string // the texts of its Warning headers
}

// Message is the message of a Status object, or else the body.
func (a Answer) Message() string {
	var status struct{ Kind, Message string }
	if json.Unmarshal(a.Body, &status) == nil && status.Kind == "Status" {
		return status.Message
	}
	return string(a.Body)
}

// StatusError is an answer of kube-apiserver that is not a success.
type StatusError struct {
	Method, Path string
	Answer       Answer
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: %d %.1000s", e.Method, e.Path, e.Answer.Status, e.Answer.Message())
}

// IsStatus tells whether err comes from an answer with this status.
func IsStatus(err error, status int) bool {
	e, ok := errors.AsType[*StatusError](err)
	return ok && e.Answer.Status == status
}

// Call is Do for requests that have to succeed; into, unless nil, takes the decoded answer.
func (a *API) Call(ctx context.Context, method, path string, body, into any) error {
	answer, err := a.Do(ctx, method, path, body)
	if err != nil {
		return err
	}
	if answer.Status < 200 || answer.Status > 299 {
		return &StatusError{method, path, answer}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// stream opens a request whose answer has no end.
func (a *API) stream(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	endless := http.Client{Transport: a.client.Transport}
	response, err := endless.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return nil, &StatusError{http.MethodGet, path, Answer{Status: response.StatusCode, Body: text}}
	}
	return response, nil
}

// Do sends a request; body is encoded as JSON unless nil. A patch is a merge patch.
func (a *API) Do(ctx context.Context, method, path string, body any) (Answer, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return Answer{}, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, content)
	if err != nil {
		return Answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	response, err := a.client.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Status: response.StatusCode, Body: text}
	for _, header := range response.Header.Values("Warning") {
		answer.Warnings = append(answer.Warnings, warningText(header))
	}
	return answer, nil
}

var warningHeader = regexp.MustCompile(`^299 - "((?:[^"\\]|\\.)*)"`)

// warningText takes the text out of a Warning header: 299 - "text", with quotes and backslashes escaped.
func warningText(header string) string {
	m := warningHeader.FindStringSubmatch(header)
	if m == nil {
		return header
	}
	return regexp.MustCompile(`\\(.)`).ReplaceAllString(m[1], "$1")
}

// DryRunPod asks to create a pod without storing it.
func (a *API) DryRunPod(ctx context.Context, namespace string, pod any) (Answer, error) {
	return a.Do(ctx, http.MethodPost, fmt.Sprintf("/api/v1/namespaces/%s/pods?dryRun=All", namespace), pod)
}
