# Works with GNU make 3.81 (macOS) and later. A machine needs git, make and Go; the rest installs itself.

GO          ?= go
GOSEC        = github.com/securego/gosec/v2/cmd/gosec@v2.30.0
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
COMPOSE      = github.com/compose-spec/compose-go/v2/cmd@v2.16.2
# The cipher of bcrypt shares nothing, and would take most of the time that looking for races takes.
RACE         = -race -gcflags=golang.org/x/crypto/blowfish=-race=false
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null)
BUILDFLAGS   = -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -buildvcs=$(if $(VERSION),auto,false)

.DEFAULT_GOAL := help
.PHONY: help run test test-crash test-docs test-ops fuzz gosec build backup bench check clean db-server db-client c-compiler node chromium load-generator

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build and start the shop with demo data, on its own database unless DATABASE_URL names one
	@[ -n "$$DATABASE_URL" ] || { [ -z "$${DATABASE_URL+set}" ] && grep -qsE '$(ENV_HAS_URL)' .env; } || $(MAKE) --no-print-directory db-server
	@exec bin/hexamart serve --demo

test: ## run all tests with the race detector, on their own databases unless TEST_DATABASE_URL names a server
	@[ -n "$$TEST_DATABASE_URL" ] || $(MAKE) --no-print-directory db-server URL=TEST_DATABASE_URL
	@$(MAKE) --no-print-directory c-compiler
	@race=; if $(CC_WORKS); then race='$(RACE)'; export CGO_ENABLED=1; fi; \
	set -x; $(GO) test $$race -timeout 10m ./...

test-crash: ## crash, freeze and starve shops under load, on a cluster too: minutes; SHORT=1 each once
	@$(MAKE) --no-print-directory db-server
	@$(MAKE) --no-print-directory c-compiler
	@[ -e "$(GALERA)" ] || { $(call INSTALL,the Galera library,galera-4); }
	@race=; if $(CC_WORKS); then race='$(RACE)'; export CGO_ENABLED=1; fi; \
	if [ -n "$(SHORT)" ]; then export CRASH_SHORT=1; else export HEXAMART_TEST_LONG=1; fi; \
	set -x; $(GO) test $$race -tags crash -timeout 60m -parallel 4 -run 'Crash|^TestCluster|Frozen$(if $(SHORT),,|Adopt)' ./internal/database ./cmd/hexamart

test-docs: build node chromium ## check the API's documents with Redocly, openapi-typescript, newman and Chromium (needs Node)
	@$(MAKE) --no-print-directory db-server
	@env -u DATABASE_URL .ci/docs

test-ops: ## run two shops behind nginx.conf, on a cluster too, and back one up: minutes; SHORT=1 each once
	@$(MAKE) --no-print-directory db-server db-client
	@[ -e "$(GALERA)" ] || { $(call INSTALL,the Galera library,galera-4); }
	@$(NGINX_FOUND) || { echo "NOTE: where systemd runs, the package also starts nginx on port 80."; $(call INSTALL,nginx,nginx-light,nginx); $(NGINX_FOUND); } || { \
		echo "There is no nginx here, and it could not be installed. Install it yourself (apt install nginx-light)." >&2; exit 1; }
	$(if $(SHORT),CRASH_SHORT=1) $(GO) test -tags crash -timeout 30m -run '^Test(Proxy|Backup|Restore|Tail)' ./cmd/hexamart
	$(GO) run $(COMPOSE) docker-compose.yml >/dev/null
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && tool=$$(command -v promtool) || { \
		echo "Fetching promtool out of Debian's package prometheus, which is not installed."; \
		(cd "$$tmp" && { apt-get download -qq prometheus || { apt-get update -qq; apt-get download -qq prometheus; }; } && dpkg-deb -x *.deb .) && \
		tool=$$tmp/usr/bin/promtool; } && "$$tool" test rules .deploy/alerts_test.yml
	@.ci/same

