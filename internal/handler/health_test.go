package handler_test

import (
	"context"
	"errors"
	"testing"

	"hexamart/internal/testkit"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	a := send(t, s, step{nil, "GET /", "", 200, is{`"version":"test"`, `"docs":"/docs"`}})
	if got := names(a.Body); got != "docs errors http message openapi postman reference version" || !sentence.MatchString(text(members(a.Body)["message"])) {
		t.Errorf("the welcome is %s", a.Body)
	}
	for _, call := range []string{"GET /healthz", "GET /readyz"} {
		if a := send(t, s, step{nil, call, "", 200, nil}); a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be stored: %v", call, a.Header)
		}
	}
	ready := s.API.Ready
	s.API.Ready = func(context.Context) error { return errors.New("schema 3 of 7 at db.internal") }
	run(t, s, []step{
		{nil, "GET /readyz", "", 503, is{`"code":"temporarily_unavailable"`, "!schema", "!db.internal"}},
		{nil, "GET /healthz", "", 200, nil},
		{nil, "GET /products", "", 200, nil},
	})
	s.API.Ready = ready
	run(t, s, []step{{nil, "GET /readyz", "", 200, nil}})
	s.API.Drain()
	run(t, s, []step{
		{nil, "GET /readyz", "", 503, is{`"code":"temporarily_unavailable"`}},
		{nil, "GET /healthz", "", 200, nil},
		{nil, "GET /products", "", 200, nil}, // what still comes is still served
	})
}
