package config

import (
	"os"
	"strings"
	"testing"
	"time"
)

// dotenv moves the test into a directory with this .env, away from the variables of whoever runs the
// tests. Neither goes with t.Parallel.
func dotenv(t *testing.T, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Setenv(name, value) })
	}
	if text == "" {
		return
	}
	if err := os.WriteFile(".env", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLoad(t *testing.T) {
	t.Run("NoFile", func(t *testing.T) {
		dotenv(t, "")
		cfg, err := Load()
		if err != nil || cfg.Addr != "127.0.0.1:8000" {
			t.Errorf("got %+v, %v", cfg, err)
		}
	})
	t.Run("EnvironmentAlone", func(t *testing.T) {
		dotenv(t, "")
		t.Setenv("ADDR", ":9000")
		t.Setenv("ADMIN_EMAIL", "a@b.example")
		t.Setenv("ADMIN_PASSWORD", "with=equals=signs")
		cfg, err := Load()
		if err != nil || cfg.Addr != ":9000" || cfg.AdminPassword != "with=equals=signs" {
			t.Errorf("got %+v, %v", cfg, err)
		}
	})
	t.Run("FileAlone", func(t *testing.T) {
		dotenv(t, strings.Join([]string{
			"# the shop's settings", "", "  ADDR = :9001  # public # not :9000", "export LOG_FORMAT=json", `SECRET_KEY="` + goodKey + `"`,
			"DATA_DIR='/var/lib/a #b $HOME'", "ADMIN_EMAIL=a@b.example", "ADMIN_PASSWORD='p#w=\"x\" '",
			"DATABASE_URL=mysql+pymysql://root:Root%401234@localhost:3306/quitq_ecom\r", "ACCESS_TOKEN_EXPIRE_MINUTES=5",
		}, "\n"))
		cfg, err := Load()
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Addr != ":9001" || cfg.LogFormat != "json" || cfg.SecretKey != goodKey || cfg.TokenLife != 5*time.Minute ||
			cfg.DataDir != "/var/lib/a #b $HOME" || cfg.AdminPassword != `p#w="x" ` {
			t.Errorf("got %+v", cfg)
		}
		if cfg.Database == nil || cfg.Database.Passwd != "Root@1234" || cfg.Database.DBName != "quitq_ecom" {
			t.Errorf("database is %+v", cfg.Database)
		}
	})
	t.Run("Dollars", func(t *testing.T) {
		dotenv(t, strings.Join([]string{"ADMIN_EMAIL=a@b.example", "SECRET_KEY=\"$A$$" + goodKey + "$\"", "ADMIN_PASSWORD=Pa$SSW0RD$",
			"DATABASE_URL = 'mysql+pymysql://root:Root$1234@localhost:3306/quitq_ecom'", "DATA_DIR=/srv/${ADMIN_EMAIL}"}, "\n"))
		cfg, err := Load()
		if err != nil || cfg.AdminPassword != "Pa$SSW0RD$" || cfg.SecretKey != "$A$$"+goodKey+"$" || cfg.DataDir != "/srv/a@b.example" ||
			cfg.Database.Passwd != "Root$1234" {
			t.Errorf("got %+v, %v", cfg, err)
		}
	})
	t.Run("EnvironmentWins", func(t *testing.T) {
		dotenv(t, "ADDR=:9001\nLOG_FORMAT=json\n")
		t.Setenv("ADDR", ":9000")
		cfg, err := Load()
		if err != nil || cfg.Addr != ":9000" || cfg.LogFormat != "json" {
			t.Errorf("got %+v, %v", cfg, err)
		}
		if v, ok := os.LookupEnv("LOG_FORMAT"); ok {
			t.Errorf("the file was written into the environment: %s", v)
		}
	})
	t.Run("EnvironmentMendsFile", func(t *testing.T) {
		dotenv(t, "ADDR=nonsense\n")
		t.Setenv("ADDR", ":9000")
		if cfg, err := Load(); err != nil || cfg.Addr != ":9000" {
			t.Errorf("got %+v, %v", cfg, err)
		}
	})
	t.Run("BadValuesOfBoth", func(t *testing.T) {
		dotenv(t, "ADDR=nonsense\n")
		t.Setenv("LOG_LEVEL", "loud")
		cfg, err := Load()
		if err == nil || !strings.Contains(err.Error(), "ADDR is") || !strings.Contains(err.Error(), "LOG_LEVEL is") {
			t.Errorf("got %+v, %v", cfg, err)
		}
	})
	for name, text := range map[string]string{
		"OpenQuote":     "ADMIN_PASSWORD=\"hush\nADDR=:9000\n",
		"NoEqualsSign":  "ADMIN_PASSWORD hush-hush\nADDR=:9000\n",
		"StrangeName":   "ADMIN-PASSWORD=hush\n",
		"PastedCommand": "curl -u admin:hush https://shop.example\n",
	} {
		t.Run(name, func(t *testing.T) {
			dotenv(t, text)
			_, err := Load()
			if err == nil || !strings.HasPrefix(err.Error(), ".env can't be read: ") || strings.Contains(err.Error(), "hush") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("Directory", func(t *testing.T) {
		dotenv(t, "")
		if err := os.Mkdir(".env", 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(); err == nil || !strings.Contains(err.Error(), ".env") {
			t.Errorf("got %v", err)
		}
	})
}
