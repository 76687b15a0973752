// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// FreeAddresses are addresses on loopback that nobody uses now. All are held until all are found, so that they differ.
func FreeAddresses(count int) ([]string, error) {
	var addresses []string
	for range count {
		listener, err := listenBelowClients()
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}

// listenBelowClients takes a port below those that the kernel gives to clients: a connection of another suite, or of a
// server that has just been stopped, cannot take it before a server listens there.
func listenBelowClients() (listener net.Listener, err error) {
	const first, ports, tries = 15000, 15000, 100
	for range tries {
		if listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(ports))); err == nil {
			return listener, nil
		}
	}
	return nil, err
}