fuzz: ## feed every decoder and parser with made-up input, FUZZTIME=10000x each (or 1m): about a minute in all
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	for dir in $$(grep -l '^func Fuzz' internal/*/*_test.go | xargs -n1 dirname | sort -u); do \
		$(GO) test -c -fuzz=. -o "$$tmp/fuzz.test" ./$$dir || exit 1; \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\)(.*/\1/p' $$dir/*_test.go); do \
			echo "$$dir $$target"; \
			(cd $$dir && "$$tmp/fuzz.test" -test.run '^$$' -test.fuzz "^$$target\$$" -test.fuzzcachedir "$$tmp/cache" \
				-test.fuzztime $(or $(FUZZTIME),10000x) -test.fuzzminimizetime 100x) || exit 1; \
		done; \
	done

build: ## build bin/hexamart
	@CGO_ENABLED=0 $(GO) build $(BUILDFLAGS) -o bin/hexamart ./cmd/hexamart

bench: build ## measure against floors of bare code; QUICK=1 in two minutes
	@[ -n "$$TEST_DATABASE_URL" ] || $(MAKE) --no-print-directory db-server URL=TEST_DATABASE_URL
	@$(MAKE) --no-print-directory load-generator
	@$(GO) run ./internal/bench $(if $(QUICK),-quick) $(if $(ROWS),-rows=$(ROWS)) $(if $(PROFILE),-profile=$(PROFILE))

check: gosec ## check the format, vet, staticcheck, gosec and go.mod
	@files=$$($$($(GO) env GOROOT)/bin/gofmt -l cmd internal migrations) && \
	if [ -n "$$files" ]; then echo "not formatted by gofmt:" $$files; exit 1; fi
	$(GO) vet ./... && $(GO) vet -tags crash ./...
	$(GO) run $(STATICCHECK) -tags crash ./...
	$(GO) mod tidy -diff

backup: build ## write the private server's database to FILE (backup-<time>.sql.gz), while the shop runs too
	@$(MAKE) --no-print-directory db-client
	@bin/hexamart backup $(or $(FILE),backup-$$(date -u +%Y%m%dT%H%M%SZ).sql.gz)

gosec: ## look for what is weak by its shape; minutes the first time. Answers stand beside the code, after #nosec
	$(GO) run $(GOSEC) -quiet -exclude-dir=internal/bench -exclude-dir=internal/testkit ./...

clean: ## remove what was built; data stay
	rm -rf bin .bench

# What run and test need and a machine may lack.

URL = DATABASE_URL
db-server:
	@[ -n "$$HEXAMART_MYSQLD" ] || $(SERVER_FOUND) || { \
		$(call INSTALL,a MySQL or MariaDB server,mariadb-server-core mysql-server-core-8.4 mysql-server-core-8.0,mariadb); \
		$(SERVER_FOUND); \
	} || { \
		echo "There is no MySQL or MariaDB server here, and none could be installed. Install one yourself (apt install"; \
		echo "mariadb-server-core, or brew install mariadb), or set $(URL) to a running one, or use: docker compose up"; \
		exit 1; \
	} >&2

db-client:
	@$(CLIENT_FOUND) || { $(call INSTALL,the database's client tools,mariadb-client,mariadb); $(CLIENT_FOUND); } || { \
		echo "There is no mariadb-dump or mysqldump here. Install one yourself (apt install mariadb-client)." >&2; exit 1; }

c-compiler:
	@$(CC_WORKS) || { \
		$(call INSTALL,a C compiler for the race detector,gcc,,libc6-dev); \
		$(CC_WORKS); \
	} || echo "NOTE: the race detector is left out: it needs a C compiler (apt install gcc libc6-dev), and there is none."

load-generator:
	@command -v wrk >/dev/null || { $(call INSTALL,wrk to measure with,wrk,wrk); command -v wrk >/dev/null; } || { \
		echo "There is no wrk here, and it could not be installed. Install it yourself (apt install wrk, or brew install wrk)."; \
		exit 1; \
	} >&2

node:
	@command -v npm >/dev/null || { $(call INSTALL,Node,nodejs,node,npm); command -v npm >/dev/null; } || { \
		echo "There is no Node here; install version 20.19 or later, with npm." >&2; exit 1; }

chromium:
	@[ -n "$$CHROMIUM" ] || command -v chromium >/dev/null || { $(call INSTALL,Chromium,chromium,); command -v chromium >/dev/null; } || { \
		echo "There is no Chromium here; install it, or set CHROMIUM to the path of a browser of its kind." >&2; exit 1; }

# A line of .env that sets DATABASE_URL.
ENV_HAS_URL = ^[[:space:]]*(export[[:space:]]+)?DATABASE_URL[[:space:]]*[=:][[:space:]]*[^[:space:]\#]

# The directories are those that an ordinary user's PATH lacks; internal/database looks there, too.
SERVER_FOUND = ( \
	PATH="$$PATH:/usr/sbin:/usr/libexec:/usr/local/sbin:/usr/local/bin:/usr/local/mysql/bin:/opt/homebrew/bin"; \
	for dir in /opt/homebrew/opt/*/bin /usr/local/opt/*/bin; do PATH="$$PATH:$$dir"; done; \
	command -v mariadbd || command -v mysqld ) >/dev/null

CLIENT_FOUND = { command -v mariadb-dump || command -v mysqldump; } >/dev/null
NGINX_FOUND = { command -v nginx || test -x /usr/sbin/nginx; } >/dev/null

GALERA = /usr/lib/galera/libgalera_smm.so

CC_WORKS = echo '\#include <stdlib.h>' | $$($(GO) env CC) -x c -c -o /dev/null - 2>/dev/null

# $(call INSTALL,what,Debian packages,Homebrew formula,more packages) installs the first of the Debian packages that
# exists, and the others, without setting up any service. Where there is no way to install, it does nothing.
define INSTALL
sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		echo "This machine lacks $(1)."; \
		if command -v apt-get >/dev/null && $$sudo true 2>/dev/null; then \
			$$sudo apt-get update -qq; \
			for package in $(2); do apt-cache show $$package >/dev/null 2>&1 && break; done; \
			echo "Installing $$package$(if $(4), $(4)) with apt (no service is set up)."; \
			$$sudo env DEBIAN_FRONTEND=noninteractive \
				apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=60 $$package $(4) >/dev/null; \
		elif [ -n "$(3)" ] && command -v brew >/dev/null; then \
			echo "Installing $(3) with Homebrew (no service is set up)."; \
			brew install $(3); \
		fi
endef
