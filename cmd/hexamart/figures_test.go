package main

import (
	"regexp"
	"testing"
	"time"
)

// TestRefreshFigures asks for one dashboard: from then on, and not before, users are counted without being asked again.
func TestRefreshFigures(t *testing.T) {
	t.Parallel()
	private := newPlace(t)
	p := newPlace(t, "METRICS_ADDR="+private.addr, "ADMIN_EMAIL=admin@example.com", "ADMIN_PASSWORD=long enough")
	p.serve()
	admin := p.login("admin@example.com", "long enough")
	metrics := &client{t: t, base: private.url("")}
	counted := regexp.MustCompile(`hexamart_sql_duration_seconds_count\{statement="select users"\} \d+`)
	count := func() string {
		t.Helper()
		_, text := metrics.send("GET", "/metrics", "")
		return counted.FindString(text)
	}
	before := count()
	time.Sleep(3 * figuresEvery)
	if now := count(); now != before {
		t.Errorf("nobody asked: %s, then %s", before, now)
	}
	admin.want(200, "GET", "/admin/dashboard", "", nil)
	for range 3 {
		before = count()
		p.await("users are counted again", func() bool { return count() != before })
	}
}
