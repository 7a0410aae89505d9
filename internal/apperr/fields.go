package apperr

import "strings"

// BadField returns a Field whose message is a sentence about it: BadField("min_price", "is required")
// says "Min price is required."
func BadField(name, problem string) Field {
	label := strings.ReplaceAll(name, "_", " ")
	if label != "" {
		label = strings.ToUpper(label[:1]) + label[1:]
	}
	return Field{Name: name, Message: label + " " + problem + "."}
}

// FieldsOf returns the fields that err names as broken, nil when it is about something else.
func FieldsOf(err error) []Field {
	if e, ok := err.(*Error); ok && e.Code == InvalidInput {
		return e.Fields
	}
	return nil
}
