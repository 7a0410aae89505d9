package security

import (
	"fmt"
	"testing"
)

// TestHomesOfOneNetwork has one customer of a provider be at home all over an IPv6 network: others stay known, and of the
// network the last do.
func TestHomesOfOneNetwork(t *testing.T) {
	t.Parallel()
	var h homes
	h.add("198.51.100.7", "ann")
	h.add("2001:db8:1:1::/64", "ben")
	const many = 2 * knownAddresses
	address := func(n int) string { return fmt.Sprintf("2001:db8:64:%x::/64", n) }
	for n := range many {
		h.add(address(n), fmt.Sprint("thief ", n/knownHomes))
	}
	if !h.has("198.51.100.7") || !h.has("2001:db8:1:1::/64") {
		t.Error("others were pushed out")
	}
	known := 0
	for n := range many {
		if h.has(address(n)) {
			known++
		}
	}
	if known != knownOf48 || !h.has(address(many-1)) {
		t.Errorf("%d of the network are known", known)
	}
}
