package model_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"hexamart/internal/model"
)

// TestValidateAll checks that every bad field is named at once, in the order of the fields.
func TestValidateAll(t *testing.T) {
	judge(t, map[string]verdict{
		"Register": bad(&model.RegisterInput{Name: " ", Email: "x", Password: "short"},
			"name: Name is required.", "email: Email must be an e-mail address such as name@example.com.",
			"password: Password must have at least 8 characters."),
		"RegisterEmpty": bad(&model.RegisterInput{},
			"name: Name is required.", "email: Email is required.", "password: Password is required."),
		"Login": bad(&model.LoginInput{}, "username: Username is required.", "password: Password is required."),
		"Profile": bad(&model.ProfileInput{Name: long(256), Address: model.Nullable[string]{Set: true, Value: ptr(long(256))}},
			"name: Name must have at most 255 characters.", "email: Email is required.",
			"address: Address must have at most 255 characters."),
		"PasswordChange": bad(&model.PasswordInput{}, "old_password: Old password is required.", "new_password: New password is required."),
		"CartLine":       bad(&model.CartInput{}, "product_id: Product id is required.", "quantity: Quantity is required."),
		"Order": bad(&model.OrderInput{},
			"payment_method: Payment method is required.", "shipping_address: Shipping address is required."),
		"Product": bad(&model.ProductInput{ImageURL: ptr("x")},
			"name: Name is required.", "price: Price is required.", "category: Category is required.", "stock: Stock is required.",
			"image_url: Image url must be a web address that starts with http:// or https://."),
		"ProductPatch": bad(&model.ProductPatch{Name: ptr(" "), Category: ptr(long(51)), Stock: ptr(model.Int(-1)),
			StockDelta: ptr(model.Int(model.MaxStock + 1)), ImageURL: model.Nullable[string]{Set: true, Value: ptr("x")}},
			"name: Name is required.", "category: Category must have at most 50 characters.", "stock: Stock must be from 0 to 1000000000.",
			"stock_delta: Stock delta must be from -1000000000 to 1000000000.", "stock_delta: Stock delta can't be combined with stock.",
			"image_url: Image url must be a web address that starts with http:// or https://."),
		"ProductFilter": bad(&model.ProductFilter{SortBy: "price", MinPrice: ptr(model.Money(2)), MaxPrice: ptr(model.Money(1)),
			Page: model.Page{Limit: 1001, Cursor: "x"}},
			"sort_by: Sort by must be asc, desc, newest or name.", "min_price: Min price must not be above max_price.",
			"limit: Limit must be from 1 to 1000.", "cursor: Cursor is not one that this list gave; start again without it."),
		"OrderFilter": bad(&model.OrderFilter{Status: "Lost", UserID: -1, From: ptr(time.Unix(2, 0)), To: ptr(time.Unix(1, 0)),
			Page: model.Page{Limit: -1}},
			"status: Status must be one of Pending, Shipped, Delivered, Cancelled.", "user_id: User id must be a positive number.",
			"from: From must be before to.", "limit: Limit must be from 1 to 1000."),
	})
}

func TestValidateCart(t *testing.T) {
	line := func(product, quantity int64) *model.CartInput {
		return &model.CartInput{ProductID: ptr(model.Int(product)), Quantity: ptr(model.Int(quantity))}
	}
	set := func(quantity int64) *model.QuantityInput {
		return &model.QuantityInput{Quantity: ptr(model.Int(quantity))}
	}
	judge(t, map[string]verdict{
		"AddOne":         ok(line(1, 1)),
		"AddMost":        ok(line(1<<62, model.MaxQuantity)),
		"AddNone":        bad(line(1, 0), "quantity: Quantity must be from 1 to 1000."),
		"AddLess":        bad(line(1, -1), "quantity: Quantity must be from 1 to 1000."),
		"AddTooMany":     bad(line(1, 1001), "quantity: Quantity must be from 1 to 1000."),
		"NoSuchID":       bad(line(0, 1), "product_id: Product id must be a positive number."),
		"NegativeID":     bad(line(-1, 1), "product_id: Product id must be a positive number."),
		"BothBad":        bad(line(0, 0), "product_id: Product id must be a positive number.", "quantity: Quantity must be from 1 to 1000."),
		"SetZeroRemoves": ok(set(0)),
		"SetMost":        ok(set(1000)),
		"SetLess":        bad(set(-1), "quantity: Quantity must be from 0 to 1000."),
		"SetTooMany":     bad(set(1001), "quantity: Quantity must be from 0 to 1000."),
		"SetNothing":     bad(&model.QuantityInput{}, "quantity: Quantity is required."),
	})
}

