package config

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const goodKey = "0123456789abcdefghijklmnopqrstuv" // of 32 bytes

func TestParseDefaults(t *testing.T) {
	t.Parallel()
	want := Config{
		Algorithm: "HS256", TokenLife: time.Hour, SessionLife: 30 * 24 * time.Hour, Addr: "127.0.0.1:8000", CORSOrigins: []string{"http://localhost:5173"},
		LoginLimit: Rate{10, time.Minute}, DataDir: ".data", LogLevel: slog.LevelInfo, LogFormat: "text",
	}
	empty := map[string]string{}
	for _, name := range []string{"DATABASE_URL", "SECRET_KEY", "SECRET_KEY_PREVIOUS", "ALGORITHM", "ACCESS_TOKEN_EXPIRE_MINUTES",
		"REFRESH_TOKEN_EXPIRE_DAYS", "ADDR", "CORS_ORIGINS", "ADMIN_EMAIL", "RATE_LIMIT_LOGIN", "TRUSTED_PROXIES", "DATA_DIR", "LOG_LEVEL", "LOG_FORMAT"} {
		empty[name] = " "
	}
	for name, values := range map[string]map[string]string{"Unset": nil, "Empty": empty, "Unknown": {"HOME": "/", "PORT": "x"}} {
		if got, err := parse(values); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

// TestParseGood sets one variable at a time and looks at the field that it fills.
func TestParseGood(t *testing.T) {
	t.Parallel()
	minutes := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	for name, c := range map[string]struct {
		values map[string]string
		field  string
		want   any
	}{
		"SecretKey":          {map[string]string{"SECRET_KEY": " " + goodKey + "\n"}, "SecretKey", goodKey},
		"SecretKeyInBytes":   {map[string]string{"SECRET_KEY": "äöüßéèêçñøåæœáíóú"[:32]}, "SecretKey", "äöüßéèêçñøåæœáíóú"[:32]},
		"HS384":              {map[string]string{"ALGORITHM": "HS384"}, "Algorithm", "HS384"},
		"HS512":              {map[string]string{"ALGORITHM": " HS512 "}, "Algorithm", "HS512"},
		"OneMinute":          {map[string]string{"ACCESS_TOKEN_EXPIRE_MINUTES": "1"}, "TokenLife", minutes(1)},
		"OneYear":            {map[string]string{"ACCESS_TOKEN_EXPIRE_MINUTES": "525600"}, "TokenLife", minutes(525600)},
		"OneDay":             {map[string]string{"REFRESH_TOKEN_EXPIRE_DAYS": "1"}, "SessionLife", 24 * time.Hour},
		"AYear":              {map[string]string{"REFRESH_TOKEN_EXPIRE_DAYS": "365"}, "SessionLife", 365 * 24 * time.Hour},
		"PreviousKey":        {map[string]string{"SECRET_KEY_PREVIOUS": " " + goodKey}, "PreviousKey", goodKey},
		"AddrAllInterfaces":  {map[string]string{"ADDR": ":8000"}, "Addr", ":8000"},
		"AddrIPv6":           {map[string]string{"ADDR": "[::1]:8000"}, "Addr", "[::1]:8000"},
		"AddrName":           {map[string]string{"ADDR": "localhost:65535"}, "Addr", "localhost:65535"},
		"AddrAnyPort":        {map[string]string{"ADDR": "127.0.0.1:0"}, "Addr", "127.0.0.1:0"},
		"Origins":            {map[string]string{"CORS_ORIGINS": "https://a.example/, http://localhost:3000,,https://b.example"}, "CORSOrigins", []string{"https://a.example", "http://localhost:3000", "https://b.example"}},
		"OriginsAsSent":      {map[string]string{"CORS_ORIGINS": "HTTPS://Shop.Example:443 http://[::1]:80 http://a.example:443"}, "CORSOrigins", []string{"https://shop.example", "http://[::1]", "http://a.example:443"}},
		"AdminEmail":         {map[string]string{"ADMIN_EMAIL": " a@b.example ", "ADMIN_PASSWORD": "long enough"}, "AdminEmail", "a@b.example"},
		"AdminPasswordAsIs":  {map[string]string{"ADMIN_EMAIL": "a@b.example", "ADMIN_PASSWORD": " pass word "}, "AdminPassword", " pass word "},
		"RatePerSecond":      {map[string]string{"RATE_LIMIT_LOGIN": "1/s"}, "LoginLimit", Rate{1, time.Second}},
		"RatePerHour":        {map[string]string{"RATE_LIMIT_LOGIN": "1000000/h"}, "LoginLimit", Rate{1_000_000, time.Hour}},
		"RateOff":            {map[string]string{"RATE_LIMIT_LOGIN": "off"}, "LoginLimit", Rate{}},
		"ProxyAddresses":     {map[string]string{"TRUSTED_PROXIES": "127.0.0.1, ::1"}, "TrustedProxies", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}},
		"ProxyNetworks":      {map[string]string{"TRUSTED_PROXIES": "10.0.0.0/8 fd00::/8"}, "TrustedProxies", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}},
		"DataDir":            {map[string]string{"DATA_DIR": "/var/lib/hexa mart"}, "DataDir", "/var/lib/hexa mart"},
		"LogDebug":           {map[string]string{"LOG_LEVEL": "debug"}, "LogLevel", slog.LevelDebug},
		"LogWarnInCapitals":  {map[string]string{"LOG_LEVEL": "WARN"}, "LogLevel", slog.LevelWarn},
		"LogError":           {map[string]string{"LOG_LEVEL": "error"}, "LogLevel", slog.LevelError},
		"LogJSON":            {map[string]string{"LOG_FORMAT": "json"}, "LogFormat", "json"},
		"NoDatabaseNoSecret": {map[string]string{"DATABASE_URL": ""}, "SecretKey", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := parse(c.values)
			if err != nil {
				t.Fatal(err)
			}
			if got := reflect.ValueOf(cfg).FieldByName(c.field).Interface(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s is %#v, want %#v", c.field, got, c.want)
			}
		})
	}
}

