package handler_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"hexamart/internal/model"
)

// TestPlans judges each statement that reads, of all that the services send, in a shop with much of everything: by the
// plan that the server makes for it, and by the rows that the server then looks at. What it needs not, it may not read.
func TestPlans(t *testing.T) {
	t.Parallel()
	s, sent := bigShop(t)
	j := newJudge(t, sent.cfg)
	w := &walk{Shop: s, t: t, wire: sent, judge: j.judge, called: map[string]bool{}}
	admin := w.person(1)
	w.lists(admin)
	w.people(admin)
	w.goods(admin)
	w.shopping(admin)
	w.chores()
	w.missing()
	j.unsent()
	j.finish()
}

// missing reports routes that were not called, though they have to do with the database.
func (w *walk) missing() {
	none := []string{"GET /", "GET /healthz", "GET /readyz", "GET /pictures/{file}", "GET /openapi.json", "GET /docs", "GET /docs/{file}",
		"GET /redoc", "GET /errors", "GET /errors/{code}"}
	err := chi.Walk(w.Handler.(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if name := method + " " + route; !w.called[name] && !slices.Contains(none, name) {
			w.t.Errorf("%s was not called: call it, and in all its ways", name)
		}
		return nil
	})
	if err != nil {
		w.t.Error(err)
	}
}

// A statement may look at so many rows for each that it was to give, or to change: those, what belongs to each of
// them, and where they are found in an index.
const (
	rowsEach = 6
	rowsMore = 60
	sorted   = 1100 // of a table may be sorted
)

type judge struct {
	t    *testing.T
	conn *sqlx.Conn
	seen map[string]bool // texts with their values
	all  []sending       // statements
	used map[string]bool // exceptions

	judged map[string]bool   // shapes
	hidden map[string]string // shapes, and the last call that sent them

	wrong int
}

// newJudge has a connection of its own, on which a value may have a semicolon.
func newJudge(t *testing.T, cfg *mysql.Config) *judge {
	cfg = cfg.Clone()
	cfg.ParseTime, cfg.ClientFoundRows, cfg.Collation = true, true, "utf8mb4_unicode_ci"
	cfg.Params = map[string]string{"time_zone": "'+00:00'", "sql_mode": "'STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY'"}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Connx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &judge{t: t, conn: conn, seen: map[string]bool{}, used: map[string]bool{}, judged: map[string]bool{}, hidden: map[string]string{}}
}

var (
	spaces = regexp.MustCompile(`\s+`)
	// What MariaDB reads and EXPLAIN does not.
	setStatement = regexp.MustCompile(`^\s*/\*M!.*?\*/`)
	isRead       = regexp.MustCompile(`(?s)^(SELECT|WITH|UPDATE|DELETE|INSERT .*SELECT)\b`)
	// The end of a batch that is not as expected: out of the batch it always is.
	unless = regexp.MustCompile(`0 \* \(18446744073709551615 \+ \(ROW_COUNT\(\) <> \d+\)\)`)
	limit  = regexp.MustCompile(`LIMIT (\d+)$`)
)

func (j *judge) judge(call string, sent []sending) {
	for _, s := range sent {
		for _, text := range s.statements() {
			s.sql = text
			j.all = append(j.all, s)
			s.exact = unless.ReplaceAllString(strings.TrimSpace(setStatement.ReplaceAllString(text, "")), "0")
			s.sql = spaces.ReplaceAllString(s.exact, " ")
			if !j.seen[s.sql] && isRead.MatchString(s.sql) {
				j.seen[s.sql] = true
				j.statement(call, s)
			}
		}
	}
}

func (j *judge) statement(call string, s sending) {
	plan, err := j.explain(s.exact)
	if err != nil {
		j.t.Errorf("%s\n%s\n%v", call, s.sql, err)
		return
	}
	var p performance
	p.looked, p.most = j.measure(s.exact)
	p.plan = trouble(plan, p.looked)
	j.hide(call, s.exact, plan)
	if m := limit.FindStringSubmatch(s.sql); m != nil && s.by != "attachItems" { // whose end is hardly ever met
		p.most, _ = strconv.Atoi(m[1])
	}
	if p.most > model.MaxLimit+1 {
		p.plan += fmt.Sprintf("and has %d rows at once", p.most)
	}
	needs := rowsEach*p.most + rowsMore
	if p.plan == "" && p.looked <= needs || j.excepted(s, p) {
		return
	}
	if j.wrong++; j.wrong <= 20 { // there is a lot of one kind
		j.t.Errorf("%s, in %s:\n%s\nlooks at %d rows and entries of indexes, where %d are plenty %s\n%v", call, s.by, s.sql, p.looked, needs, p.plan, plan)
	}
}

