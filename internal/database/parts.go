package database

import (
	"context"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// schemaParts are what migrations make, a part a line: tables, columns, indexes and constraints.
//
//go:embed parts.txt
var schemaParts string

// displayWidth is what MariaDB still says of integers, which means nothing.
var displayWidth = regexp.MustCompile(`\b((?:small|big)?int)\(\d+\)`)

// MissingParts returns those parts of the newest schema that a database lacks, as when somebody has dropped an index, or has loaded
// a part of a backup; of a table that is not there only that. There may be more in it than the shop's. MariaDB shows
// constraints to none who may only read and write: where none is seen, none is missing.
func MissingParts(ctx context.Context, db *sqlx.DB) (missing []string, err error) {
	there, err := readParts(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	constraints := slices.ContainsFunc(there, isConstraint)
	for part := range strings.Lines(schemaParts) {
		part = strings.TrimSpace(part)
		if isConstraint(part) && !constraints {
			continue
		}
		table := partOf.FindStringSubmatch(part)[1]
		known := slices.ContainsFunc(there, func(p string) bool { return strings.HasPrefix(p, "table "+table+" ") })
		if !slices.Contains(there, part) && (known || strings.HasPrefix(part, "table ")) {
			missing = append(missing, part)
		}
	}
	return missing, nil
}

func isConstraint(part string) bool { return strings.HasPrefix(part, "constraint ") }

// partOf finds of which table a part is.
var partOf = regexp.MustCompile(`^(?:table|column|constraint|index|unique index) (\w+)`)

func readParts(ctx context.Context, db *sqlx.DB) (parts []string, err error) {
	err = db.SelectContext(ctx, &parts, `
		SELECT CONCAT_WS(' ', 'table', table_name, engine) AS part
		FROM information_schema.tables
		WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'
		UNION ALL
		SELECT CONCAT_WS(' ', 'column', CONCAT(table_name, '.', column_name), column_type, IF(is_nullable = 'YES', 'NULL', 'NOT NULL'), collation_name,
			IF(LOWER(extra) LIKE '%on update%', 'ON UPDATE', NULL), IF(LOWER(extra) LIKE '%auto_increment%', 'AUTO_INCREMENT', NULL))
		FROM information_schema.columns
		WHERE table_schema = DATABASE()
		UNION ALL
		SELECT CONCAT_WS(' ', IF(MAX(non_unique) = 0, 'unique index', 'index'), CONCAT(table_name, '.', index_name),
			GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ', '))
		FROM information_schema.statistics
		WHERE table_schema = DATABASE()
		GROUP BY table_name, index_name
		UNION ALL
		SELECT CONCAT_WS(' ', 'constraint', CONCAT(table_name, '.', constraint_name), constraint_type)
		FROM information_schema.table_constraints
		WHERE table_schema = DATABASE() AND constraint_type IN ('FOREIGN KEY', 'CHECK')`)
	for i, part := range parts {
		parts[i] = displayWidth.ReplaceAllString(part, "$1")
	}
	return parts, err
}
