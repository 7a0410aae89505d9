package database

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"hexamart/migrations"
)

// adoptStep is a part of an adoption. Whether it is pending is for a check; it finds out by itself whether
// it is done.
type adoptStep struct {
	name    string
	pending func(ctx context.Context) (bool, error)
	run     func(ctx context.Context) error
}

const textType = " CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"

// tableShape is how a table is brought to its final shape, which it has once it has the constraint that is
// its mark. Some columns are added before rows are changed, first the first of them.
type tableShape struct {
	table, mark string
	clauses     func() []string
	first       string
	added       func() []string
}

func (a *adopter) shapes() []tableShape {
	return []tableShape{
		{"users", "uq_users_email", a.usersShape, "", nil},
		{"products", "ck_products_stock", a.productsShape, "", nil},
		{"carts", "uq_carts_line", a.cartsShape, "", nil},
		{"orders", "fk_orders_user", a.ordersShape, "payment_method", func() []string {
			return []string{"ADD COLUMN payment_method VARCHAR(50)" + textType + " NULL",
				"ADD COLUMN adopted BOOLEAN NOT NULL DEFAULT TRUE"}
		}},
		{"order_items", "fk_order_items_product", a.itemsShape, "name", func() []string {
			return []string{"ADD COLUMN name " + a.text("products", "name", 100) + " NULL",
				"ADD COLUMN adopted BOOLEAN NOT NULL DEFAULT TRUE"}
		}},
	}
}

// steps are all that an adoption does. Tables get what the changes of rows need first, and their final
// shape last; a statement that gives a table its shape makes all changes of that table at once.
func (a *adopter) steps() []adoptStep {
	steps := []adoptStep{{"engine of the tables", func(ctx context.Context) (bool, error) {
		list, err := a.otherEngines(ctx)
		return len(list) > 0, err
	}, a.useInnoDB}}
	for _, s := range a.shapes() {
		if s.added != nil {
			steps = append(steps, adoptStep{"columns of " + s.table,
				func(context.Context) (bool, error) { return !a.has(s.table, s.first), nil }, a.addColumns(s)})
		}
	}
	steps = append(steps, adoptStep{"history of orders",
		func(context.Context) (bool, error) { return !a.has("order_history", "id"), nil }, a.createHistory})
	for _, s := range a.rowSteps() {
		steps = append(steps, adoptStep{s.name, func(ctx context.Context) (bool, error) {
			done, err := a.isDone(ctx, a.db, s.name)
			return !done, err
		}, func(ctx context.Context) error {
			return a.once(ctx, s.name, s.repeat, func(tx *sqlx.Tx) ([]Change, error) {
				changes, err := s.find(ctx, tx)
				if err != nil {
					return nil, err
				}
				return changes, s.apply(ctx, tx)
			})
		}})
	}
	steps = append(steps, adoptStep{"names of items",
		func(context.Context) (bool, error) { return !a.shaped["order_items"], nil }, a.nameItems})
	for _, s := range a.shapes() {
		steps = append(steps, adoptStep{"shape of " + s.table,
			func(context.Context) (bool, error) { return !a.shaped[s.table], nil }, a.shape(s)})
	}
	return steps
}

// text returns the type of a text column: at least as wide as a new database's, and as wide as it is.
func (a *adopter) text(table, name string, width int64) string {
	c := a.columns[table+"."+name]
	if strings.HasSuffix(c.Type, "text") {
		return c.Type + textType
	}
	if c.Length != nil {
		width = max(width, *c.Length)
	}
	return fmt.Sprintf("VARCHAR(%d)%s", width, textType)
}

// addColumns adds a table's early columns unless the first of them is there.
func (a *adopter) addColumns(s tableShape) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := a.readColumns(ctx); err != nil || a.has(s.table, s.first) {
			return err
		}
		return a.exec(ctx, alteration(s.table, s.added()))
	}
}

// otherEngines returns the tables that are not InnoDB's.
func (a *adopter) otherEngines(ctx context.Context) (tables []string, err error) {
	err = a.db.SelectContext(ctx, &tables, `
		SELECT table_name
		FROM information_schema.tables
		WHERE table_schema = DATABASE() AND engine <> 'InnoDB'
			AND table_name IN ('users', 'products', 'carts', 'orders', 'order_items')`)
	return tables, err
}

func (a *adopter) useInnoDB(ctx context.Context) error {
	tables, err := a.otherEngines(ctx)
	for _, t := range tables {
		if err := a.exec(ctx, alteration(t, engineOptions)); err != nil {
			return err
		}
	}
	return err
}

