package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hexamart/internal/testkit"
)

// TestDemo starts a demo shop twice: it says how to use it, what it says works, and the second start
// finds what the first one sold.
func TestDemo(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	first := p.serve("--demo")
	lines := curlLines(first.out.String())
	if len(lines) != 3 {
		t.Fatalf("%d curl lines in %s", len(lines), first.out)
	}
	for i, want := range []string{`"name":`, `"access_token":`, `"totals":`} {
		if out, err := p.paste(lines[i]); err != nil || !strings.Contains(out, want) {
			t.Errorf("%s\nprinted %s, %v", lines[i], out, err)
		}
	}
	var products []struct{ Category string }
	categories := map[string]bool{}
	anyone := &client{t: t, base: p.url("")}
	anyone.want(200, "GET", "/products", "", &products)
	for _, product := range products {
		categories[product.Category] = true
	}
	if len(products) < 48 || len(categories) < 6 {
		t.Errorf("%d products in %d categories", len(products), len(categories))
	}
	id := p.shopper("ann").order()
	if code := p.stop(first, syscall.SIGINT); code != 0 {
		t.Errorf("Ctrl-C ended in exit %d: %s", code, first.out)
	}
	p.awaitNoServer()

	second := p.serve("--demo")
	p.login("ann@example.com", "long enough").want(200, "GET", fmt.Sprintf("/orders/%d", id), "", nil)
	if got := curlLines(second.out.String()); strings.Join(got, "\n") != strings.Join(lines, "\n") {
		t.Errorf("the second start says %q, the first said %q", got, lines)
	}
	anyone.want(200, "GET", "/products?limit=1000", "", &products)
	if len(products) != 72 {
		t.Errorf("%d products after the second start", len(products))
	}
}

