package model_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"hexamart/internal/model"
)

// Both of them go into INSERT and SELECT as they are.
var (
	_ driver.Valuer = model.Money(0)
	_ sql.Scanner   = (*model.Money)(nil)
)

const (
	notMoney     = "must be an amount such as 19.99, with at most two decimals"
	tooMuchMoney = "must be at most 9999999999.99"
)

func TestParseMoney(t *testing.T) {
	t.Parallel()
	good := map[string]model.Money{
		"0": 0, "0.0": 0, "0.00": 0, "0.01": 1, "0.1": 10, "19": 1900, "19.9": 1990, "19.99": 1999, "1.05": 105,
		"007.50": 750, strings.Repeat("0", 40) + ".01": 1, "123456.78": 12345678, "282.83": 28283,
		"9999999999.99": model.MaxMoney, "9999999999": 999_999_999_900,
	}
	for text, want := range good {
		if got, err := model.ParseMoney(text); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	bad := map[string]string{
		"": notMoney, " ": notMoney, ".": notMoney, "1.": notMoney, ".5": notMoney, "1.2.3": notMoney,
		"19.999": notMoney, "0.001": notMoney, "1.000": notMoney, "-1": notMoney, "-0": notMoney, "-0.00": notMoney,
		"+1": notMoney, "1.-5": notMoney, "1.+5": notMoney, "1e2": notMoney, "1E2": notMoney, "1e-2": notMoney,
		"1.0e1": notMoney, "NaN": notMoney, "nan": notMoney, "Infinity": notMoney, "inf": notMoney, "0x10": notMoney,
		"1_000": notMoney, "1,50": notMoney, "1,000.00": notMoney, " 1": notMoney, "1 ": notMoney, "1 .5": notMoney,
		"1. 5": notMoney, "1\n": notMoney, "1\x00": notMoney, "$5": notMoney, "five": notMoney, "null": notMoney,
		"٣": notMoney, "１.５": notMoney, "²": notMoney, "1.٣": notMoney, "−1": notMoney,
		"10000000000": tooMuchMoney, "10000000000.00": tooMuchMoney, "9223372036854775807": tooMuchMoney,
		"9223372036854775808": tooMuchMoney, "92233720368547758.08": tooMuchMoney, "184467440737095516.17": tooMuchMoney,
		strings.Repeat("9", 500): tooMuchMoney,
	}
	for text, want := range bad {
		if got, err := model.ParseMoney(text); err == nil || err.Error() != want {
			t.Errorf("%q is %d, %v, want: %s", text, got, err, want)
		}
	}
}

func TestMoneyString(t *testing.T) {
	t.Parallel()
	for amount, want := range map[model.Money]string{
		0: "0.00", 1: "0.01", 10: "0.10", 99: "0.99", 100: "1.00", 1999: "19.99", 12345678: "123456.78",
		model.MaxMoney: "9999999999.99", model.MaxMoney + 1: "10000000000.00", math.MaxInt64: "92233720368547758.07",
		-1: "-0.01", -100: "-1.00", -1999: "-19.99", math.MinInt64: "-92233720368547758.08",
	} {
		if got := amount.String(); got != want {
			t.Errorf("%d cents are %s, want %s", int64(amount), got, want)
		}
		if b, err := json.Marshal(amount); err != nil || string(b) != want {
			t.Errorf("%d cents in JSON are %s, %v, want %s", int64(amount), b, err, want)
		}
		v, err := amount.Value()
		if text, ok := v.(string); err != nil || !ok || text != want {
			t.Errorf("%d cents for the database are %T %v, %v, want the string %s", int64(amount), v, v, err, want)
		}
	}
}

func TestMoneyUnmarshalJSON(t *testing.T) {
	t.Parallel()
	good := map[string]model.Money{
		`19.99`: 1999, `"19.99"`: 1999, `5`: 500, `"5"`: 500, `0`: 0, `" 19.90 "`: 1990, `"\t1\n"`: 100, `"1\u0039"`: 1900,
		`9999999999.99`: model.MaxMoney,
	}
	for text, want := range good {
		var got struct{ Price *model.Money }
		if err := json.Unmarshal([]byte(`{"price": `+text+`}`), &got); err != nil || got.Price == nil || *got.Price != want {
			t.Errorf("%s is %v, %v, want %d", text, got.Price, err, want)
		}
	}
	bad := map[string]string{
		`19.999`: notMoney, `"19.999"`: notMoney, `-1`: notMoney, `"-1"`: notMoney, `-0`: notMoney, `1e2`: notMoney, `1E+2`: notMoney,
		`"1e2"`: notMoney, `"NaN"`: notMoney, `"Infinity"`: notMoney, `""`: notMoney, `" "`: notMoney, `true`: notMoney,
		`[]`: notMoney, `[1]`: notMoney, `{}`: notMoney, `"1 000"`: notMoney, `"٣"`: notMoney, `"\"1\""`: notMoney,
		`10000000000`: tooMuchMoney, `"10000000000"`: tooMuchMoney,
	}
	for text, want := range bad {
		got := struct{ Price model.Money }{7}
		err := json.Unmarshal([]byte(`{"price": `+text+`}`), &got)
		if err == nil || err.Error() != want {
			t.Errorf("%s is %v, %v, want: %s", text, got.Price, err, want)
		}
		if got.Price != 7 {
			t.Errorf("%s was refused and made of 0.07: %v", text, got.Price)
		}
	}
	t.Run("NullIsAbsent", func(t *testing.T) {
		t.Parallel()
		var got struct{ Price *model.Money }
		if err := json.Unmarshal([]byte(`{"price": null}`), &got); err != nil || got.Price != nil {
			t.Errorf("got %v, %v", got.Price, err)
		}
	})
}

// TestMoneyRoundTrip sends amounts of all sizes through text, JSON and the database's form.
func TestMoneyRoundTrip(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		want := model.Money(rng.Int64N(int64(model.MaxMoney)+1) >> rng.IntN(40))
		if got, err := model.ParseMoney(want.String()); err != nil || got != want {
			t.Fatalf("text of %d is read as %d, %v", int64(want), int64(got), err)
		}
		b, _ := json.Marshal(want)
		var got model.Money
		if err := json.Unmarshal(b, &got); err != nil || got != want {
			t.Fatalf("JSON of %d is read as %d, %v", int64(want), int64(got), err)
		}
		v, _ := (-want).Value()
		if err := got.Scan([]byte(v.(string))); err != nil || got != -want {
			t.Fatalf("the database's form of %d is read as %d, %v", int64(-want), int64(got), err)
		}
	}
}

