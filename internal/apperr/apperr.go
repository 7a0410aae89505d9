// Package apperr is the error model of the shop: what went wrong, in a code for programs and a
// sentence for people. It knows no HTTP; the handler package decides which status a code becomes.
package apperr

import (
	"errors"
	"fmt"
	"time"
)

// Code names a cause, stable for programs that act on it (snake_case).
type Code string

// The codes. Those that share an HTTP status differ in what a client can do about them.
const (
	Malformed          Code = "malformed"               // unreadable body, id or header
	InvalidInput       Code = "validation_failed"       // readable, but some field breaks a rule
	InvalidCredentials Code = "invalid_credentials"     // #nosec G101 -- wrong e-mail or password
	Unauthenticated    Code = "unauthenticated"         // no token, or one that is no longer good
	Forbidden          Code = "forbidden"               // known caller without the right
	ForeignPage        Code = "foreign_page"            // a page of an origin that is not listed
	NotFound           Code = "not_found"               // also: somebody else's
	MethodNotAllowed   Code = "method_not_allowed"      //
	EmailTaken         Code = "email_taken"             //
	EmptyCart          Code = "empty_cart"              //
	CartFull           Code = "cart_full"               // too many different products in one cart
	OutOfStock         Code = "out_of_stock"            // details: items
	TotalChanged       Code = "total_changed"           // details: total_price
	TotalTooLarge      Code = "total_too_large"         // the amount does not fit the books
	StatusConflict     Code = "status_not_allowed"      // details: allowed
	KeyInUse           Code = "request_in_progress"     // the first request under this idempotency key is still running
	KeyReused          Code = "idempotency_key_reused"  // for another request
	PreconditionFailed Code = "precondition_failed"     // If-Match names another state
	TooLarge           Code = "body_too_large"          //
	HeadersTooLarge    Code = "headers_too_large"       //
	UnsupportedMedia   Code = "unsupported_media"       //
	RateLimited        Code = "rate_limited"            // retry after RetryAfter
	Unavailable        Code = "temporarily_unavailable" // retry after RetryAfter
	Internal           Code = "internal"                // what every error that is none of the above is shown as
)

// Field is one broken rule of an input: the field as the client names it, and a sentence.
type Field struct {
	Name    string `json:"field"`
	Message string `json:"message"`
}

// Error is an expected failure. Message is shown to people as it is; Details are further members of
// the answer; the cause, if any, is for the log alone.
type Error struct {
	Code       Code
	Message    string
	Fields     []Field
	Details    map[string]any
	RetryAfter time.Duration
	cause      error
}

func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// New returns an error with this code and sentence.
func New(code Code, message string) error { return &Error{Code: code, Message: message} }

// Newf is New with a format.
func Newf(code Code, format string, args ...any) error {
	return New(code, fmt.Sprintf(format, args...))
}

// With returns New with further members for the answer.
func With(code Code, message string, details map[string]any) error {
	return &Error{Code: code, Message: message, Details: details}
}

// Retry returns an error that goes away by itself: the caller may try again after the given time.
func Retry(code Code, message string, after time.Duration, cause error) error {
	return &Error{Code: code, Message: message, RetryAfter: after, cause: cause}
}

// Invalid returns an InvalidInput error that names every broken field, or nil when there is none.
func Invalid(fields []Field) error {
	if len(fields) == 0 {
		return nil
	}
	message := fields[0].Message
	for _, f := range fields[1:] {
		message += " " + f.Message
	}
	return &Error{Code: InvalidInput, Message: message, Fields: fields}
}

// Is reports whether err is an *Error with this code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