// TestDemoIsWhole interrupts a demo shop while it is filled: the next start fills it. What an admin has changed or taken out
// of it stays so.
func TestDemoIsWhole(t *testing.T) {
	t.Parallel()
	cfg := testkit.EmptyDatabase(t)
	db := testkit.Open(t, cfg, nil)
	p := newPlace(t, "DATABASE_URL="+databaseURL(cfg), "SECRET_KEY="+testkit.SecretKey)
	if code, out := p.run("", "migrate"); code != 0 {
		t.Fatal(out)
	}
	exec := func(statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(want int, where string) {
		t.Helper()
		var n int
		if err := db.Get(&n, "SELECT COUNT(*) FROM products WHERE "+where); err != nil || n != want {
			t.Errorf("%d products with %s, %v, want %d", n, where, err, want)
		}
	}
	exec("ALTER TABLE audit_log ADD CONSTRAINT ck_half CHECK (object_id < 40)")
	if code, out := p.run("", "serve", "--demo"); code != 1 || !strings.Contains(out, "ck_half") {
		t.Fatalf("exit %d, %s", code, out)
	}
	exec("ALTER TABLE audit_log DROP CONSTRAINT ck_half")
	holds(0, "TRUE")
	first := p.serve("--demo")
	holds(72, "TRUE")

	if code, out := p.run("long enough to be one\n", "admin", "boss@example.com"); code != 0 {
		t.Fatal(out)
	}
	var products []struct{ ID int64 }
	admin := p.login("boss@example.com", "long enough to be one")
	admin.want(200, "GET", "/products?limit=2", "", &products)
	admin.want(200, "DELETE", fmt.Sprintf("/products/%d", products[0].ID), "", nil)
	admin.want(200, "PATCH", fmt.Sprintf("/products/%d", products[1].ID), `{"name":"Another name"}`, nil)
	p.stop(first, syscall.SIGTERM)
	p.serve("--demo")
	holds(72, "TRUE")
	holds(71, "archived_at IS NULL")
	holds(1, "name = 'Another name'")
}

// TestDemoPasswords starts two demo shops: the admin of each has a password of its own.
func TestDemoPasswords(t *testing.T) {
	t.Parallel()
	passwords := map[string]bool{}
	for range 2 {
		p := newPlace(t, "DATABASE_URL="+databaseURL(testkit.EmptyDatabase(t)), "SECRET_KEY="+testkit.SecretKey)
		p.serve("--demo")
		password, err := os.ReadFile(filepath.Join(p.dir, ".data", "admin_password"))
		if err != nil || len(strings.TrimSpace(string(password))) < 16 {
			t.Errorf("the admin's password has %d bytes, %v", len(password), err)
		}
		passwords[string(password)] = true
	}
	if len(passwords) != 2 {
		t.Error("two demo shops have one password")
	}
}

func curlLines(welcome string) (lines []string) {
	for line := range strings.Lines(welcome) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "curl ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// paste runs a line in a shell whose curl is the one of this test.
func (p *place) paste(line string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if err := os.Symlink(self, filepath.Join(p.dir, "curl")); err != nil && !os.IsExist(err) {
		return "", err
	}
	cmd := exec.Command("sh", "-c", line)
	cmd.Env = []string{"PATH=" + p.dir + ":" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestBeside runs the other commands beside a running shop, and a second shop on the same data.
func TestBeside(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.serve()
	steps := []struct {
		stdin string
		args  []string
		code  int
		says  string
	}{
		{"", []string{"migrate"}, 0, "0 migrations applied"},
		{"", []string{"migrate", "--status"}, 0, "applied  00001_create_users.sql"},
		{"", []string{"seed"}, 0, "72 products"},
		{"", []string{"seed"}, 0, "0 products"},
		{"short\n", []string{"admin", "boss@example.com"}, 1, "Password must have at least 8 characters."},
		{"long enough\n", []string{"admin", "boss@example.com"}, 0, "boss@example.com is an admin now."},
		{"", []string{"admin", "BOSS@example.com"}, 0, "password as it was"},
		{"long enough\n", []string{"admin", "ann@example.com"}, 0, "ann@example.com is an admin now."},
		{"", []string{"admin", "--revoke", "Ann@example.com"}, 0, "is no admin any more"},
		{"", []string{"admin", "--revoke", "ann@example.com"}, 0, "was no admin"},
		{"", []string{"admin", "--revoke", "nobody@example.com"}, 1, "There is no account"},
		{"", []string{"logout", "ann@example.com"}, 0, "ann@example.com is logged out everywhere."},
		{"", []string{"logout", "nobody@example.com"}, 1, "There is no account"},
		{"", []string{"logout", "--everybody"}, 0, "Everybody is logged out everywhere: 2 accounts."},
		{"", []string{"logout", "--everybody", "ann@example.com"}, 2, "takes no arguments"},
		{"", []string{"logout"}, 2, "takes EMAIL"},
		{"forgotten\n", []string{"password", "nobody@example.com"}, 1, "There is no account"},
		{"ann\n", []string{"password", "ann@example.com"}, 1, "Password must have at least 8 characters."},
		{"thimble\xff and\xfe thread\n", []string{"password", "ann@example.com"}, 1, "Password must be valid UTF-8."}, // as from a terminal of another alphabet
		{"thimble and thread\n", []string{"password", "ann@example.com"}, 0, "ann@example.com has a new password"},
		{"", []string{"healthcheck"}, 0, "ready"},
		{"", []string{"serve"}, 1, "already in use"},
	}
	for _, s := range steps {
		if code, out := p.run(s.stdin, s.args...); code != s.code || !strings.Contains(out, s.says) {
			t.Errorf("%v: exit %d, %s", s.args, code, out)
		}
	}
	p.login("boss@example.com", "long enough").want(200, "GET", "/admin/dashboard", "", nil)
	p.login("ann@example.com", "thimble and thread").want(403, "GET", "/admin/dashboard", "", nil)
	elsewhere := *p
	elsewhere.addr = newPlace(t).addr
	if code, out := elsewhere.run("", "serve"); code != 1 || !strings.Contains(out, filepath.Join(".data", "mysql")) {
		t.Errorf("a second serve on the same data: exit %d, %s", code, out)
	}
}

// TestNoShopHere runs what makes no sense in a new shop in another directory than the shop's: it says so, and makes nothing.
func TestNoShopHere(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := filepath.Join(p.dir, "shop.sql.gz")
	if err := os.WriteFile(file, []byte("the last backup"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"backup", file}, {"logout", "--everybody"}, {"logout", "ann@example.com"}, {"verify"}} {
		if code, out := p.run("", args...); code != 1 || !strings.Contains(out, "there is no database in") || !strings.Contains(out, "DATA_DIR") {
			t.Errorf("%v: exit %d, %s", args, code, out)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "the last backup" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(p.dir, ".data", "mysql")); err == nil {
		t.Error("a database was made")
	}
	if code, out := p.run("", "doctor"); code != 0 { // which makes one, and no tables
		t.Fatal(out)
	}
	for _, args := range [][]string{{"backup", file}, {"logout", "--everybody"}, {"verify"}} {
		if code, out := p.run("", args...); code != 1 || !strings.Contains(out, "the database is empty") {
			t.Errorf("%v of nothing: exit %d, %s", args, code, out)
		}
	}
}

// TestWithoutServe runs the other commands where no shop runs: each starts a server for itself.
func TestWithoutServe(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if code, out := p.run("", "seed"); code != 0 || !strings.Contains(out, "72 products") {
		t.Errorf("seed: exit %d, %s", code, out)
	}
	if code, out := p.run("", "migrate", "--status"); code != 0 || strings.Contains(out, "pending") {
		t.Errorf("migrate --status: exit %d, %s", code, out)
	}
	if code, out := p.run("", "healthcheck"); code != 1 || !strings.Contains(out, "refused") {
		t.Errorf("healthcheck: exit %d, %s", code, out)
	}
	p.awaitNoServer()
}

// TestDrain stops a shop while a request is under way: the request is answered, readiness is gone
// before, and the shop ends well.
func TestDrain(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	proc := p.serve()
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	body := `{"name":"Ann","email":"ann@example.com","password":"long enough"}`
	fmt.Fprintf(conn, "POST /auth/register HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:20])
	// The kernel may have taken the connection before the server has: an answer to a later one shows it did.
	(&client{t: t, base: p.url("")}).want(200, "GET", "/healthz", "", nil)
	if err := proc.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.await("readiness is gone", func() bool {
		res, err := http.Get(p.url("/readyz"))
		if err != nil {
			t.Fatalf("the listener closed first: %v", err)
		}
		defer func() { _ = res.Body.Close() }()
		return res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") != "" && res.Close
	})
	fmt.Fprint(conn, body[20:])
	answer := make([]byte, 12)
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(answer); err != nil || string(answer) != "HTTP/1.1 201" {
		t.Errorf("the request under way got %q, %v", answer, err)
	}
	<-proc.done
	if code := proc.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit %d: %s", code, proc.out)
	}
	p.awaitNoServer()
}

// TestKilled kills the shop, the database server, and both, each while orders come in, and wants every
// order that was acknowledged.
func TestKilled(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(p *place, proc *process){
		"Shop": func(p *place, proc *process) {
			p.stop(proc, syscall.SIGKILL)
			p.awaitNoServer()
		},
		"Both": func(p *place, proc *process) {
			p.killServers()
			p.stop(proc, syscall.SIGKILL)
		},
		"ShopAndAtOnceAgain": func(p *place, proc *process) { p.stop(proc, syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			proc := p.serve("--demo")
			placed := p.orderUntilKilled(func() { kill(p, proc) })
			p.serve("--demo")
			p.wantOrders(placed)
		})
	}
	t.Run("DatabaseServer", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		proc := p.serve("--demo")
		placed := p.orderUntilKilled(p.killServers)
		p.await("the shop is back", func() bool {
			code, _ := (&client{t: t, base: p.url("")}).send("GET", "/readyz", "")
			return code == 200
		})
		p.wantOrders(placed)
		// Connections that the crash left dead in the pool are no failure of the end.
		if code := p.stop(proc, syscall.SIGTERM); code != 0 {
			t.Errorf("exit %d: %s", code, proc.out)
		}
	})
}

// TestStoppedWhileStarting ends the shop at many moments of its first start, well and by force: nothing
// is left running, and the next start is as the first.
func TestStoppedWhileStarting(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for i := range 12 {
		cmd, out := p.command("serve")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i) * 50 * time.Millisecond) // a moment of the start, whichever it is
		sig := []os.Signal{syscall.SIGTERM, syscall.SIGKILL}[i%2]
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		started := strings.Contains(out.String(), "hexamart: stopped") || strings.Contains(out.String(), "shutting down")
		if code := cmd.ProcessState.ExitCode(); sig == syscall.SIGTERM && started && code != 0 {
			t.Errorf("exit %d: %s", code, out)
		}
	}
	p.serve("--demo")
	p.shopper("ann").order()
}

// orderUntilKilled places orders one after another while kill does its work, until an answer fails to
// come, and returns the ids of those that were acknowledged.
func (p *place) orderUntilKilled(kill func()) map[int64]bool {
	p.t.Helper()
	c := p.shopper("ann")
	placed := map[int64]bool{}
	for range 5 {
		placed[c.order()] = true
	}
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		kill()
	}()
	for code := 201; code == 201; {
		var answer string
		if code, _ = c.send("POST", "/cart", `{"product_id":1,"quantity":1}`); code != 200 {
			break
		}
		if code, answer = c.send("POST", "/orders", `{"payment_method":"UPI","shipping_address":"x"}`); code == 201 {
			var id int64
			if _, err := fmt.Sscanf(answer[strings.Index(answer, `"order_id":`):], `"order_id":%d`, &id); err != nil {
				p.t.Errorf("%v in %s", err, answer)
			}
			placed[id] = true
		}
	}
	<-killed
	return placed
}

func (p *place) wantOrders(placed map[int64]bool) {
	p.t.Helper()
	var orders []struct {
		ID       int64
		Products []struct{}
	}
	p.login("ann@example.com", "long enough").want(200, "GET", "/orders?limit=1000", "", &orders)
	for _, o := range orders {
		if len(o.Products) != 1 {
			p.t.Errorf("order %d has %d products", o.ID, len(o.Products))
		}
		delete(placed, o.ID)
	}
	if len(placed) > 0 {
		p.t.Errorf("acknowledged and lost: %v", placed)
	}
}
