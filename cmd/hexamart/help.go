package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"hexamart/internal/config"
)

// command is a subcommand with its page of the manual.
type command struct {
	name, args, summary string
	run                 func(context.Context, *program, []string) error // nil: it prints the version
	text                string
}

// commandList returns all subcommands, in the order in which a newcomer needs them.
func commandList() []command {
	return []command{
		{"serve", "[--demo]", "serve the shop", serve, serveHelp},
		{"migrate", "[--check | --status]", "bring the database up to date, or adopt one of the earlier backend", migrate, migrateHelp},
		{"seed", "", "add the demo catalogue; safe to repeat", seed, seedHelp},
		{"admin", "[--revoke] EMAIL", "make this user an admin, or make a new one", admin, adminHelp},
		{"password", "EMAIL", "set a new password for somebody who forgot theirs", setPassword, forgottenHelp},
		{"logout", "EMAIL | --everybody", "end all sessions of this user, or of all", logout, logoutHelp},
		{"verify", "", "check the shop's books", verify, verifyHelp},
		{"backup", "FILE", "write the private server's database to a file", backup, backupHelp},
		{"restore", "FILE", "fill an empty private server from such a file", restore, restoreHelp},
		{"doctor", "", "examine what the shop runs on, and say what to do", runDoctor, doctorHelp},
		{"healthcheck", "", "exit with 0 if a shop on ADDR is ready", healthcheck, healthcheckHelp},
		{"version", "", "print the version", nil, "Prints the release, the commit it was built from, and the version of Go.\n"},
	}
}

func commandNamed(name string) *command {
	list := commandList()
	if i := slices.IndexFunc(list, func(c command) bool { return c.name == name }); i >= 0 {
		return &list[i]
	}
	return nil
}

// usage is the first page of the manual.
func usage() string {
	var b strings.Builder
	b.WriteString("HexaMart, an e-commerce backend on MySQL or MariaDB.\n\nUsage:\n")
	for _, c := range commandList() {
		fmt.Fprintf(&b, "  hexamart %-29s %s\n", strings.TrimSpace(c.name+" "+c.args), c.summary)
	}
	fmt.Fprintf(&b, "  hexamart %-29s %s\n", "help COMMAND", "explain a command, with examples")
	b.WriteString(`
To try it:
  hexamart serve --demo        then open http://127.0.0.1:8000 in a browser

A running shop explains its API itself: /docs to read and try it, /openapi.json for programs,
/docs/postman.json for Postman, /errors for what each error means.

Settings come from the environment or a .env file in the working directory; .env.example lists them.
The most important ones:
  DATABASE_URL   mysql://user:password@host:3306/database; without it a private server is started,
                 with its data in DATA_DIR (.data)
  SECRET_KEY     signs the tokens, 32 bytes or more; required with DATABASE_URL
  ADDR           where the shop listens (127.0.0.1:8000)
  CORS_ORIGINS   the pages that may call it (http://localhost:5173)

It exits with 0 if all went well, 1 for a failure, 2 for a mistake in the command line or the settings.
`)
	return b.String()
}

// help prints the manual, or a command's page of it.
func help(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") || args[0] == "help" {
		fmt.Fprint(stdout, usage())
		return 0
	}
	c := commandNamed(args[0])
	if c == nil {
		return unknown(args[0], stderr)
	}
	fmt.Fprintf(stdout, "hexamart %s: %s\n\nUsage:\n  hexamart %s\n\n%s", c.name, c.summary, strings.TrimSpace(c.name+" "+c.args), c.text)
	return 0
}

// unknown answers a command that there is not with the one that was most likely meant.
func unknown(name string, stderr io.Writer) int {
	names := []string{"help"}
	for _, c := range commandList() {
		names = append(names, c.name)
	}
	fmt.Fprintf(stderr, "hexamart: there is no command %q", name)
	near := config.Nearest(name, names)
	if lower := strings.ToLower(name); slices.Contains(names, lower) {
		near = lower
	}
	if near != "" {
		fmt.Fprintf(stderr, "; did you mean: hexamart %s\n", near)
	} else {
		fmt.Fprintf(stderr, ", only %s\n", strings.Join(names, ", "))
	}
	fmt.Fprintln(stderr, "For more: hexamart help")
	return 2
}

// asksForHelp reports whether a flag for help is among a command's arguments.
func asksForHelp(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool { return a == "-h" || a == "-help" || a == "--help" })
}

// nearestFlag says which flag was most likely meant by one that there is not.
func nearestFlag(set *flag.FlagSet, err error) string {
	_, name, ok := strings.Cut(err.Error(), "not defined: -")
	if !ok {
		return ""
	}
	var names []string
	set.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	if near := config.Nearest(strings.TrimLeft(name, "-"), names); near != "" {
		return "; did you mean --" + near + "?"
	}
	return ""
}
