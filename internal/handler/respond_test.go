package handler

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"hexamart/internal/docs"
)

// TestListParameters compares what the next page's address keeps with what the API's description says that lists know.
func TestListParameters(t *testing.T) {
	t.Parallel()
	type parameter struct {
		Ref  string `json:"$ref"`
		Name string
		In   string
	}
	var api struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Parameters map[string]parameter }
	}
	if err := json.Unmarshal(docs.OpenAPI().Body, &api); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for path, operations := range api.Paths {
		var get struct{ Parameters []parameter }
		if operations["get"] == nil {
			continue
		}
		if err := json.Unmarshal(operations["get"], &get); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range get.Parameters {
			if p.Ref != "" {
				p = api.Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
			}
			if p.In == "query" {
				names = append(names, p.Name)
			}
		}
		if !slices.Contains(names, "cursor") {
			continue
		}
		for _, name := range names {
			if known[name] = true; name != "cursor" && !slices.Contains(listParameters, name) {
				t.Errorf("%s loses %s on the way to its next page", path, name)
			}
		}
	}
	for _, name := range listParameters {
		if !known[name] {
			t.Errorf("no list knows %s", name)
		}
	}
	if len(known) < 10 {
		t.Errorf("only %v are known", known)
	}
}

// TestAsker checks by whose address lists wait for their turns: behind a proxy that is not the proxy's.
func TestAsker(t *testing.T) {
	t.Parallel()
	a := &API{Log: slog.New(slog.DiscardHandler), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	a.Routes()
	for peer, want := range map[string]string{"10.0.0.1:80": "203.0.113.7", "198.51.100.1:80": "198.51.100.1", "[2001:db8::1]:80": "2001:db8::/64"} {
		r := httptest.NewRequest("GET", "/products", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", "1.2.3.4, 203.0.113.7")
		if got := a.asker(r); got != want {
			t.Errorf("from %s: %q", peer, got)
		}
	}
}
