package main

import "runtime/debug"

// version and commit are set by the build: -ldflags "-X main.version=1.2.3". The commit only where the Go
// tool can't see the repository.
var version, commit string

// shortVersion is the release, or "dev".
func shortVersion() string {
	if version != "" {
		return version
	}
	return "dev"
}

// fullVersion adds the commit that the Go tool stamped and the Go version.
func fullVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return shortVersion()
	}
	text, dirty := shortVersion(), ""
	if commit != "" {
		text += " commit " + commit
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			text += " commit " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = " (modified)"
		}
	}
	return text + dirty + " " + info.GoVersion
}
