package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-sql-driver/mysql"
)

// reader reads single settings and collects what is wrong with them. An empty value is as good as none.
type reader struct {
	values   map[string]string
	problems []string
	asked    map[string]bool // the names of all settings
}

func (r *reader) bad(name, format string, args ...any) {
	r.problems = append(r.problems, name+" "+fmt.Sprintf(format, args...))
}

func (r *reader) text(name, otherwise string) string {
	r.asked[name] = true
	if v := strings.TrimSpace(r.values[name]); v != "" {
		return v
	}
	return otherwise
}

// oneOf takes the first choice for an unset value.
func (r *reader) oneOf(name string, choices ...string) string {
	v := r.text(name, choices[0])
	if !slices.Contains(choices, v) {
		r.bad(name, "is %q; it must be one of %s", v, strings.Join(choices, ", "))
	}
	return v
}

func (r *reader) minutes(name string, otherwise int) time.Duration {
	v := r.text(name, strconv.Itoa(otherwise))
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 60*24*365 {
		r.bad(name, "is %q; it must be a number of minutes from 1 to 525600 (a year)", v)
	}
	return time.Duration(n) * time.Minute
}

func (r *reader) days(name string, otherwise int) time.Duration {
	v := r.text(name, strconv.Itoa(otherwise))
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 365 {
		r.bad(name, "is %q; it must be a number of days from 1 to 365", v)
	}
	return time.Duration(n) * 24 * time.Hour
}

func (r *reader) addr(name, otherwise string) string {
	v := r.text(name, otherwise)
	_, port, err := net.SplitHostPort(v)
	if n, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || n > 65535 {
		r.bad(name, "is %q; it must be host:port, such as 127.0.0.1:8000 or :8000", v)
	}
	return v
}

// optionalAddr is "" for what is unset or off.
func (r *reader) optionalAddr(name string) string {
	if v := r.text(name, "off"); v == "off" {
		return ""
	}
	return r.addr(name, "")
}

func (r *reader) origins(name, otherwise string) []string {
	list := strings.FieldsFunc(r.text(name, otherwise), func(c rune) bool { return c == ',' || c == ' ' })
	if len(list) == 0 {
		r.bad(name, "lists no origin")
	}
	for i, v := range list {
		list[i] = strings.ToLower(strings.TrimSuffix(v, "/"))
		u, err := url.Parse(list[i])
		switch {
		case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || list[i] != u.Scheme+"://"+u.Host || strings.Contains(v, "*") ||
			strings.HasSuffix(u.Host, ":") || u.Port() != "" && !isPort(u.Port()):
			r.bad(name, "holds %q; it must list origins such as https://shop.example.com, without wildcards", v)
		case strings.ContainsFunc(v, func(c rune) bool { return c > unicode.MaxASCII }):
			r.bad(name, "holds %q; browsers write such a name in its ASCII form, which begins with xn--", v)
		case u.Port() == ownPort[u.Scheme]: // which browsers leave out
			list[i] = strings.TrimSuffix(list[i], ":"+u.Port())
		}
	}
	return list
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

var ownPort = map[string]string{"http": "80", "https": "443"}

var periods = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}

func (r *reader) rate(name, otherwise string) Rate {
	v := r.text(name, otherwise)
	if v == "off" {
		return Rate{}
	}
	count, unit, _ := strings.Cut(v, "/")
	n, err := strconv.Atoi(count)
	period, ok := periods[unit]
	if err != nil || n < 1 || n > 1_000_000 || !ok {
		r.bad(name, "is %q; it must be a number per s, m or h, such as 10/m, or off", v)
	}
	return Rate{n, period}
}

func (r *reader) prefixes(name string) []netip.Prefix {
	var list []netip.Prefix
	for _, v := range strings.FieldsFunc(r.text(name, ""), func(c rune) bool { return c == ',' || c == ' ' }) {
		prefix, err := netip.ParsePrefix(v)
		if addr, addrErr := netip.ParseAddr(v); addrErr == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		switch {
		case err != nil:
			r.bad(name, "holds %q; it must list addresses such as 127.0.0.1 or 10.0.0.0/8", v)
		case prefix.Bits() == 0: // anybody could say who they are
			r.bad(name, "holds %q, which is everybody; it must list the proxies' own addresses such as 127.0.0.1 or 10.0.0.0/8", v)
		}
		list = append(list, prefix)
	}
	return list
}

func (r *reader) level(name string) slog.Level {
	v := strings.ToLower(r.text(name, "info"))
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[v]
	if !ok {
		r.bad(name, "is %q; it must be one of debug, info, warn, error", v)
	}
	return level
}

func (r *reader) database(name string) *mysql.Config {
	v := r.text(name, "")
	if v == "" {
		return nil
	}
	cfg, err := ParseDatabaseURL(v)
	if err != nil {
		r.bad(name, "%v", err) // never with the URL, which holds a password
	}
	return cfg
}