func TestValidateProduct(t *testing.T) {
	with := func(name, category string, stock int64) *model.ProductInput {
		return &model.ProductInput{Name: name, Price: ptr(model.Money(0)), Category: category, Stock: ptr(model.Int(stock))}
	}
	patch := func(stock, delta *model.Int) *model.ProductPatch {
		return &model.ProductPatch{Stock: stock, StockDelta: delta}
	}
	judge(t, map[string]verdict{
		"Least":            ok(with("L", "H", 0)),
		"Most":             ok(with(long(100), long(50), model.MaxStock)),
		"LongName":         bad(with(long(101), "H", 0), "name: Name must have at most 100 characters."),
		"LongCategory":     bad(with("L", long(51), 0), "category: Category must have at most 50 characters."),
		"NegativeStock":    bad(with("L", "H", -1), "stock: Stock must be from 0 to 1000000000."),
		"HugeStock":        bad(with("L", "H", model.MaxStock+1), "stock: Stock must be from 0 to 1000000000."),
		"PatchNothing":     ok(&model.ProductPatch{}),
		"PatchLongest":     ok(&model.ProductPatch{Name: ptr(long(100)), Category: ptr(long(50))}),
		"PatchLongName":    bad(&model.ProductPatch{Name: ptr(long(101))}, "name: Name must have at most 100 characters."),
		"PatchNoCategory":  bad(&model.ProductPatch{Category: ptr("")}, "category: Category is required."),
		"PatchStock":       ok(patch(ptr(model.Int(0)), nil)),
		"PatchMostStock":   ok(patch(ptr(model.Int(model.MaxStock)), nil)),
		"PatchHugeStock":   bad(patch(ptr(model.Int(model.MaxStock+1)), nil), "stock: Stock must be from 0 to 1000000000."),
		"PatchDeltaDown":   ok(patch(nil, ptr(model.Int(-model.MaxStock)))),
		"PatchDeltaUp":     ok(patch(nil, ptr(model.Int(model.MaxStock)))),
		"PatchDeltaBeyond": bad(patch(nil, ptr(model.Int(-model.MaxStock-1))), "stock_delta: Stock delta must be from -1000000000 to 1000000000."),
		"PatchBoth":        bad(patch(ptr(model.Int(1)), ptr(model.Int(1))), "stock_delta: Stock delta can't be combined with stock."),
	})
}

func TestValidateOrder(t *testing.T) {
	const methods = "payment_method: Payment method must be one of Credit Card, UPI, Net Banking, Cash on Delivery."
	cases := map[string]verdict{
		"UnknownMethod": bad(&model.OrderInput{PaymentMethod: "Cheque", ShippingAddress: "X"}, methods),
		"OtherCase":     bad(&model.OrderInput{PaymentMethod: "upi", ShippingAddress: "X"}, methods),
		"LongAddress": bad(&model.OrderInput{PaymentMethod: "UPI", ShippingAddress: long(256)},
			"shipping_address: Shipping address must have at most 255 characters."),
		"WithTotal":     ok(&model.OrderInput{PaymentMethod: "UPI", ShippingAddress: long(255), ExpectedTotal: ptr(model.Money(0))}),
		"NoStatus":      bad(&model.StatusInput{}, "status: Status is required."),
		"UnknownStatus": bad(&model.StatusInput{Status: "Lost"}, "status: Status must be one of Pending, Shipped, Delivered, Cancelled."),
		"StatusCase":    bad(&model.StatusInput{Status: "shipped"}, "status: Status must be one of Pending, Shipped, Delivered, Cancelled."),
		"FilterNothing": ok(&model.OrderFilter{}),
		"FilterAll":     ok(&model.OrderFilter{Status: "Shipped", UserID: 1, From: ptr(time.Unix(1, 0)), To: ptr(time.Unix(2, 0))}),
		"FilterFrom":    ok(&model.OrderFilter{From: ptr(time.Unix(1, 0))}),
		"FilterNoTime":  bad(&model.OrderFilter{From: ptr(time.Unix(1, 0)), To: ptr(time.Unix(1, 0))}, "from: From must be before to."),
	}
	for _, m := range []string{"Credit Card", "UPI", "Net Banking", "Cash on Delivery"} {
		cases[m] = ok(&model.OrderInput{PaymentMethod: m, ShippingAddress: "12 MG Road\nBengaluru"})
	}
	for _, s := range []model.Status{"Pending", "Shipped", "Delivered", "Cancelled"} {
		cases[string(s)] = ok(&model.StatusInput{Status: s})
	}
	judge(t, cases)
}