// TestParseBad checks that a bad value is one problem, which names its variable.
func TestParseBad(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"DATABASE_URL":                {"localhost", "postgres://u:p@h/db", "mysql://u:p@h", "mysql://u:p@/db", "mysql://u:p@h:x/db", "mysql://u:p@h:99999/db"},
		"SECRET_KEY":                  {"your_secret_key", "short", goodKey[1:], strings.Repeat("ü", 15)},
		"ALGORITHM":                   {"none", "hs256", "RS256", "HS256,HS512"},
		"ACCESS_TOKEN_EXPIRE_MINUTES": {"0", "-1", "525601", "1.5", "60m", "ten", "9999999999999999999"},
		"SECRET_KEY_PREVIOUS":         {"your_secret_key", "short", goodKey[1:], goodKey},
		"REFRESH_TOKEN_EXPIRE_DAYS":   {"0", "-1", "366", "1.5", "30d", "9999999999999999999"},
		"ADDR":                        {"8000", "localhost", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:http", "::1:8000", "http://localhost:8000"},
		"CORS_ORIGINS":                {"*", "https://*.example", "shop.example", "ftp://shop.example", "https://shop.example/path", "https://", "null", "https://shop.example?x=1", "https://münchen.example", "https://:443", "https://shop.example:", "http://localhost:99999", "http://localhost:0", ",", " , "},
		"RATE_LIMIT_LOGIN":            {"0/m", "-1/m", "10", "10/", "/m", "10/d", "10/min", "1.5/m", "1000001/m", "none", "10/m/m"},
		"TRUSTED_PROXIES":             {"localhost", "10.0.0.0/33", "10.0.0", "*", "10.0.0.1:80", "0.0.0.0/0", "10.0.0.0/8 ::/0"},
		"LOG_LEVEL":                   {"trace", "0", "info,debug"},
		"LOG_FORMAT":                  {"xml", "JSON"},
	} {
		for _, v := range values {
			t.Run(name+"="+v, func(t *testing.T) {
				t.Parallel()
				cfg, err := parse(merge(map[string]string{"SECRET_KEY": goodKey}, map[string]string{name: v}))
				if err == nil || !reflect.DeepEqual(cfg, Config{}) {
					t.Fatalf("taken as %+v", cfg)
				}
				if lines := strings.Split(err.Error(), "\n"); len(lines) != 1 || !strings.HasPrefix(lines[0], name+" ") {
					t.Errorf("problems are %q", lines)
				}
			})
		}
	}
}

func merge(a, b map[string]string) map[string]string {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}

