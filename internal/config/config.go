// Package config reads the settings of the program from the environment and from a .env file in the
// working directory; the environment wins.
package config

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/joho/godotenv"

	"hexamart/internal/apperr"
	"hexamart/internal/model"
)

// Config is all settings, checked.
type Config struct {
	Database       *mysql.Config // nil: a private server in DataDir
	SecretKey      string        // signs tokens; empty until EnsureSecretKey with a private server
	PreviousKey    string        // signed tokens before SecretKey did, and is good for reading them; or empty
	Algorithm      string        // HS256, HS384 or HS512
	TokenLife      time.Duration
	SessionLife    time.Duration // from a login to the next one that can't be avoided
	Addr           string        // host:port to listen on
	MetricsAddr    string        // host:port for metrics and profiles, "" for none
	CORSOrigins    []string
	AdminEmail     string // with AdminPassword: an admin that is made sure to exist; both or none
	AdminPassword  string
	LoginLimit     Rate // of failed logins for one account and address
	TrustedProxies []netip.Prefix
	DataDir        string
	LogLevel       slog.Level
	LogFormat      string // text or json

	Warnings []string // names that look like mistyped settings, a sentence each
}

// Rate is Count events a Period; Count 0 is no limit.
type Rate struct {
	Count  int
	Period time.Duration
}

// Load reads and checks all settings. Its error names every one that is wrong, a line each, and never
// shows a secret.
func Load() (Config, error) {
	values, err := readEnvFile(".env")
	if err != nil {
		return Config{}, fmt.Errorf(".env can't be read: %w", err)
	}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	return parse(values)
}

// readEnvFile returns the settings of a file, none if it is not there. A dollar stands for itself
// unless a brace follows, as it did for the earlier backend: passwords are full of them.
func readEnvFile(path string) (map[string]string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) != 0 {
		err = errors.New("it is not a file")
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path) // #nosec G304 -- the operator's DATA_DIR, or .env
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxEnvFile+1))
	if err == nil && len(b) > maxEnvFile {
		err = fmt.Errorf("it has more than %d KiB", maxEnvFile>>10)
	}
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for line := range strings.Lines(strings.TrimPrefix(string(b), "\ufeff")) {
		name, value, _ := strings.Cut(line, "=")
		switch start := strings.TrimSpace(value); {
		case strings.HasPrefix(start, "'"):
		case start != "" && !strings.HasPrefix(start, `"`): // the library takes a comment's last # for its first
			line = name + "=" + bareDollar.Replace(comment.ReplaceAllString(value, ""))
		default:
			line = bareDollar.Replace(line)
		}
		text.WriteString(line)
	}
	values, err := godotenv.Unmarshal(text.String())
	if err != nil { // its text quotes the file, passwords included
		return nil, errors.New("every line must be NAME=value, a comment that starts with #, or empty")
	}
	return values, nil
}

const maxEnvFile = 1 << 20

var comment = regexp.MustCompile(`[ \t]+#[^\r\n]*`)

var bareDollar = strings.NewReplacer(`\$`, `\$`, "${", "${", "$", `\$`)

func parse(values map[string]string) (Config, error) {
	r := reader{values: values, asked: map[string]bool{"ADMIN_PASSWORD": true, "HEXAMART_MYSQLD": true}}
	c := Config{
		Database:       r.database("DATABASE_URL"),
		SecretKey:      r.text("SECRET_KEY", ""),
		PreviousKey:    r.text("SECRET_KEY_PREVIOUS", ""),
		Algorithm:      r.oneOf("ALGORITHM", "HS256", "HS384", "HS512"),
		TokenLife:      r.minutes("ACCESS_TOKEN_EXPIRE_MINUTES", 60),
		SessionLife:    r.days("REFRESH_TOKEN_EXPIRE_DAYS", 30),
		Addr:           r.addr("ADDR", "127.0.0.1:8000"),
		MetricsAddr:    r.optionalAddr("METRICS_ADDR"),
		CORSOrigins:    r.origins("CORS_ORIGINS", "http://localhost:5173"),
		AdminEmail:     r.text("ADMIN_EMAIL", ""),
		AdminPassword:  r.values["ADMIN_PASSWORD"],
		LoginLimit:     r.rate("RATE_LIMIT_LOGIN", "10/m"),
		TrustedProxies: r.prefixes("TRUSTED_PROXIES"),
		DataDir:        r.text("DATA_DIR", ".data"),
		LogLevel:       r.level("LOG_LEVEL"),
		LogFormat:      r.oneOf("LOG_FORMAT", "text", "json"),
	}
	r.checkSecretKey(c)
	r.checkPreviousKey(c)
	r.checkAdmin(c)
	c.Warnings = r.mistyped()
	if len(r.problems) > 0 {
		return Config{}, errors.New(strings.Join(append(r.problems, c.Warnings...), "\n"))
	}
	return c, nil
}

// minSecretKey is the length in bytes below which a key could be guessed, and minDistinct the number of its different
// ones: a random key of that length has as good as always more of them, in hexadecimal or with more letters.
const (
	minSecretKey = 32
	minDistinct  = 8
)

func (r *reader) checkSecretKey(c Config) {
	const advice = "; put this line instead: SECRET_KEY="
	problem := weakness(c.SecretKey)
	if c.SecretKey == "" {
		problem = ""
		// A broken DATABASE_URL is set all the same.
		if r.text("DATABASE_URL", "") != "" {
			problem = "is required with DATABASE_URL"
		}
	}
	if problem != "" {
		r.bad("SECRET_KEY", "%s%s%s", problem, advice, newSecretKey())
	}
}

// weakness says what is wrong with a key, "" if nothing is.
func weakness(key string) string {
	switch {
	case strings.Contains(key, "your_secret_key"):
		return "is the example that everybody knows"
	case len(key) < minSecretKey:
		return fmt.Sprintf("must have at least %d bytes", minSecretKey)
	case Distinct(key) < minDistinct:
		return fmt.Sprintf("has only %d different characters", Distinct(key))
	}
	return ""
}

// Distinct returns how many different bytes a secret has.
func Distinct(key string) int {
	seen := map[byte]bool{}
	for i := range len(key) {
		seen[key[i]] = true
	}
	return len(seen)
}

// checkPreviousKey holds the earlier key to the same rules: whoever guesses it makes tokens as well.
func (r *reader) checkPreviousKey(c Config) {
	if c.PreviousKey == "" {
		return
	}
	if problem := weakness(c.PreviousKey); problem != "" {
		r.bad("SECRET_KEY_PREVIOUS", "%s; leave it out, and people will log in once more", problem)
	} else if c.PreviousKey == c.SecretKey {
		r.bad("SECRET_KEY_PREVIOUS", "is SECRET_KEY; it must be the one before, or be left out")
	}
}

func (r *reader) checkAdmin(c Config) {
	switch {
	case c.AdminEmail != "" && c.AdminPassword == "":
		r.bad("ADMIN_PASSWORD", "is required with ADMIN_EMAIL")
	case c.AdminEmail == "" && c.AdminPassword != "":
		r.bad("ADMIN_EMAIL", "is required with ADMIN_PASSWORD")
	case c.AdminEmail != "":
		in := model.RegisterInput{Name: "Admin", Email: c.AdminEmail, Password: c.AdminPassword}
		for _, f := range apperr.FieldsOf(in.ValidateForm()) {
			r.bad("ADMIN_"+strings.ToUpper(f.Name), "is not good: %s", f.Message)
		}
	}
}

func newSecretKey() string { return rand.Text() + rand.Text() }
