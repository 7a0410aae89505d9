package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"hexamart/internal/apperr"
	"hexamart/internal/config"
	"hexamart/internal/docs"
	"hexamart/internal/model"
)

const demoAdmin = "admin@hexamart.example"

// fillDemo gives a shop without products the demo catalogue, and one without accounts an admin, so
// that nothing is added to a shop that is somebody's already. The catalogue is there as a whole or not at all: products that
// are missing later are so by somebody's will.
func (s *shop) fillDemo(ctx context.Context) error {
	hasUsers, hasProducts, err := s.services.Admin.HasData(ctx)
	if err != nil {
		return err
	}
	if !hasUsers {
		password, err := config.KeepSecret(s.demoPasswordFile(), func() string { return strings.ToLower(rand.Text()[:16]) })
		if err != nil {
			return err
		}
		err = s.services.Auth.CreateAdmin(ctx, model.Actor{Command: "hexamart serve --demo"}, model.RegisterInput{Name: "Admin", Email: demoAdmin, Password: password})
		if err != nil && !apperr.Is(err, apperr.EmailTaken) {
			return err
		}
	}
	if !hasProducts {
		_, err = s.services.Products.Seed(ctx)
	}
	return err
}

// demoPasswordFile keeps the password of the demo's admin, so that it can be shown again next time.
func (s *shop) demoPasswordFile() string { return filepath.Join(s.cfg.DataDir, "admin_password") }

// demoPasswordInShell is what a shell takes for the password, wherever it is.
func (s *shop) demoPasswordInShell() string {
	file := s.demoPasswordFile()
	if path, err := filepath.Abs(file); err == nil {
		file = path
	}
	return `"$(cat '` + strings.ReplaceAll(file, "'", `'\''`) + `')"`
}

// printWelcome says where the shop is, who its admin is, and what to try first.
func (p *program) printWelcome(ctx context.Context, s *shop, addr string) {
	base := baseURL(addr)
	fmt.Fprintf(p.stdout, "\nHexaMart is ready at %s\n", base)
	email, password := s.knownAdmin(ctx)
	switch {
	case email == "":
		fmt.Fprintf(p.stdout, "\n  no admin is known; make one with: hexamart admin EMAIL\n")
	case password == "":
		fmt.Fprintf(p.stdout, "\n  admin     %s\n  password  the one that was set for this account\n", email)
	default:
		shown := password
		if !isTerminal(p.stdout) {
			shown = "in " + s.demoPasswordFile()
		}
		fmt.Fprintf(p.stdout, "\n  admin     %s\n  password  %s\n", email, shown)
	}
	fmt.Fprintf(p.stdout, "\nIn a browser:\n  %s%-20s where to begin\n", base, "/")
	for _, l := range docs.Links {
		fmt.Fprintf(p.stdout, "  %s%-20s %s\n", base, l.Path, l.About)
	}
	fmt.Fprintf(p.stdout, "\nTry:\n  curl '%s/products?search=lamp'\n", base)
	if password != "" {
		if !isTerminal(p.stdout) { // but a file or a log, which keeps it and is read by others
			password = s.demoPasswordInShell()
		}
		login := fmt.Sprintf("%s/auth/login -d username=%s -d password=%s", base, email, password)
		fmt.Fprintf(p.stdout, "  curl %s\n", login)
		fmt.Fprintf(p.stdout, "  curl %s/admin/dashboard -H \"Authorization: Bearer $(curl -s %s | sed 's/.*\"access_token\":\"\\([^\"]*\\).*/\\1/')\"\n", base, login)
	} else {
		fmt.Fprintf(p.stdout, "  curl %s/products/categories\n  curl '%s/products?sort_by=asc&limit=5'\n", base, base)
	}
	fmt.Fprintf(p.stdout, "\nCtrl-C stops it.\n")
}

// knownAdmin returns an admin's e-mail, and the password if it is the demo's and still good.
func (s *shop) knownAdmin(ctx context.Context) (email, password string) {
	if s.cfg.AdminEmail != "" {
		return s.cfg.AdminEmail, ""
	}
	kept, err := os.ReadFile(s.demoPasswordFile())
	if err != nil {
		return "", ""
	}
	password = strings.TrimSpace(string(kept))
	login, err := s.services.Auth.Login(ctx, model.LoginInput{Username: demoAdmin, Password: password}, model.Actor{Command: "hexamart serve --demo"})
	if err != nil || !login.IsAdmin {
		return demoAdmin, ""
	}
	return demoAdmin, password
}
