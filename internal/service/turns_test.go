package service_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hexamart/internal/apperr"
	"hexamart/internal/database"
	"hexamart/internal/model"
	"hexamart/internal/service"
	"hexamart/internal/testkit"
)

// TestTurnsOfOneAccount has one account come from many addresses, more often than there are turns: it waits for itself, and nobody
// else for it, whose turns and whose lists of orders come at once.
func TestTurnsOfOneAccount(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	turn := func(ctx context.Context, userID int64, address string) (func(), error) {
		return s.Services.Turn(ctx, model.Asker{Address: address, UserID: userID})
	}
	list := func(ctx context.Context, userID int64, address string) (func(), error) {
		return s.Services.TurnToList(ctx, model.Asker{Address: address, UserID: userID})
	}
	for name, c := range map[string]struct {
		enter func(ctx context.Context, userID int64, address string) (func(), error)
		most  int
	}{"Turns": {turn, service.MaxOfAccount}, "Lists": {list, service.MaxOrderListsOfAccount}} {
		t.Run(name, func(t *testing.T) {
			var leave []func()
			for i := range c.most {
				one, err := c.enter(t.Context(), 1, fmt.Sprintf("198.51.100.%d", i))
				if err != nil {
					t.Fatal(err)
				}
				leave = append(leave, one)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			var more sync.WaitGroup
			for i := range 4 * database.MaxConns {
				more.Go(func() {
					if _, err := c.enter(ctx, 1, fmt.Sprintf("198.51.100.%d", 100+i)); code(err) != apperr.Unavailable || !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("one more of the account: %v", err)
					}
				})
			}
			time.Sleep(50 * time.Millisecond) // until they wait
			other, err := c.enter(ctx, 2, "203.0.113.1")
			if err != nil {
				t.Fatalf("another account: %v", err)
			}
			other()
			more.Wait()
			for _, one := range leave {
				one()
			}
			again, err := c.enter(t.Context(), 1, "198.51.100.1")
			if err != nil {
				t.Fatalf("the account afterwards: %v", err)
			}
			again()
		})
	}
}

// TestLoginMakesKnown has strangers from many addresses wait for each kind of turn, and then one who has logged in from theirs before:
// they are next but one at most.
func TestLoginMakesKnown(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	login := model.LoginInput{Username: u.Email, Password: u.Password}
	if _, err := s.Services.Auth.Login(t.Context(), login, model.Actor{Address: "203.0.113.9"}); err != nil {
		t.Fatal(err)
	}
	again := testkit.NewShopOn(t, s.DB) // another instance
	again.Services.Auth.Know("203.0.113.9", u.ID)
	for instance, services := range map[string]*service.Services{"ByLogin": s.Services, "ByToken": again.Services} {
		for name, enter := range map[string]func(context.Context, model.Asker) (func(), error){
			"Turn": services.Turn, "TurnToList": services.TurnToList, "Think": services.Think, "Walk": service.Walk(services.Products),
			"Search": service.Search(services.Products), "List": service.List(services.Products),
		} {
			t.Run(instance+name, func(t *testing.T) {
				t.Parallel()
				var held []func()
				for {
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					leave, err := enter(ctx, model.Asker{Address: "198.51.100.1"})
					cancel()
					if err != nil {
						break
					}
					held = append(held, leave)
				}
				const strangers = 40
				went := make(chan string, strangers+1)
				come := func(address string) {
					leave, err := enter(t.Context(), model.Asker{Address: address})
					if err != nil {
						t.Error(err)
						return
					}
					went <- address
					time.Sleep(time.Millisecond) // so that one goes after another
					leave()
				}
				for i := range strangers {
					go come(fmt.Sprintf("198.51.100.%d", 10+i))
				}
				time.Sleep(100 * time.Millisecond) // until they wait
				go come("203.0.113.9")
				time.Sleep(100 * time.Millisecond)
				held[0]()
				for n := range strangers + 1 {
					if address := <-went; address == "203.0.113.9" && n > 2 {
						t.Errorf("went as number %d", n)
					}
				}
				for _, leave := range held[1:] {
					leave()
				}
			})
		}
	}
}

// TestPasswordsAskInTurn takes all turns: neither what is known of failed logins nor whose password is to be changed is asked for
// without one.
func TestPasswordsAskInTurn(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(s *testkit.Shop, u *testkit.Person) error{
		"Failures": func(s *testkit.Shop, u *testkit.Person) error {
			_, err := service.LimitKeys(t.Context(), s.Services.Auth, u.Email, "198.51.100.1")
			return err
		},
		"ChangePassword": func(s *testkit.Shop, u *testkit.Person) error {
			_, err := s.Services.Users.ChangePassword(t.Context(), model.Actor{ID: u.ID, Address: "198.51.100.1"},
				model.PasswordInput{OldPassword: u.Password, NewPassword: "thimble and lamp"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			s, _, _ := behind(t, func(_ context.Context, st database.Statement) {
				if strings.HasPrefix(st.SQL, "SELECT") && (strings.Contains(st.SQL, "login_failures") || strings.Contains(st.SQL, "password_hash")) {
					asked.Add(1)
				}
			})
			u := s.User()
			leave, waiting := service.FillTurnsForGood(s.Services)
			before, done := asked.Load(), make(chan error)
			go func() { done <- ask(s, u) }()
			awaitWaiting(t, waiting, 1)
			if n := asked.Load() - before; n > 0 {
				t.Errorf("asked %d times without a turn", n)
			}
			leave()
			if err := <-done; err != nil || asked.Load() == before {
				t.Errorf("afterwards: %v, asked %d times", err, asked.Load()-before)
			}
		})
	}
}

// TestPasswordsAreJudgedInTurn has somebody from elsewhere hold the processors: new passwords, also bad ones, and those of bad
// forms, wait to be judged.
func TestPasswordsAreJudgedInTurn(t *testing.T) {
	t.Parallel()
	s := testkit.NewShop(t)
	u := s.User()
	leave := testkit.TakeAll(t, s.Services.Think)
	for name, send := range map[string]func(ctx context.Context) error{
		"Register": func(ctx context.Context) error {
			_, err := s.Services.Auth.Register(ctx, model.RegisterInput{Name: "Ann", Email: "no e-mail", Password: "password1"}, model.Actor{Address: "198.51.100.2"})
			return err
		},
		"ChangePassword": func(ctx context.Context) error {
			_, err := s.Services.Users.ChangePassword(ctx, model.Actor{ID: u.ID, Address: "198.51.100.2"}, model.PasswordInput{OldPassword: u.Password, NewPassword: "password1"})
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := send(ctx); !apperr.Is(err, apperr.Unavailable) {
			t.Errorf("%s without a turn: %v", name, err)
		}
		cancel()
	}
	leave()
	if _, err := s.Services.Auth.Register(t.Context(), model.RegisterInput{Name: "Ann", Email: "no e-mail", Password: "password1"}, model.Actor{}); len(apperr.FieldsOf(err)) != 2 {
		t.Errorf("afterwards: %v", err)
	}
}
