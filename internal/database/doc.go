// Package database holds everything about the connection to MySQL or MariaDB that is not a query of
// the shop: opening a pool, running transactions again after a deadlock, migrating the schema, and
// the private server of a machine where no database is configured.
package database
