package config

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzDatabaseURL reads addresses of databases: what is read can be used, and no message has any of the text.
func FuzzDatabaseURL(f *testing.F) {
	for _, s := range []string{"", "mysql://u:hunter2secret@h:1/d", "mysql+pymysql://root:Root%40123@localhost:3306/quitq_ecom?charset=utf8mb4", "mysql://u:p@a,b:2,[::1]:3/d", "mysql://u:p?x@h/d",
		"mysql://u@/d?unix_socket=/run/x.sock", "mysql:///d?unix_socket", "mysql://u:p@h:65536/d", "mysql://u:p@h:-1/d", "mysql://[::1/d", "mysql://u:%zz@h/d", "mysql://u:\xff@h/\x00", "mysql:u:p@h/d",
		"mysql://u:p@h/d?tls=x", "mysql://u:p@h/`d`", "mysql://h/d?%ff", "mysql://u:p@,,,/d", "mysql://u:p@h/d#hunter2secret", "mysql://\u202eu:p@h/d", "://", "mYsql://]/0", "mysql://u:p@h/d?tls=true;x=y",
		"mysql://u:p@h/d?allowAllFiles=true", "mysql://u:p@h/d?multiStatements=true&allowCleartextPasswords=true"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		cfg, err := ParseDatabaseURL(s)
		if err != nil {
			// Every word of the text that isn't one of ours could be the password.
			for _, word := range strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(":/@?&=,#+;", c) }) {
				if len(word) >= 6 && strings.Contains(err.Error(), word) && !strings.Contains(urlShape+" unix_socket names none skip-verify preferred parameter several parameters behind unreadable charset database", word) {
					t.Errorf("%q: the message has %q: %v", s, word, err)
				}
			}
			if cfg != nil {
				t.Errorf("%q is refused, and read", s)
			}
			return
		}
		if cfg.DBName == "" || cfg.Addr == "" || strings.ContainsAny(cfg.DBName, "/`") || cfg.MultiStatements || cfg.AllowAllFiles || cfg.AllowCleartextPasswords {
			t.Errorf("%q became %+v", s, cfg)
		}
		if cfg.Net == "tcp" {
			for addr := range strings.SplitSeq(cfg.Addr, ",") {
				if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
					t.Errorf("%q has the address %q", s, addr)
				}
			}
		}
		if !slices.Contains([]string{"", "true", "false", "skip-verify", "preferred"}, cfg.TLSConfig) || !slices.Contains([]string{"tcp", "unix"}, cfg.Net) {
			t.Errorf("%q became %+v", s, cfg)
		}
		_ = cfg.FormatDSN() // must not panic
	})
}

// FuzzSettings reads lists and limits, as they may stand in the environment.
func FuzzSettings(f *testing.F) {
	for _, s := range []string{"", "10/m", "0/m", "1000001/h", "-1/s", "off", "9223372036854775808/m", "http://a.example", "*", "https://*.example", "null", "http://a@b", "http://a/b", "https://ü.example",
		"10.0.0.0/8", "::/0", "1.2.3.4/33", "::ffff:1.2.3.4", "fe80::1%eth0", ":8000", ":65536", "h:\x00", "\xff", "\u202e", "525601", "60", "1e3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		const secret = "a secret that nobody may see, ever"
		c, err := parse(map[string]string{"SECRET_KEY": secret, "SECRET_KEY_PREVIOUS": secret + "!", "ADMIN_EMAIL": s, "ADMIN_PASSWORD": secret, "RATE_LIMIT_LOGIN": s, "CORS_ORIGINS": s,
			"TRUSTED_PROXIES": s, "ADDR": s, "ACCESS_TOKEN_EXPIRE_MINUTES": s, "REFRESH_TOKEN_EXPIRE_DAYS": s, "LOG_LEVEL": s})
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", s, err)
		}
		if c, err = parse(map[string]string{"CORS_ORIGINS": s}); err == nil && slices.ContainsFunc(c.CORSOrigins, func(o string) bool {
			return o == "null" || strings.Contains(o, "*") || !strings.HasPrefix(o, "http")
		}) {
			t.Errorf("%q became the origins %q", s, c.CORSOrigins)
		}
		if c, err = parse(map[string]string{"RATE_LIMIT_LOGIN": s}); err == nil && (c.LoginLimit.Count < 0 || c.LoginLimit.Count > 0 && c.LoginLimit.Period <= 0) {
			t.Errorf("%q became %v", s, c.LoginLimit)
		}
		if c, err = parse(map[string]string{"TRUSTED_PROXIES": s}); err == nil && slices.ContainsFunc(c.TrustedProxies, func(p netip.Prefix) bool { return !p.IsValid() }) {
			t.Errorf("%q became %v", s, c.TrustedProxies)
		}
	})
}

// FuzzEnvFile reads .env files: no message has any of their text.
func FuzzEnvFile(f *testing.F) {
	for _, s := range []string{"", "A=b", "A='b", "A=\"$x${y}\"", "\ufeffA=b\r\n", "export A=b # c", "ADMIN_PASSWORD hush-hush", "A=\x00", "=\xff", "A=${", "A=${A}", "A:\n  b", "'", "A=\"\\", "A=b\nA=c\n#"} {
		f.Add(s)
	}
	path := filepath.Join(f.TempDir(), ".env")
	f.Fuzz(func(t *testing.T, s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readEnvFile(path); err != nil && err.Error() != "every line must be NAME=value, a comment that starts with #, or empty" {
			t.Errorf("%q: %v", s, err)
		}
	})
}