func TestValidateUser(t *testing.T) {
	address := func(v *string) *model.ProfileInput {
		return &model.ProfileInput{Name: "Asha", Email: "asha@example.com", Address: model.Nullable[string]{Set: true, Value: v}}
	}
	judge(t, map[string]verdict{
		"ProfileWithoutAddress": ok(&model.ProfileInput{Name: long(255), Email: "asha@example.com"}),
		"ProfileNullAddress":    ok(address(nil)),
		"ProfileEmptyAddress":   ok(address(ptr(""))),
		"ProfileSpacesAddress":  ok(address(ptr(" \n"))),
		"ProfileLongest":        ok(address(ptr(long(255)))),
		"ProfileTooLong":        bad(address(ptr(long(256))), "address: Address must have at most 255 characters."),
		"LoginUsername":         ok(&model.LoginInput{Username: "x", Password: "y"}),
		"LoginEmail":            ok(&model.LoginInput{Email: "x", Password: "y"}),
		"LoginLongPassword":     ok(&model.LoginInput{Email: "x", Password: long(500)}),
		"LoginNoPassword":       bad(&model.LoginInput{Email: "x"}, "password: Password is required."),
		"NewPassword":           ok(&model.PasswordInput{OldPassword: "old", NewPassword: "thimble8"}),
		"SamePassword": bad(&model.PasswordInput{OldPassword: "thimble8", NewPassword: "thimble8"},
			"new_password: New password must differ from the old one."),
		"ShortPassword": bad(&model.PasswordInput{OldPassword: "1234567", NewPassword: "1234567"},
			"new_password: New password must have at least 8 characters."),
		"LongPassword": bad(&model.PasswordInput{OldPassword: "x", NewPassword: long(37)},
			"new_password: New password must have at most 72 bytes."),
	})
}

func TestValidateDashboard(t *testing.T) {
	const bounds = "days: Days must be from 1 to 366."
	judge(t, map[string]verdict{
		"Least": ok(&model.DashboardFilter{Days: 1}),
		"Most":  ok(&model.DashboardFilter{Days: 366}),
		"Less":  bad(&model.DashboardFilter{Days: -1}, bounds),
		"More":  bad(&model.DashboardFilter{Days: 367}, bounds),
	})
	t.Run("Default", func(t *testing.T) {
		t.Parallel()
		f := model.DashboardFilter{}
		if got := problems(t, &f); got != nil || f.Days != 30 {
			t.Errorf("got %d days, %q", f.Days, got)
		}
	})
}

// TestValidateTrims checks what is stored after Validate.
func TestValidateTrims(t *testing.T) {
	t.Parallel()
	valid := func(in validator) {
		t.Helper()
		if got := problems(t, in); got != nil {
			t.Fatal(got)
		}
	}
	register := model.RegisterInput{Name: " Asha Rao\n", Email: "\tasha@example.com ", Password: " thimble8 "}
	if valid(&register); register != (model.RegisterInput{Name: "Asha Rao", Email: "asha@example.com", Password: " thimble8 "}) {
		t.Errorf("registration is %q", register)
	}
	order := model.OrderInput{PaymentMethod: "UPI", ShippingAddress: " 12 MG Road\r\nBengaluru \n"}
	if valid(&order); order.ShippingAddress != "12 MG Road\r\nBengaluru" {
		t.Errorf("address is %q", order.ShippingAddress)
	}
	product := model.ProductInput{Name: " Lamp ", Price: ptr(model.Money(1)), Category: " Home ", Stock: ptr(model.Int(1)), ImageURL: ptr(" https://x.example/ ")}
	if valid(&product); product.Name != "Lamp" || product.Category != "Home" || *product.ImageURL != "https://x.example/" {
		t.Errorf("product is %+v", product)
	}
	product.ImageURL = ptr("  ")
	if valid(&product); product.ImageURL != nil {
		t.Errorf("no picture is %q", *product.ImageURL)
	}
	patch := model.ProductPatch{Name: ptr(" Lamp "), Category: ptr(" Home "), ImageURL: model.Nullable[string]{Set: true, Value: ptr("")}}
	if valid(&patch); *patch.Name != "Lamp" || *patch.Category != "Home" || !patch.ImageURL.Set || patch.ImageURL.Value != nil {
		t.Errorf("patch is %+v", patch)
	}
	profile := model.ProfileInput{Name: " Asha ", Email: " asha@example.com ", Address: model.Nullable[string]{Set: true, Value: ptr("")}}
	if valid(&profile); profile.Name != "Asha" || profile.Email != "asha@example.com" || !profile.Address.Set || profile.Address.Value != nil {
		t.Errorf("profile is %+v", profile)
	}
	login := model.LoginInput{Email: "asha@example.com", Password: " x "}
	if valid(&login); login.Username != "asha@example.com" || login.Password != " x " {
		t.Errorf("login is %+v", login)
	}
}

