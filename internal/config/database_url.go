package config

import (
	"errors"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
)

const urlShape = "must look like mysql://user:password@host:3306/database, with %-escapes for special characters"

// ParseDatabaseURL reads mysql://user:password@host:port/database, or mysql+pymysql:// and the like as
// SQLAlchemy writes it. Several hosts stand with commas between them, host1:3306,host2:3307, and so they
// do in the answer's Addr, each with its port. Parameters: unix_socket is a path in place of host and
// port, tls is true, false, skip-verify or preferred; what only matters to Python's driver is accepted
// and has no effect. Errors show no part of the URL that could be a password.
func ParseDatabaseURL(text string) (*mysql.Config, error) {
	before, hosts, after := cutHosts(text)
	var cfg *mysql.Config
	var addrs []string
	for host := range strings.SplitSeq(hosts, ",") { // net/url knows one host only
		one, err := parseOneHost(before + host + after)
		if err != nil {
			return nil, err
		}
		cfg = one
		addrs = append(addrs, one.Addr)
	}
	if cfg.Net != "tcp" && len(addrs) > 1 {
		return nil, errors.New("names several hosts and a unix_socket, which is in place of them")
	}
	cfg.Addr = strings.Join(addrs, ",")
	return cfg, nil
}

// userPart is a URL up to its hosts, as SQLAlchemy reads it: the user ends at the first colon, the password at
// an @, and in between everything stands for itself, though a URL proper would have it escaped.
var userPart = regexp.MustCompile(`^([\w+]+://)([^:/@?#]*)(?::(.*))?@([^@]*)$`)

// cutHosts takes the hosts out of a URL, and escapes what is not in its user and password.
func cutHosts(text string) (before, hosts, after string) {
	// An @ further back belongs to the parameters, not to the user.
	end := len(text)
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		if j := strings.LastIndexByte(text[:i], '?'); j >= 0 && strings.Contains(text[j:i], "=/") {
			end = j
		}
	}
	rest := ""
	if m := userPart.FindStringSubmatch(text[:end]); m != nil {
		before, rest = m[1]+url.UserPassword(plain(m[2]), plain(m[3])).String()+"@", m[4]+text[end:]
	} else if scheme, without, ok := strings.Cut(text, "://"); ok {
		before, rest = scheme+"://", without
	} else {
		return text, "", ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		return before, rest[:i], rest[i:]
	}
	return before, rest, ""
}

// plain is a text without its %-escapes; a % that is none stands for itself.
func plain(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if v, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func parseOneHost(text string) (*mysql.Config, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New(urlShape)
	}
	scheme, _, _ := strings.Cut(u.Scheme, "+")
	if (scheme != "mysql" && scheme != "mariadb") || u.Opaque != "" {
		return nil, errors.New(urlShape)
	}
	cfg := mysql.NewConfig()
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.DBName = strings.TrimPrefix(u.Path, "/")
	if cfg.DBName == "" || strings.ContainsAny(cfg.DBName, "/@`") {
		return nil, errors.New("names no database; it " + urlShape)
	}
	host, port := u.Hostname(), u.Port()
	if strings.ContainsAny(host, "[]") {
		return nil, errors.New(urlShape)
	}
	if port == "" {
		port = "3306"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, errors.New("has a port that is not from 1 to 65535")
	}
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(host, port)
	params, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errors.New("has unreadable parameters behind the ?")
	}
	for name := range params {
		if err := applyParam(cfg, name, params.Get(name)); err != nil {
			return nil, err
		}
	}
	if cfg.Net == "tcp" && host == "" {
		return nil, errors.New("names no host; it " + urlShape)
	}
	return cfg, nil
}

func applyParam(cfg *mysql.Config, name, value string) error {
	switch name {
	case "charset", "collation", "use_unicode", "autocommit", "connect_timeout", "read_timeout", "write_timeout":
	case "unix_socket":
		if value == "" {
			return errors.New("has a unix_socket that names none")
		}
		cfg.Net, cfg.Addr = "unix", value
	case "tls":
		switch value {
		case "true", "false", "skip-verify", "preferred":
			cfg.TLSConfig = value
		default:
			return errors.New("has a tls that is not true, false, skip-verify or preferred")
		}
	default:
		// Not named: an unescaped password may have been cut at its question mark.
		return errors.New("has a parameter other than unix_socket, tls and charset")
	}
	return nil
}