func TestMoneyScan(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]model.Money{
		"0": 0, "0.00": 0, "19.99": 1999, "19.9": 1990, "19": 1900, "-19.99": -1999, "-0.05": -5, "9999999999.99": model.MaxMoney,
		"92233720368547758.07":            math.MaxInt64,
		"92233720368547758.08":            math.MaxInt64,
		"99999999999999999999999999.99":   math.MaxInt64,
		"-999999999999999999999999999.99": -math.MaxInt64,
	} {
		var got model.Money
		if err := got.Scan([]byte(text)); err != nil || got != want {
			t.Errorf("%s is %d, %v, want %d", text, int64(got), err, int64(want))
		}
	}
	for name, src := range map[string]any{
		"Null": nil, "Float": 19.99, "Int": int64(19), "Letters": []byte("abc"), "ThreeDecimals": []byte("1.005"),
		"Exponent": []byte("1e5"), "TwoDots": []byte("1.2.3"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := model.Money(7)
			if err := got.Scan(src); err == nil || got != 7 {
				t.Errorf("%v is %d, %v", src, int64(got), err)
			}
		})
	}
}

func TestMoneyTimes(t *testing.T) {
	t.Parallel()
	const beyond = model.MaxMoney + 1
	for _, c := range []struct {
		price    model.Money
		quantity int64
		want     model.Money
	}{
		{1999, 0, 0}, {1999, 1, 1999}, {1999, 3, 5997}, {0, math.MaxInt64, 0}, {1, math.MaxInt64, beyond},
		{model.MaxMoney, 1, model.MaxMoney}, {model.MaxMoney, 2, beyond}, {model.MaxMoney, math.MaxInt64, beyond},
		{999_999_999, 1000, 999_999_999_000}, {1_000_000_000, 1000, beyond}, {1, int64(model.MaxMoney), model.MaxMoney},
		{1, int64(model.MaxMoney) + 1, beyond}, {333_333_333_333, 3, model.MaxMoney}, {333_333_333_334, 3, beyond},
		{beyond, 1, beyond}, {math.MaxInt64, math.MaxInt64, beyond},
	} {
		if got := c.price.Times(c.quantity); got != c.want {
			t.Errorf("%s for %d pieces is %s, want %s", c.price, c.quantity, got, c.want)
		}
	}
}
