// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// streamPods calls see for each event of one watch, bookmarks too, until it ends; that is always an error.
func (c *ControlPlane) streamPods(ctx context.Context, namespace, version string, see func(event string, pod *Pod)) error {
	path := podsPath(namespace) + "?watch=1&allowWatchBookmarks=true&resourceVersion=" + version
	response, err := c.API.stream(ctx, path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	events := json.NewDecoder(response.Body)
	for {
		var event struct {
			Type   string
			Object json.RawMessage
		}
		if err := events.Decode(&event); err != nil {
			return err
		}
		if event.Type == "ERROR" {
			var status struct{ Code int }
			err := json.Unmarshal(event.Object, &status)
			return errors.Join(err, &StatusError{http.MethodGet, path, Answer{Status: status.Code, Body: event.Object}})
		}
		var pod Pod
		if err := json.Unmarshal(event.Object, &pod); err != nil {
			return err
		}
		see(event.Type, &pod)
	}
}

// PodEvents calls see for every change of every pod of a namespace, in the order in which kube-apiserver committed them,
// until ctx ends; none is left out. It begins with an empty namespace. What it returns at once is whether it could begin;
// what comes through the channel, nil after the end of ctx, is why it ended.
func (c *ControlPlane) PodEvents(ctx context.Context, namespace string, see func(event string, pod *Pod)) (<-chan error, error) {
	var pods struct {
		Metadata struct{ ResourceVersion string }
		Items    []Pod
	}
	if err := c.API.Call(ctx, http.MethodGet, podsPath(namespace), nil, &pods); err != nil {
		return nil, err
	}
	if len(pods.Items) > 0 {
		return nil, fmt.Errorf("there are pods in %s already: what was before is not known", namespace)
	}
	ended := make(chan error, 1)
	go func() {
		version := pods.Metadata.ResourceVersion
		for failures := 0; ; failures++ {
			before := version
			err := c.streamPods(ctx, namespace, version, func(event string, pod *Pod) {
				version = pod.Metadata.ResourceVersion
				if event != "BOOKMARK" {
					see(event, pod)
				}
			})
			if version != before {
				failures = 0
			}
			if ctx.Err() != nil {
				ended <- nil
				return
			}
			// A watch that went on elsewhere would have missed something; one that has run out goes on where it was.
			var status *StatusError
			if errors.As(err, &status) || failures > 10 {
				ended <- fmt.Errorf("the watch of pods has ended: %w", err)
				return
			}
		}
	}()
	return ended, nil
}