// TestLongGuesses checks that of what is longer than any name or password little is kept, and all of others.
func TestLongGuesses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ long, kept int }{{3 << 10, 3 << 10}, {4 << 10, 4 << 10}, {60 << 10, 4<<10 + 1}} {
		text := strings.Repeat("x", c.long)
		login := model.LoginInput{Username: text, Email: text, Password: text}
		change := model.PasswordInput{OldPassword: text, NewPassword: "thimble8"}
		if err := errors.Join(login.Validate(), change.Validate()); err != nil {
			t.Error(err)
		}
		if len(login.Username) != c.kept || len(login.Password) != c.kept || len(change.OldPassword) != c.kept || login.Email != "" {
			t.Errorf("of %d bytes %d, %d, %d and %d are kept", c.long, len(login.Username), len(login.Password), len(change.OldPassword), len(login.Email))
		}
	}
	spaces := model.LoginInput{Username: "asha@example.com" + strings.Repeat(" ", 5000) + "x", Password: "x"}
	if err := spaces.Validate(); err != nil || strings.TrimSpace(spaces.Username) == "asha@example.com" {
		t.Errorf("a name with much behind it is somebody's: %v", err)
	}
	cut := model.LoginInput{Username: strings.Repeat("x", 4095) + "é", Password: "x"}
	if err := cut.Validate(); err != nil || !utf8.ValidString(cut.Username) {
		t.Errorf("cut within a character: %q, %v", cut.Username[4000:], err)
	}
}

// TestInputsFromForms checks that numbers may come as strings and that unknown fields are ignored.
func TestInputsFromForms(t *testing.T) {
	t.Parallel()
	var p model.ProductInput
	err := json.Unmarshal([]byte(`{"name": "Lamp", "price": "19.9", "category": "Home", "stock": "5", "id": 7, "archived_at": "x"}`), &p)
	if err != nil || *p.Price != 1990 || *p.Stock != 5 || p.Validate() != nil {
		t.Errorf("got %+v, %v", p, err)
	}
	var o model.OrderInput
	if err := json.Unmarshal([]byte(`{"expected_total": "47.08"}`), &o); err != nil || *o.ExpectedTotal != 4708 {
		t.Errorf("got %+v, %v", o, err)
	}
}

func TestStatusMachine(t *testing.T) {
	t.Parallel()
	next := map[model.Status][]model.Status{
		"Pending": {"Shipped", "Cancelled"}, "Shipped": {"Delivered"}, "Delivered": {}, "Cancelled": {}, "": {}, "pending": {}, "Lost": {},
	}
	for from, want := range next {
		if got := from.Next(); got == nil || !slices.Equal(got, want) {
			t.Errorf("%q is followed by %#v, want %v", from, got, want)
		}
		for to := range next {
			if got := from.CanBecome(to); got != slices.Contains(want, to) {
				t.Errorf("%q can become %q: %v", from, to, got)
			}
		}
	}
	if got := model.JoinStatuses(model.Statuses); got != "Pending, Shipped, Delivered, Cancelled" {
		t.Errorf("the statuses are %s", got)
	}
	if got := model.JoinStatuses(nil); got != "" {
		t.Errorf("no statuses are %q", got)
	}
}

// TestOrderJSON checks the shape of an order: names, the id twice, amounts with two decimals, UTC.
func TestOrderJSON(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 12, 6, 45, 0, time.UTC)
	o := model.Order{ID: 7, OrderID: 7, UserID: 3, Status: model.Pending, PaymentMethod: ptr("UPI"), PaymentStatus: model.PaymentPending,
		TotalPrice: 4700, Products: []model.OrderItem{{OrderID: 7, ProductID: 2, Name: "Lamp", Quantity: 1, Price: 4700, TotalPrice: 4700}}, CreatedAt: &at}
	b, err := json.Marshal(model.OrderWithHistory{Order: o, History: []model.StatusChange{{Status: model.Pending, At: &at}}})
	want := `{"id":7,"order_id":7,"user_id":3,"status":"Pending","payment_method":"UPI","payment_status":"Pending","shipping_address":null,` +
		`"total_price":47.00,"products":[{"product_id":2,"name":"Lamp","quantity":1,"price":47.00,"total_price":47.00}],` +
		`"created_at":"2026-11-22T12:06:45Z","updated_at":null,"history":[{"status":"Pending","at":"2026-11-22T12:06:45Z","by":null}]}`
	if err != nil || string(b) != want {
		t.Errorf("got  %s, %v\nwant %s", b, err, want)
	}
}
