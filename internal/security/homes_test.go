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

// TestHomesOfOnePerson has one person be at home in many IPv6 networks, each but for a moment: no neighbour is pushed out, and
// nothing is kept of what is forgotten.
func TestHomesOfOnePerson(t *testing.T) {
	t.Parallel()
	var h homes
	h.add("2001:db8:64:ffff::/64", "ann")
	for n := range 2 * knownAddresses {
		h.add(fmt.Sprintf("2001:db8:64:%x::/64", n), "mallory")
		h.add(fmt.Sprintf("2001:db8:%x:1::/64", n), "mallory")
	}
	if !h.has("2001:db8:64:ffff::/64") {
		t.Error("a neighbour was pushed out")
	}
	for n := range 2 * knownAddresses { // many people, too, are kept to a number
		h.add(fmt.Sprintf("2001:db9:%x:1::/64", n), fmt.Sprint(n))
	}
	kept := 0
	for _, near := range h.near {
		kept += near.Len()
	}
	if kept != knownAddresses || h.people.Len() != knownAddresses || len(h.near) != knownAddresses {
		t.Errorf("%d addresses of %d networks are kept for %d that are known", kept, len(h.near), h.people.Len())
	}
}