// createHistory makes the table as its migration does, which later finds it there.
func (a *adopter) createHistory(ctx context.Context) error {
	b, err := migrations.FS.ReadFile("00006_create_order_history.sql")
	if err != nil {
		return err
	}
	return a.exec(ctx, string(b)) // goose's marks are SQL comments
}

func (a *adopter) nameItems(ctx context.Context) error {
	return a.exec(ctx, `
		UPDATE order_items i
		JOIN products p ON p.id = i.product_id
		SET i.name = p.name`+a.keep("order_items", "i.")+`
		WHERE i.name IS NULL`)
}

// shape alters a table unless it has its mark; an owner's by that name was looked for before.
func (a *adopter) shape(s tableShape) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := a.readShaped(ctx); err != nil || a.shaped[s.table] {
			return err
		}
		if err := a.readColumns(ctx); err != nil {
			return err
		}
		drops, err := a.dropKeys(ctx, s.table)
		if err != nil {
			return err
		}
		return a.exec(ctx, alteration(s.table, append(append(s.clauses(), drops...), tableOptions...)))
	}
}

// readShaped finds the tables that have their mark.
func (a *adopter) readShaped(ctx context.Context) error {
	a.shaped = map[string]bool{}
	if !a.started { // what has the name of a mark is the owner's
		return nil
	}
	var marks []string
	if err := a.db.SelectContext(ctx, &marks, `
		SELECT CONCAT(table_name, ' ', constraint_name)
		FROM information_schema.table_constraints
		WHERE table_schema = DATABASE()`); err != nil {
		return err
	}
	for _, s := range a.shapes() {
		a.shaped[s.table] = slices.Contains(marks, s.table+" "+s.mark)
	}
	return nil
}

// An owner's ROW_FORMAT or KEY_BLOCK_SIZE would be at odds with what replaces it.
var (
	tableOptions  = []string{"DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", "ROW_FORMAT = DYNAMIC", "KEY_BLOCK_SIZE = 0"}
	engineOptions = []string{"ENGINE = InnoDB", "ROW_FORMAT = DYNAMIC", "KEY_BLOCK_SIZE = 0"}
)

func alteration(table string, clauses []string) string {
	return "ALTER TABLE " + table + "\n\t" + strings.Join(clauses, ",\n\t")
}

// dropKeys returns the clauses that drop the earlier backend's own foreign keys, which deleted orders
// with their products, its unique key of e-mails, and its indexes that repeat the primary key. What
// the owner added stays.
func (a *adopter) dropKeys(ctx context.Context, table string) (clauses []string, err error) {
	var keys []string
	if err := a.db.SelectContext(ctx, &keys, `
		SELECT DISTINCT constraint_name
		FROM information_schema.key_column_usage
		WHERE table_schema = DATABASE() AND table_name = ? AND referenced_table_schema = DATABASE()
			AND (column_name, referenced_table_name) IN (('user_id', 'users'), ('product_id', 'products'), ('order_id', 'orders'))`,
		table); err != nil {
		return nil, err
	}
	for _, k := range keys {
		clauses = append(clauses, "DROP FOREIGN KEY "+quoted(k))
	}
	var indexes []string
	if err := a.db.SelectContext(ctx, &indexes, `
		SELECT DISTINCT index_name
		FROM information_schema.statistics
		WHERE table_schema = DATABASE() AND table_name = ? AND index_name IN (?, 'ix_users_email')`,
		table, "ix_"+table+"_id"); err != nil {
		return nil, err
	}
	for _, i := range indexes {
		clauses = append(clauses, "DROP INDEX "+quoted(i))
	}
	return clauses, nil
}

// optional returns the clause for a column of times that an owner may have added before.
func (a *adopter) optional(table, name string) string {
	if a.has(table, name) {
		return "MODIFY " + name + " DATETIME NULL"
	}
	return "ADD COLUMN " + name + " DATETIME NULL"
}

func (a *adopter) usersShape() []string {
	return []string{
		"MODIFY name " + a.text("users", "name", 255) + " NOT NULL",
		"MODIFY email " + a.text("users", "email", 255) + " NOT NULL",
		"MODIFY password_hash " + a.text("users", "password_hash", 255) + " NOT NULL",
		"MODIFY is_admin BOOLEAN NOT NULL DEFAULT FALSE",
		"MODIFY address " + a.text("users", "address", 255) + " NULL",
		"ADD COLUMN email_key VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin GENERATED ALWAYS AS (LOWER(email)) STORED",
		"ADD COLUMN token_version INT NOT NULL DEFAULT 0",
		a.optional("users", "created_at"),
		"ADD UNIQUE KEY uq_users_email (email_key)",
	}
}

