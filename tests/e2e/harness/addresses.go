// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// FreeAddresses are addresses on loopback that nobody uses now. All are held until all are found, so that they differ.
// Their ports are below those that the kernel gives to clients: a connection of another suite, or of a server that has just
// been stopped, cannot take one before its server listens.
func FreeAddresses(count int) ([]string, error) {
	const first, ports, tries = 15000, 15000, 100
	var addresses []string
	for range count {
		var listener net.Listener
		err := errors.New("")
		for try := 0; err != nil && try < tries; try++ {
			listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(ports)))
		}
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}