func TestParseTogether(t *testing.T) {
	t.Parallel()
	const url = "mysql://u:p@h/db"
	for name, c := range map[string]struct {
		values map[string]string
		want   string // how the one problem begins; none if empty
	}{
		"DatabaseAndKey":           {map[string]string{"DATABASE_URL": url, "SECRET_KEY": goodKey}, ""},
		"DatabaseWithoutKey":       {map[string]string{"DATABASE_URL": url}, "SECRET_KEY is required with DATABASE_URL"},
		"ShortKeyNoDatabase":       {map[string]string{"SECRET_KEY": "short"}, "SECRET_KEY must have at least 32 bytes"},
		"KeyOfFewCharacters":       {map[string]string{"SECRET_KEY": strings.Repeat("abcdefg", 6)}, "SECRET_KEY has only 7 different characters"},
		"ExampleKeyRepeated":       {map[string]string{"SECRET_KEY": strings.Repeat("your_secret_key", 3)}, "SECRET_KEY is the example that everybody knows"},
		"EmailWithoutPassword":     {map[string]string{"ADMIN_EMAIL": "a@b.example"}, "ADMIN_PASSWORD is required with ADMIN_EMAIL"},
		"PasswordWithoutEmail":     {map[string]string{"ADMIN_PASSWORD": "hush-hush"}, "ADMIN_EMAIL is required with ADMIN_PASSWORD"},
		"EmailIsNone":              {map[string]string{"ADMIN_EMAIL": "boss", "ADMIN_PASSWORD": "hush-hush"}, "ADMIN_EMAIL is not good: Email must be an e-mail"},
		"PasswordTooShort":         {map[string]string{"ADMIN_EMAIL": "a@b.example", "ADMIN_PASSWORD": "hush"}, "ADMIN_PASSWORD is not good: Password must have"},
		"EmailAndPassword":         {map[string]string{"ADMIN_EMAIL": "a@b.example", "ADMIN_PASSWORD": "hush-hush"}, ""},
		"CommonPasswordOfOldAdmin": {map[string]string{"ADMIN_EMAIL": "a@b.example", "ADMIN_PASSWORD": "password"}, ""}, // only one that is made is asked for more
		"ExampleKeyIsExplained":    {map[string]string{"SECRET_KEY": "your_secret_key"}, "SECRET_KEY is the example that everybody knows"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(c.values)
			switch {
			case (err == nil) != (c.want == ""):
				t.Errorf("got %v", err)
			case err != nil && (!strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n")):
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// TestParseAdvisesKey checks that the key that a refusal proposes is a good one, and new each time.
func TestParseAdvisesKey(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, key := range []string{"short", "short", "your_secret_key"} {
		_, err := parse(map[string]string{"SECRET_KEY": key})
		_, advice, _ := strings.Cut(fmt.Sprint(err), "SECRET_KEY=")
		if cfg, err := parse(map[string]string{"SECRET_KEY": advice}); err != nil || cfg.SecretKey != advice || seen[advice] {
			t.Errorf("advice %q is %v", advice, err)
		}
		seen[advice] = true
	}
}

// TestParseReportsAll sets everything wrong: each problem is a line of its own, and no secret is shown.
func TestParseReportsAll(t *testing.T) {
	t.Parallel()
	_, err := parse(map[string]string{
		"DATABASE_URL": "mysql://root:hush-database@localhost", "SECRET_KEY": "hush-key", "SECRET_KEY_PREVIOUS": "hush-previous", "ALGORITHM": "none", "REFRESH_TOKEN_EXPIRE_DAYS": "x",
		"ACCESS_TOKEN_EXPIRE_MINUTES": "0", "ADDR": "x", "CORS_ORIGINS": "*,y", "ADMIN_PASSWORD": "hush-admin",
		"RATE_LIMIT_LOGIN": "x", "TRUSTED_PROXIES": "x", "LOG_LEVEL": "x", "LOG_FORMAT": "x",
	})
	if err == nil {
		t.Fatal("all is taken")
	}
	var names []string
	for line := range strings.Lines(err.Error()) {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"ACCESS_TOKEN_EXPIRE_MINUTES", "ADDR", "ADMIN_EMAIL", "ALGORITHM", "CORS_ORIGINS", "CORS_ORIGINS", "DATABASE_URL",
		"LOG_FORMAT", "LOG_LEVEL", "RATE_LIMIT_LOGIN", "REFRESH_TOKEN_EXPIRE_DAYS", "SECRET_KEY", "SECRET_KEY_PREVIOUS", "TRUSTED_PROXIES"}
	if !slices.Equal(names, want) {
		t.Errorf("problems are\n%v", err)
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("a secret is in\n%v", err)
	}
}

// TestEnvFileOdd gives as .env what is no file, or no end of one.
func TestEnvFileOdd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, maxEnvFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, large, "/dev/zero"} {
		if values, err := readEnvFile(path); err == nil {
			t.Errorf("%s has %v", path, values)
		}
	}
	if values, err := readEnvFile(os.DevNull); err != nil || len(values) > 0 { // what hides one that is there
		t.Errorf("got %v, %v", values, err)
	}
}
