// SPDX-License-Identifier: Apache-2.0

// Command device-plugin offers devices that do not exist to a kubelet, as NVIDIA's device plugin offers GPUs:
//
//	device-plugin RESOURCE=ID,ID... [RESOURCE=ID...]
//
// What the kubelet allocates shows in the container as NVIDIA_VISIBLE_DEVICES. It writes "registered RESOURCE" once the
// kubelet knows of a resource. It ends on a signal.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

// plugin serves one resource: a kubelet wants a socket for each.
type plugin struct {
	api.UnimplementedDevicePluginServer
	resource string
	devices  []*api.Device
	ending   context.Context
}

func (p *plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

// ListAndWatch says once what there is. Nothing of it ever breaks.
func (p *plugin) ListAndWatch(_ *api.Empty, stream grpc.ServerStreamingServer[api.ListAndWatchResponse]) error {
	if err := stream.Send(&api.ListAndWatchResponse{Devices: p.devices}); err != nil {
		return err
	}
	select {
	case <-stream.Context().Done():
	case <-p.ending.Done():
	}
	return nil
}

func (p *plugin) Allocate(_ context.Context, request *api.AllocateRequest) (*api.AllocateResponse, error) {
	answer := &api.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		fmt.Println("allocated", p.resource, container.DevicesIds)
		answer.ContainerResponses = append(answer.ContainerResponses, &api.ContainerAllocateResponse{
			Envs: map[string]string{"NVIDIA_VISIBLE_DEVICES": strings.Join(container.DevicesIds, ",")},
		})
	}
	return answer, nil
}

// serve answers on the plugin's socket and registers it with the kubelet.
func (p *plugin) serve(ctx context.Context) error {
	endpoint := strings.NewReplacer("/", "-", ".", "-").Replace(p.resource) + ".sock"
	path := filepath.Join(api.DevicePluginPath, endpoint)
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	api.RegisterDevicePluginServer(server, p)
	go server.Serve(listener)

	conn, err := grpc.NewClient("unix:"+api.KubeletSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request := &api.RegisterRequest{Version: api.Version, Endpoint: endpoint, ResourceName: p.resource}
	if _, err := api.NewRegistrationClient(conn).Register(ctx, request, grpc.WaitForReady(true)); err != nil {
		return fmt.Errorf("register %s: %w", p.resource, err)
	}
	fmt.Println("registered", p.resource)
	return nil
}

func run(args []string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	for _, arg := range args {
		resource, list, found := strings.Cut(arg, "=")
		if !found || list == "" {
			return fmt.Errorf("RESOURCE=ID,ID... is wanted, not %q", arg)
		}
		p := &plugin{resource: resource, ending: ctx}
		for id := range strings.SplitSeq(list, ",") {
			p.devices = append(p.devices, &api.Device{ID: id, Health: api.Healthy})
		}
		if err := p.serve(ctx); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: device-plugin RESOURCE=ID,ID...")
		os.Exit(2)
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "device-plugin:", err)
		os.Exit(1)
	}
}
