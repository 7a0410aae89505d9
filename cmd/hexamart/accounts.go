package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"hexamart/internal/model"
)

func (p *program) revokeAdmin(ctx context.Context, s *shop, by model.Actor, email string) error {
	was, err := s.services.Auth.DemoteUser(ctx, by, email)
	if err != nil {
		return sentence(err)
	}
	if !was {
		fmt.Fprintf(p.stdout, "%s was no admin.\n", email)
		return nil
	}
	fmt.Fprintf(p.stdout, "%s is no admin any more.\n", email)
	if strings.EqualFold(s.cfg.AdminEmail, email) {
		fmt.Fprintln(p.stdout, "NOTE: ADMIN_EMAIL names this address. The next start of the shop makes it an admin again.")
	}
	return nil
}

func setPassword(ctx context.Context, p *program, args []string) error {
	rest, err := p.parseFlags(flag.NewFlagSet("password", flag.ContinueOnError), args, "EMAIL")
	if err != nil {
		return err
	}
	return p.withCurrentShop(ctx, func(s *shop) error {
		password, err := p.askPassword("New password for " + rest[0] + ": ")
		if err != nil {
			return err
		}
		if err := s.services.Auth.SetPassword(ctx, model.Actor{Command: "hexamart password"}, rest[0], password); err != nil {
			return sentence(err)
		}
		fmt.Fprintf(p.stdout, "%s has a new password and is logged out everywhere.\n", rest[0])
		return nil
	})
}

func logout(ctx context.Context, p *program, args []string) error {
	set := flag.NewFlagSet("logout", flag.ContinueOnError)
	everybody := set.Bool("everybody", false, "all users, as after a restore")
	names := []string{"EMAIL"}
	if slices.Contains(args, "-everybody") || slices.Contains(args, "--everybody") {
		names = nil
	}
	rest, err := p.parseFlags(set, args, names...)
	if err != nil {
		return err
	}
	return p.withExistingShop(ctx, func(s *shop) error {
		if _, err := s.migrate(ctx, p.stdout); err != nil {
			return err
		}
		if *everybody {
			n, err := s.services.Sessions.EndEverybody(ctx, model.Actor{Command: "hexamart logout"})
			if err != nil {
				return err
			}
			fmt.Fprintf(p.stdout, "Everybody is logged out everywhere: %d accounts.\n", n)
			return nil
		}
		if err := s.services.Sessions.EndAll(ctx, model.Actor{Command: "hexamart logout"}, rest[0]); err != nil {
			return sentence(err)
		}
		fmt.Fprintf(p.stdout, "%s is logged out everywhere.\n", rest[0])
		return nil
	})
}
