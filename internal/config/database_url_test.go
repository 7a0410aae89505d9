package config

import (
	"strings"
	"testing"
)

func TestParseDatabaseURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]struct{ user, password, network, addr, name, tls string }{
		"mysql+pymysql://root:Root%401234@localhost:3306/quitq_ecom": {"root", "Root@1234", "tcp", "localhost:3306", "quitq_ecom", ""},
		"mysql://shop:s3cret@db.example:3307/hexamart":               {"shop", "s3cret", "tcp", "db.example:3307", "hexamart", ""},
		"mysql://shop:s3cret@db.example/hexamart":                    {"shop", "s3cret", "tcp", "db.example:3306", "hexamart", ""},
		"MySQL://shop:s3cret@10.0.0.7/hexamart":                      {"shop", "s3cret", "tcp", "10.0.0.7:3306", "hexamart", ""},
		"mariadb://shop:s3cret@h/hexamart":                           {"shop", "s3cret", "tcp", "h:3306", "hexamart", ""},
		"mariadb+mariadbconnector://shop:s3cret@h/hexamart":          {"shop", "s3cret", "tcp", "h:3306", "hexamart", ""},
		"mysql+aiomysql://shop:s3cret@h/hexamart?charset=utf8mb4":    {"shop", "s3cret", "tcp", "h:3306", "hexamart", ""},
		"mysql://shop@h/hexamart":                                    {"shop", "", "tcp", "h:3306", "hexamart", ""},
		"mysql://shop:@h/hexamart":                                   {"shop", "", "tcp", "h:3306", "hexamart", ""},
		"mysql://h/hexamart":                                         {"", "", "tcp", "h:3306", "hexamart", ""},
		"mysql://shop:a:b@h/hexamart":                                {"shop", "a:b", "tcp", "h:3306", "hexamart", ""},
		"mysql://shop:a@b@h/hexamart":                                {"shop", "a@b", "tcp", "h:3306", "hexamart", ""},
		"mysql://sh%2Fop:%2F%3F%23%25%40%3A%20%C3%BC+@h/hexa%20mart": {"sh/op", "/?#%@: ü+", "tcp", "h:3306", "hexa mart", ""},
		// SQLAlchemy takes what a URL proper would have escaped, and so old settings hold it.
		"mysql+pymysql://root:Root#1234@localhost:3306/quitq_ecom":   {"root", "Root#1234", "tcp", "localhost:3306", "quitq_ecom", ""},
		"mysql://root:7788/99?hush@a,b:7/db?charset=utf8mb4":         {"root", "7788/99?hush", "tcp", "a:3306,b:7", "db", ""},
		"mysql://root:5% [\\]^{|}<\">ü,%zz%2@localhost/db":           {"root", "5% [\\]^{|}<\">ü,%zz%2", "tcp", "localhost:3306", "db", ""},
		"mysql://root:%41%2f@h/db?unix_socket=/run/@x":               {"root", "A/", "unix", "/run/@x", "db", ""},
		"mysql://shop:x@[::1]:3307/hexamart":                         {"shop", "x", "tcp", "[::1]:3307", "hexamart", ""},
		"mysql://shop:x@[fe80::1]/hexamart":                          {"shop", "x", "tcp", "[fe80::1]:3306", "hexamart", ""},
		"mysql://shop:x@a:3306,b:3307,c/hexamart":                    {"shop", "x", "tcp", "a:3306,b:3307,c:3306", "hexamart", ""},
		"mysql://a,b/hexamart":                                       {"", "", "tcp", "a:3306,b:3306", "hexamart", ""},
		"mysql://sh,op:x,y@z@[::1]:3307,[fe80::1],10.0.0.7/hexamart": {"sh,op", "x,y@z", "tcp", "[::1]:3307,[fe80::1]:3306,10.0.0.7:3306", "hexamart", ""},
		"mysql+pymysql://shop:x@a,b:33/hexamart?charset=utf8mb4":     {"shop", "x", "tcp", "a:3306,b:33", "hexamart", ""},
		"mysql://shop:x@/hexamart?unix_socket=/run/mysql/m.sock":     {"shop", "x", "unix", "/run/mysql/m.sock", "hexamart", ""},
		"mysql://shop:x@localhost/hexamart?unix_socket=%2Frun%2Fm":   {"shop", "x", "unix", "/run/m", "hexamart", ""},
		"mysql://shop:x@h/hexamart?tls=true":                         {"shop", "x", "tcp", "h:3306", "hexamart", "true"},
		"mysql://shop:x@h/hexamart?tls=false":                        {"shop", "x", "tcp", "h:3306", "hexamart", "false"},
		"mysql://shop:x@h/hexamart?tls=skip-verify":                  {"shop", "x", "tcp", "h:3306", "hexamart", "skip-verify"},
		"mysql://shop:x@h/hexamart?collation=x&tls=preferred":        {"shop", "x", "tcp", "h:3306", "hexamart", "preferred"},
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			cfg, err := ParseDatabaseURL(url)
			if err != nil {
				t.Fatal(err)
			}
			got := struct{ user, password, network, addr, name, tls string }{cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName, cfg.TLSConfig}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// TestParseDatabaseURLRefuses checks that a broken URL is an error in which no part of the password is
// seen, however the password took the URL apart. Every part of it is the word hush, or 778899.
func TestParseDatabaseURLRefuses(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"":                                       urlShape,
		"hush":                                   urlShape,
		"root:hush@localhost/db":                 urlShape,
		"root:hush@tcp(localhost:3306)/db":       urlShape,
		"//root:hush@localhost/db":               urlShape,
		"postgres://root:hush@localhost/db":      urlShape,
		"sqlite:///hush.db":                      urlShape,
		"jdbc:mysql://localhost/db?p=hush":       urlShape,
		"http://root:hush@localhost/db":          urlShape,
		"mysqlx://root:hush@localhost/db":        urlShape,
		"mysql:root:hush@localhost/db":           urlShape,
		"mysql://root:hush\nhush@localhost/db":   urlShape,
		"mysql://root:hush@localhost:hush/db":    urlShape,
		"mysql://root:hush@[::1/db":              urlShape,
		"mysql://root:hush@local host/db":        urlShape,
		"mysql://root:hush@localhost:0/db":       "",
		"mysql://root:hush@localhost:65536/db":   "",
		"mysql://root:hush@localhost":            "names no database",
		"mysql://root:hush@localhost/":           "names no database",
		"mysql://root:hush@localhost/db/other":   "names no database",
		"mysql://root:7788/99hush@localhost":     "",
		"mysql://root:hush@/db":                  "names no host",
		"mysql:///db":                            "names no host",
		"mysql:/db":                              "names no host",
		"mysql://root:hush@:3306/db":             "names no host",
		"mysql://root:hush@a,/db":                "names no host",
		"mysql://root:hush@,a/db":                "names no host",
		"mysql://root:hush@a,,b/db":              "names no host",
		"mysql://root:hush@a,:3306/db":           "names no host",
		"mysql://root:hush@a,b:0/db":             "port",
		"mysql://root:hush@a:1,b:70000,c/db":     "port",
		"mysql://root:hush@a:hush,b/db":          urlShape,
		"mysql://root:hush@a,b:hush/db":          urlShape,
		"mysql://root:hush@a, b/db":              urlShape,
		"mysql://root:hush@[::1,b/db":            urlShape,
		"mysql:///db?unix_socket":                "a unix_socket that names none",
		"mysql://root:hush@h/db?unix_socket=":    "a unix_socket that names none",
		"mysql://root:hush@a,b/db?unix_socket=x": "several hosts and a unix_socket",
		"mysql://root:hush@a,b":                  "names no database",
		"mysql://root:hush@h/db?tls=hush":        "has a tls that is not",
		"mysql://root:hush@h/db?tls=":            "has a tls that is not",
		"mysql://root:hush@h/db?ssl_ca=hush":     "parameter",
		"mysql://root:hush@h/db?password=hush":   "parameter",
		"mysql://root:hush@h/db?allowAllFiles=1": "parameter",
		"mysql://root:hush@h/db?multiStatements": "parameter",
		"mysql://root:hush@h/db?charset=%hush":   "unreadable parameters",
		"mysql://root:hush@h/db?a=1;hush=2":      "unreadable parameters",
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			cfg, err := ParseDatabaseURL(url)
			if err == nil {
				t.Fatalf("taken as %s of %s at %s", cfg.DBName, cfg.User, cfg.Addr)
			}
			if !strings.Contains(err.Error(), want) {
				t.Errorf("got %q, want %q", err, want)
			}
			_, all := parse(map[string]string{"DATABASE_URL": url, "SECRET_KEY": goodKey})
			for _, secret := range []string{"hush", "7788"} {
				if strings.Contains(err.Error(), secret) || (all != nil && strings.Contains(all.Error(), secret)) {
					t.Errorf("the password is in %q", err)
				}
			}
		})
	}
}
