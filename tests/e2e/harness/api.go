// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
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

// Do sends a request; body is encoded as JSON unless nil.
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
