package model_test

import (
	"encoding/json"
	"math"
	"testing"

	"hexamart/internal/model"
)

const (
	notInt  = "must be a whole number"
	wideInt = "is out of range"
)

func TestInt(t *testing.T) {
	t.Parallel()
	good := map[string]model.Int{
		"0": 0, "5": 5, "-5": -5, "-0": 0, "007": 7, "9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	}
	for text, want := range good {
		if got, err := model.ParseInt(text); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
		for _, token := range []string{text, `"` + text + `"`, `" ` + text + ` "`} {
			if token == "007" { // no JSON
				continue
			}
			var got struct{ N *model.Int }
			if err := json.Unmarshal([]byte(`{"n": `+token+`}`), &got); err != nil || got.N == nil || *got.N != want {
				t.Errorf("%s in JSON is %v, %v, want %d", token, got.N, err, want)
			}
		}
	}
	bad := map[string]string{
		"": notInt, "-": notInt, "--5": notInt, "+5": notInt, "5.0": notInt, "5.5": notInt, "5e0": notInt, "0x10": notInt,
		"1_000": notInt, " 5": notInt, "5 ": notInt, "٣": notInt, "five": notInt, "NaN": notInt, "−5": notInt,
		"9223372036854775808": wideInt, "-9223372036854775809": wideInt, "99999999999999999999999": wideInt,
	}
	for text, want := range bad {
		if got, err := model.ParseInt(text); err == nil || err.Error() != want {
			t.Errorf("%q is %d, %v, want: %s", text, got, err, want)
		}
	}
	for token, want := range map[string]string{
		"5.0": notInt, "5.5": notInt, "1e2": notInt, "true": notInt, "[5]": notInt, "{}": notInt, `""`: notInt, `"x"`: notInt,
		"9223372036854775808": wideInt, `"99999999999999999999"`: wideInt,
	} {
		got := struct{ N model.Int }{7}
		if err := json.Unmarshal([]byte(`{"n": `+token+`}`), &got); err == nil || err.Error() != want || got.N != 7 {
			t.Errorf("%s in JSON is %d, %v, want: %s", token, got.N, err, want)
		}
	}
}

func TestNullable(t *testing.T) {
	t.Parallel()
	type input struct {
		Address model.Nullable[string] `json:"address"`
	}
	for name, c := range map[string]struct {
		body string
		set  bool
		want string // "-" for none
	}{
		"Absent":     {`{}`, false, "-"},
		"Null":       {`{"address": null}`, true, "-"},
		"Empty":      {`{"address": ""}`, true, ""},
		"Value":      {`{"address": "Köln"}`, true, "Köln"},
		"LastCounts": {`{"address": "Köln", "address": null}`, true, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var in input
			if err := json.Unmarshal([]byte(c.body), &in); err != nil {
				t.Fatal(err)
			}
			got := "-"
			if in.Address.Value != nil {
				got = *in.Address.Value
			}
			if in.Address.Set != c.set || got != c.want {
				t.Errorf("got %v, %q, want %v, %q", in.Address.Set, got, c.set, c.want)
			}
		})
	}
	t.Run("WrongType", func(t *testing.T) {
		t.Parallel()
		var in input
		if err := json.Unmarshal([]byte(`{"address": 5}`), &in); err == nil {
			t.Errorf("got %+v", in)
		}
	})
	t.Run("Int", func(t *testing.T) {
		t.Parallel()
		var n model.Nullable[model.Int]
		if err := json.Unmarshal([]byte(`"12"`), &n); err != nil || !n.Set || *n.Value != 12 {
			t.Errorf("got %+v, %v", n, err)
		}
	})
}
