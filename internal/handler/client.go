package handler

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/go-chi/chi/v5/middleware"

	"hexamart/internal/service"
)

func (a *API) clientIP() func(http.Handler) http.Handler {
	if len(a.TrustedProxies) == 0 {
		return middleware.ClientIPFromRemoteAddr
	}
	var prefixes []string
	for _, p := range a.TrustedProxies {
		prefixes = append(prefixes, p.String())
	}
	fromXFF := middleware.ClientIPFromXFF(prefixes...)
	return func(next http.Handler) http.Handler { return withoutPorts(fromXFF(next)) }
}

// withoutPorts takes ports and brackets away from what proxies say of their clients: some write 203.0.113.7:1234
// or [2001:db8::1]:443, which would be as good as nothing.
func withoutPorts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if all := strings.Join(r.Header.Values("X-Forwarded-For"), ","); strings.ContainsAny(all, ":[") {
			entries := strings.Split(all, ",")
			for i, e := range entries {
				entries[i] = addressAlone(strings.TrimSpace(e))
			}
			r.Header.Set("X-Forwarded-For", strings.Join(entries, ","))
		}
		next.ServeHTTP(w, r)
	})
}

// addressAlone returns the address of one with a port or in brackets, and anything else as it is.
func addressAlone(text string) string {
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().String()
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]")); err == nil && ip.Is6() && strings.HasSuffix(inner, "]") {
			return ip.String()
		}
	}
	return text
}

// clientAddr returns the client's IP address, or the proxy's where that did not say.
func clientAddr(r *http.Request) string {
	if ip := middleware.GetClientIP(r.Context()); ip != "" {
		return ip
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return host
}

// asker is whose turn it is: the network of clientAddr, on routes without the middleware that finds that out.
func (a *API) asker(r *http.Request) (network string) {
	a.findClient(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { network = service.Network(clientAddr(r)) })).ServeHTTP(nil, r)
	return network
}
