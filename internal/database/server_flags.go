package database

import (
	"os"
	"strconv"
)

// coreFlags are given to the server whenever it runs, also when it makes its data.
func (b serverBinary) coreFlags(h serverHome, mode ServerMode, data string) []string {
	flags := []string{
		b.path,
		"--no-defaults", // must come first: the machine's my.cnf belongs to another server
		"--datadir=" + data,
		"--tmpdir=" + h.path("tmp"),
		"--skip-networking",
		"--skip-log-bin",
		"--performance-schema=OFF",
		"--event-scheduler=OFF",
		"--local-infile=OFF",
		"--innodb-use-native-aio=OFF", // containers and sandboxes often forbid or ration it
		"--innodb-buffer-pool-dump-at-shutdown=OFF",
		"--innodb-buffer-pool-load-at-startup=OFF",
	}
	if os.Geteuid() == 0 {
		flags = append(flags, "--user=root")
	}
	if mode == ServerScratch {
		flags = append(flags, "--innodb-buffer-pool-size=64M",
			"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF")
	} else {
		flags = append(flags, "--innodb-buffer-pool-size="+strconv.FormatUint(poolMegabytes(machineMemory()), 10)+"M",
			"--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=ON")
	}
	if b.flavour == flavourMariaDB {
		return append(flags, b.mariadbFlags(h, mode)...)
	}
	return append(flags, mysqlFlags(mode)...)
}

// poolMegabytes is the size of the server's cache on a machine with so many bytes of memory. It fills as the shop grows:
// a million orders want some hundred MB.
func poolMegabytes(memory uint64) uint64 { return max(192, min(memory>>20/16, 1024)) }

func (b serverBinary) mariadbFlags(h serverHome, mode ServerMode) []string {
	flags := []string{
		// An empty directory: MariaDB has no value that forbids file import and export.
		"--secure-file-priv=" + h.path("export"),
	}
	if b.basedir != "" {
		flags = append(flags, "--basedir="+b.basedir)
	}
	if mode == ServerScratch {
		return append(flags, "--innodb-log-file-size=32M", "--debug-no-sync")
	}
	return append(flags, "--innodb-log-file-size=96M")
}

func mysqlFlags(mode ServerMode) []string {
	flags := []string{
		"--secure-file-priv=NULL",
		"--mysqlx=OFF",
		"--auto-generate-certs=OFF",
		"--caching-sha2-password-auto-generate-rsa-keys=OFF",
		"--loose-sha256-password-auto-generate-rsa-keys=OFF", // gone with its plugin some day
	}
	if mode == ServerScratch {
		return append(flags, "--innodb-redo-log-capacity=32M", "--innodb-flush-method=nosync")
	}
	return append(flags, "--innodb-redo-log-capacity=96M")
}

// runArgs is the command line of a server that answers queries.
func (b serverBinary) runArgs(h serverHome, mode ServerMode) []string {
	return append(b.coreFlags(h, mode, h.data(b.flavour)),
		"--socket="+h.socket,
		"--pid-file="+h.path("tmp/mysqld.pid"),
		"--character-set-server=utf8mb4",
		"--collation-server=utf8mb4_unicode_ci",
		"--default-time-zone=+00:00",
		"--skip-name-resolve",
		"--max-connections=200",
		"--table-open-cache=1000",
	)
}
