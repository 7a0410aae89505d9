package apperr_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"hexamart/internal/apperr"
)

func TestConstructors(t *testing.T) {
	t.Parallel()
	details := map[string]any{"allowed": "Shipped"}
	for name, c := range map[string]struct {
		err     error
		code    apperr.Code
		message string
		text    string
		after   time.Duration
		cause   error
	}{
		"New":   {apperr.New(apperr.EmptyCart, "100% empty."), apperr.EmptyCart, "100% empty.", "empty_cart: 100% empty.", 0, nil},
		"Newf":  {apperr.Newf(apperr.NotFound, "No product %d.", 7), apperr.NotFound, "No product 7.", "not_found: No product 7.", 0, nil},
		"With":  {apperr.With(apperr.StatusConflict, "No.", details), apperr.StatusConflict, "No.", "status_not_allowed: No.", 0, nil},
		"Retry": {apperr.Retry(apperr.RateLimited, "Later.", time.Minute, nil), apperr.RateLimited, "Later.", "rate_limited: Later.", time.Minute, nil},
		"RetryWithCause": {apperr.Retry(apperr.Unavailable, "Later.", time.Second, io.EOF), apperr.Unavailable, "Later.",
			"temporarily_unavailable: Later.: EOF", time.Second, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var e *apperr.Error
			if !errors.As(c.err, &e) {
				t.Fatalf("%T is no *Error", c.err)
			}
			if e.Code != c.code || e.Message != c.message || e.Error() != c.text || e.RetryAfter != c.after || e.Fields != nil {
				t.Errorf("got %+v", e)
			}
			if (name == "With") != (e.Details["allowed"] == "Shipped") {
				t.Errorf("details are %v", e.Details)
			}
			if c.cause != nil && !errors.Is(c.err, c.cause) || e.Unwrap() != c.cause {
				t.Errorf("cause is %v", e.Unwrap())
			}
		})
	}
}

func TestIs(t *testing.T) {
	t.Parallel()
	err := apperr.New(apperr.NotFound, "No such product.")
	for name, c := range map[string]struct {
		err  error
		code apperr.Code
		want bool
	}{
		"Same":       {err, apperr.NotFound, true},
		"Wrapped":    {fmt.Errorf("get product: %w", err), apperr.NotFound, true},
		"Joined":     {errors.Join(io.EOF, err), apperr.NotFound, true},
		"OtherCode":  {err, apperr.Forbidden, false},
		"OtherError": {io.EOF, apperr.NotFound, false},
		"Nil":        {nil, apperr.NotFound, false},
	} {
		if got := apperr.Is(c.err, c.code); got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestInvalid(t *testing.T) {
	t.Parallel()
	t.Run("Fields", func(t *testing.T) {
		t.Parallel()
		fields := []apperr.Field{apperr.BadField("name", "is required"), apperr.BadField("min_price", "must be an amount")}
		err := apperr.Invalid(fields)
		var e *apperr.Error
		if !errors.As(err, &e) || e.Code != apperr.InvalidInput || e.Message != "Name is required. Min price must be an amount." {
			t.Fatalf("got %#v", err)
		}
		if got := apperr.FieldsOf(err); len(got) != 2 || got[0] != fields[0] || got[1] != fields[1] {
			t.Errorf("fields are %v", got)
		}
	})
	t.Run("None", func(t *testing.T) {
		t.Parallel()
		for _, fields := range [][]apperr.Field{nil, {}} {
			if err := apperr.Invalid(fields); err != nil { // a typed nil would not be nil here
				t.Errorf("got %#v", err)
			}
		}
	})
	t.Run("OtherErrorsHaveNoFields", func(t *testing.T) {
		t.Parallel()
		for _, err := range []error{nil, io.EOF, apperr.New(apperr.NotFound, "No.")} {
			if got := apperr.FieldsOf(err); got != nil {
				t.Errorf("%v: %v", err, got)
			}
		}
	})
}

func TestBadField(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"name": "Name is required.", "shipping_address": "Shipping address is required.", "id": "Id is required.", "": " is required.",
	} {
		if got := apperr.BadField(name, "is required"); got != (apperr.Field{Name: name, Message: want}) {
			t.Errorf("%q: %+v", name, got)
		}
	}
}
