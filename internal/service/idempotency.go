package service

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
)

// keptAnswer is a row of idempotency_keys.
type keptAnswer struct {
	Request []byte `db:"request"`
	Answer  []byte `db:"answer"`
}

// keepKeys is how long an answer can be had again: a day was promised, the rest is for clocks that differ.
const keepKeys = 48 * time.Hour

// takeKey returns the answer that was given under the input's key before. If there is none it takes the
// key, which no other transaction can have until this one ends, and gives it back if this one fails.
func takeKey(ctx context.Context, tx *sqlx.Tx, userID int64, in model.OrderInput) (model.PlacedOrder, error) {
	if in.IdempotencyKey == nil {
		return model.PlacedOrder{}, nil
	}
	placed, err := readAnswer(ctx, tx, userID, in)
	if !errors.Is(err, sql.ErrNoRows) {
		return placed, err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO idempotency_keys (user_id, name, request, created_at)
		VALUES (?, ?, ?, ?)`, userID, *in.IdempotencyKey, requestOf(in), now())
	if database.IsDuplicate(err) { // another came in between, and is over by now
		return readAnswer(ctx, tx, userID, in)
	}
	return model.PlacedOrder{}, err
}

func readAnswer(ctx context.Context, tx *sqlx.Tx, userID int64, in model.OrderInput) (model.PlacedOrder, error) {
	var kept keptAnswer
	read := func(locking string) error {
		return tx.GetContext(ctx, &kept, `
			SELECT request, answer
			FROM idempotency_keys
			WHERE user_id = ? AND name = ? `+locking, userID, *in.IdempotencyKey)
	}
	err := read("FOR UPDATE NOWAIT")
	if database.IsLocked(err) {
		err = readRefused(read, err)
	}
	switch {
	case err != nil:
		return model.PlacedOrder{}, err
	case !bytes.Equal(kept.Request, requestOf(in)):
		return model.PlacedOrder{}, apperr.New(apperr.KeyReused,
			"This Idempotency-Key was used for another order before. Please send each order under a key of its own.")
	}
	placed := model.PlacedOrder{Answer: kept.Answer, Replayed: true}
	return placed, json.Unmarshal(kept.Answer, &placed)
}

// readRefused reads what was refused with NOWAIT: a row, or where a migration is about to change the table, for which
// MariaDB does not wait then either, all of it. SKIP LOCKED does wait for that, and not for the row: if there is none to be
// had, the table can be used, and who is refused again has met the row.
func readRefused(read func(locking string) error, refused error) error {
	if err := read("FOR UPDATE SKIP LOCKED"); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	err := read("FOR UPDATE NOWAIT")
	switch {
	case errors.Is(err, sql.ErrNoRows):
		// It can be taken by now, in a new transaction: with innodb_rollback_on_timeout this one is over.
		return refused
	case !database.IsLocked(err):
		return err
	}
	// By the first attempt, or by one more that is being told its answer: only that can be read.
	if err = read(""); errors.Is(err, sql.ErrNoRows) {
		return apperr.Retry(apperr.KeyInUse,
			"Your first attempt at this order is still being worked on. Please ask again in a moment.", time.Second, nil)
	}
	return err
}

// requestOf is what two requests under one key must have in common.
func requestOf(in model.OrderInput) []byte {
	b, err := json.Marshal(in)
	if err != nil { // plain values of our own
		panic(err)
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// keepAnswer stores the answer under the key that takeKey took.
func keepAnswer(ctx context.Context, tx *sqlx.Tx, userID int64, in model.OrderInput, placed model.PlacedOrder) error {
	if in.IdempotencyKey == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE idempotency_keys
		SET order_id = ?, answer = ?
		WHERE user_id = ? AND name = ?`, placed.ID, placed.Answer, userID, *in.IdempotencyKey)
	return err
}

// answer makes the answer to a new order.
func answer(o model.Order) (model.PlacedOrder, error) {
	placed := model.PlacedOrder{Message: "Thank you! Your order is placed.", Order: o}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(placed)
	placed.Answer = b.Bytes()
	return placed, err
}

// ForgetKeys removes the answers that are too old to be asked for again, by the database's clock, some at a time so that
// nobody waits for it, and returns how many there were.
func (s *Orders) ForgetKeys(ctx context.Context) (removed int64, err error) {
	return forget(ctx, s.db, "old idempotency keys", `
		DELETE FROM idempotency_keys
		WHERE created_at < UTC_TIMESTAMP() - INTERVAL ? SECOND
		ORDER BY created_at
		LIMIT ?`, keepKeys/time.Second)
}

// forget repeats a DELETE of some rows that are older than a moment until none are left.
func forget(ctx context.Context, db *sqlx.DB, what, query string, args ...any) (removed int64, err error) {
	const some = 1000
	for n := int64(some); n == some; removed += n {
		res, err := database.Exec(ctx, db, query, append(args, some)...)
		if err != nil {
			return removed, fail("forget "+what, err)
		}
		if n, err = res.RowsAffected(); err != nil {
			return removed, fail("forget "+what, err)
		}
	}
	return removed, nil
}