// performance is how a statement does.
type performance struct {
	looked int    // rows and entries of indexes that the server looked at
	most   int    // rows that it was to give, or to change
	plan   string // what is wrong with its plan
}

// trouble says what no plan for a large table should have.
func trouble(plan []planRow, looked int) string {
	for _, p := range plan {
		switch {
		case p.Table == "" || strings.HasPrefix(p.Table, "<"): // no table, or one that the statement makes
		case p.Type == "ALL":
			return "and reads all of " + p.Table
		case p.Type == "index" && p.Rows > sorted && looked > p.Rows/2: // not ended by a LIMIT
			return "and reads all of an index of " + p.Table
		case strings.Contains(p.Extra, "Using index for group-by"): // leaps over what it does not need
		case p.Rows > sorted && (strings.Contains(p.Extra, "Using filesort") || strings.Contains(p.Extra, "Using temporary")):
			return "and sorts or gathers many of " + p.Table
		}
	}
	return ""
}

// hide remembers a statement of several tables whose plan ends where a row is not there. By the other way, it is looked
// for by a unique key, which is all that there is to judge of one table.
func (j *judge) hide(call, text string, plan []planRow) {
	hidden := slices.ContainsFunc(plan, func(p planRow) bool {
		return strings.Contains(p.Extra, "Impossible WHERE") || strings.Contains(p.Extra, "no matching row")
	})
	several := strings.Contains(text, "JOIN ") || strings.Count(text, "SELECT ") > 1
	switch kind := shape(text); {
	case strings.Contains(text, "WHERE FALSE"): // it looks for nothing
	case !hidden:
		j.judged[kind] = true
	case several:
		j.hidden[kind] = call
	}
}

// planRow is a row of EXPLAIN, as far as both servers have it.
type planRow struct {
	Table, Type, Key, Extra string
	Rows                    int
}

func (p planRow) String() string {
	return fmt.Sprintf("%s by %s of %s: %d rows %s", p.Type, p.Key, p.Table, p.Rows, p.Extra)
}

func (j *judge) explain(text string) (plan []planRow, err error) {
	rows, err := j.conn.QueryxContext(j.t.Context(), "EXPLAIN FORMAT=TRADITIONAL "+strings.TrimSuffix(text, " NOWAIT"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row := map[string]any{}
		if err := rows.MapScan(row); err != nil {
			return nil, err
		}
		text := func(name string) string {
			switch v := row[name].(type) {
			case nil:
				return ""
			case []byte:
				return string(v)
			default:
				return fmt.Sprint(v)
			}
		}
		p := planRow{Table: text("table"), Type: text("type"), Key: text("key"), Extra: text("Extra")}
		if p.Rows, err = strconv.Atoi(text("rows")); err != nil && row["rows"] != nil {
			return nil, err
		}
		plan = append(plan, p)
	}
	return plan, rows.Err()
}

// measure runs a statement once more, changing nothing, and returns how many rows and entries of indexes the server
// looked at, and how many it returned or changed.
func (j *judge) measure(text string) (looked, got int) {
	ctx := j.t.Context()
	j.run("FLUSH STATUS")
	j.run("START TRANSACTION")
	defer j.run("ROLLBACK")
	if strings.HasPrefix(text, "SELECT") || strings.HasPrefix(text, "WITH") {
		rows, err := j.conn.QueryContext(ctx, text)
		if err != nil {
			j.t.Fatal(text, err)
		}
		for rows.Next() {
			got++
		}
		_ = rows.Close()
	} else {
		got = int(j.run(text))
	}
	var counters []struct {
		Name  string `db:"Variable_name"`
		Value int    `db:"Value"`
	}
	if err := j.conn.SelectContext(ctx, &counters, "SHOW SESSION STATUS WHERE Variable_name LIKE 'Handler\\_read%' OR Variable_name = 'Handler_icp_attempts'"); err != nil {
		j.t.Fatal(err)
	}
	for _, c := range counters {
		looked += c.Value
	}
	return looked, got
}

func (j *judge) run(text string) int64 {
	res, err := j.conn.ExecContext(context.WithoutCancel(j.t.Context()), text)
	if err != nil {
		j.t.Errorf("%s: %v", text, err)
		return 0
	}
	n, _ := res.RowsAffected()
	return n
}