func (a *adopter) productsShape() []string {
	return []string{
		"MODIFY name " + a.text("products", "name", 100) + " NOT NULL",
		"MODIFY price DECIMAL(12, 2) NOT NULL",
		"MODIFY category " + a.text("products", "category", 50) + " NOT NULL",
		"MODIFY stock BIGINT NOT NULL",
		"MODIFY image_url " + a.text("products", "image_url", 255) + " NULL",
		"ADD COLUMN archived_at DATETIME NULL",
		a.optional("products", "created_at"),
		"ADD KEY ix_products_category (archived_at, category, id)",
		"ADD KEY ix_products_category_price (archived_at, category, price, id)",
		"ADD KEY ix_products_category_name (archived_at, category, name, id)",
		"ADD KEY ix_products_price (archived_at, price, id)",
		"ADD KEY ix_products_name (archived_at, name, id)",
		"ADD KEY ix_products_stock (archived_at, stock, id)",
		"ADD CONSTRAINT ck_products_price CHECK (price >= 0)",
		"ADD CONSTRAINT ck_products_stock CHECK (stock >= 0)",
	}
}

func (a *adopter) cartsShape() []string {
	return []string{
		"MODIFY id BIGINT NOT NULL AUTO_INCREMENT",
		"MODIFY quantity INT NOT NULL",
		"ADD UNIQUE KEY uq_carts_line (user_id, product_id)",
		"ADD KEY ix_carts_product (product_id)",
		"ADD CONSTRAINT fk_carts_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE",
		"ADD CONSTRAINT fk_carts_product FOREIGN KEY (product_id) REFERENCES products (id)",
		"ADD CONSTRAINT ck_carts_quantity CHECK (quantity >= 1)",
	}
}

func (a *adopter) ordersShape() []string {
	return []string{
		"MODIFY total_price DECIMAL(12, 2) NOT NULL",
		"MODIFY status VARCHAR(20)" + textType + " NOT NULL",
		"MODIFY payment_status " + a.text("orders", "payment_status", 50) + " NOT NULL",
		"MODIFY shipping_address " + a.text("orders", "shipping_address", 255) + " NULL",
		"MODIFY created_at DATETIME NULL",
		a.optional("orders", "updated_at"),
		"ALTER COLUMN adopted SET DEFAULT FALSE",
		"ADD KEY ix_orders_user (user_id, id)",
		"ADD KEY ix_orders_status (status, id)",
		"ADD KEY ix_orders_created (created_at, id)",
		"ADD CONSTRAINT fk_orders_user FOREIGN KEY (user_id) REFERENCES users (id)",
		"ADD CONSTRAINT ck_orders_total CHECK (adopted OR total_price >= 0)",
		"ADD CONSTRAINT ck_orders_status CHECK (status IN ('Pending', 'Shipped', 'Delivered', 'Cancelled'))",
		"ADD CONSTRAINT ck_orders_payment_method CHECK (payment_method IN ('Credit Card', 'UPI', 'Net Banking', 'Cash on Delivery'))",
	}
}

func (a *adopter) itemsShape() []string {
	return []string{
		"MODIFY name " + a.text("order_items", "name", 100) + " NOT NULL",
		"MODIFY price DECIMAL(12, 2) NOT NULL",
		"MODIFY quantity INT NOT NULL",
		"ALTER COLUMN adopted SET DEFAULT FALSE",
		"ADD KEY ix_order_items_order (order_id, id)",
		"ADD KEY ix_order_items_product (product_id)",
		"ADD CONSTRAINT fk_order_items_order FOREIGN KEY (order_id) REFERENCES orders (id)",
		"ADD CONSTRAINT fk_order_items_product FOREIGN KEY (product_id) REFERENCES products (id)",
		"ADD CONSTRAINT ck_order_items_price CHECK (adopted OR price >= 0)",
		"ADD CONSTRAINT ck_order_items_quantity CHECK (adopted OR quantity >= 1)",
	}
}

// newColumns are those that an adoption adds and an owner's table must not have for other ends.
var newColumns = []string{"users.email_key", "users.token_version", "products.archived_at", "products.changed_at", "orders.payment_method",
	"orders.adopted", "order_items.name", "order_items.adopted"}

// isOurs reports whether the earlier backend's tables have this column, or will.
func isOurs(c column) bool {
	return slices.Contains(legacyColumns[c.Table], c.Name) || slices.Contains(newColumns, c.Table+"."+c.Name) ||
		slices.Contains([]string{"users.created_at", "products.created_at", "orders.updated_at"}, c.Table+"."+c.Name)
}
