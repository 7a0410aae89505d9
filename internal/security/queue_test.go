package security

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// TestHashingIsBounded takes all slots there are: half of the processors stay free, some may wait, and
// no more than would get through in time.
func TestHashingIsBounded(t *testing.T) {
	t.Parallel()
	p := NewPasswords(4)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var releases []func()
	for {
		release, err := p.Slot(gone, "here")
		if err != nil {
			break
		}
		releases = append(releases, release)
	}
	if n := len(releases); n != max(1, runtime.GOMAXPROCS(0)/2) {
		t.Errorf("%d passwords are hashed at once on %d processors", n, runtime.GOMAXPROCS(0))
	}
	if _, err := p.Slot(gone, "here"); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting in vain ended with %v", err)
	}
	waited := make(chan error)
	waiting := queuePerSlot*len(releases) + len(releases) // of whom some wait for the slots already
	for range waiting {
		go func() {
			release, err := p.Slot(context.Background(), "here")
			if err == nil {
				release()
			}
			waited <- err
		}()
	}
	awaitWaiting(p.logins, waiting-len(releases))
	awaitWaiting(p.slots, len(releases))
	if _, err := p.Slot(t.Context(), "here"); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many got %v", err)
	}
	for _, release := range releases {
		release()
	}
	for range waiting {
		if err := <-waited; err != nil {
			t.Errorf("one that waited got %v", err)
		}
	}
	checkEmpty(t, p.slots, len(releases))
}

func awaitWaiting(q *Queue, n int) {
	for q.Waiting() != n {
		runtime.Gosched()
	}
}

func checkEmpty(t *testing.T, q *Queue, places int) {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.free != places || q.waiting != 0 || len(q.lines)+q.known.Len()+q.strange.Len()+len(q.people) != 0 {
		t.Errorf("%d of %d places are free, %d wait in %d lines", q.free, places, q.waiting, len(q.lines))
	}
}

// stand is a queue of one place, which is taken, and those who come and are served there, one after the other.
type stand struct {
	*Queue
	leave  func()
	served chan string
	over   sync.WaitGroup
}

func newStand(t *testing.T, room int) *stand {
	t.Helper()
	s := &stand{Queue: NewQueue(1, room), served: make(chan string, 1000)}
	leave, err := s.Enter(t.Context(), "first")
	if err != nil {
		t.Fatal(err)
	}
	s.leave = leave
	return s
}

// come lets somebody wait, and returns when they do, or somebody was sent away for them.
func (s *stand) come(ctx context.Context, name, address string) {
	before, told := s.Waiting(), make(chan struct{})
	s.over.Go(func() {
		leave, err := s.Enter(ctx, address)
		switch {
		case err == nil:
			s.served <- name
			leave()
		case errors.Is(err, ErrBusy):
			s.served <- "-" + name
		default:
			s.served <- "gone " + name
		}
		close(told)
	})
	if before < s.room {
		awaitWaiting(s.Queue, before+1)
		return
	}
	for len(s.served) == 0 { // full: somebody is
		runtime.Gosched()
	}
}

// rest is who was served, in order, once all are.
func (s *stand) rest() string {
	s.over.Wait()
	close(s.served)
	var all []string
	for name := range s.served {
		all = append(all, name)
	}
	return strings.Join(all, " ")
}

// TestQueueIsFair floods a queue from one address: whoever comes from another is next, however many wait, and
// each address has its turn.
func TestQueueIsFair(t *testing.T) {
	t.Parallel()
	t.Run("Flood", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, 100)
		for i := range 50 {
			s.come(t.Context(), fmt.Sprint("f", i), "flood")
		}
		s.come(t.Context(), "ann", "elsewhere")
		s.leave()
		if order := strings.Fields(s.rest()); len(order) != 51 || slices.Index(order, "ann") > 1 {
			t.Errorf("the order is %v", order)
		}
		checkEmpty(t, s.Queue, 1)
	})
	t.Run("Strangers", func(t *testing.T) { // from an address each
		t.Parallel()
		s := newStand(t, 100)
		for i := range 50 {
			s.come(t.Context(), fmt.Sprint("f", i), fmt.Sprint("flood ", i))
		}
		s.Know("home", "ann")
		for i := range 3 {
			s.come(t.Context(), fmt.Sprint("ann", i), "home")
		}
		s.leave()
		order := strings.Fields(s.rest())
		if len(order) != 53 || slices.Index(order, "ann0") > 1 || slices.Index(order, "ann2") > 5 || slices.Index(order, "f1") > 4 {
			t.Errorf("the order is %v", order)
		}
		checkEmpty(t, s.Queue, 1)
	})
	t.Run("OfOnePerson", func(t *testing.T) { // from many addresses, some of which others share
		t.Parallel()
		q := NewQueue(1, 1)
		for i := range 50 {
			q.Know("office", fmt.Sprint("colleague ", i))
		}
		for _, address := range []string{"office", "home", "home", "m1", "m2", "m3", "home", "m1"} {
			q.Know(address, "ann")
		}
		for address, want := range map[string]bool{"office": true, "home": true, "m1": true, "m2": false, "m3": true} {
			if q.homes.has(address) != want {
				t.Errorf("%s is known: %t", address, !want)
			}
		}
		for i := range 50 {
			for range 2 {
				for _, address := range []string{"a", "b", "c"} {
					q.Know(address, fmt.Sprint("colleague ", i))
				}
			}
		}
		if q.homes.has("office") {
			t.Error("nobody is in the office, and it is known")
		}
	})
	t.Run("FullOfStrangers", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, 3)
		for i := range 3 {
			s.come(t.Context(), fmt.Sprint("f", i), fmt.Sprint("flood ", i))
		}
		s.Know("home", "ann")
		s.come(t.Context(), "ann", "home")
		if _, err := s.Enter(t.Context(), "elsewhere"); !errors.Is(err, ErrBusy) {
			t.Errorf("one more stranger got %v", err)
		}
		if _, err := s.Enter(t.Context(), "home"); !errors.Is(err, ErrBusy) {
			t.Errorf("a second one of the known address got %v", err)
		}
		s.leave()
		if order := s.rest(); order != "-f2 ann f0 f1" {
			t.Errorf("the order is %v", order)
		}
		checkEmpty(t, s.Queue, 1)
	})
	t.Run("InTurns", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, 100)
		for _, name := range []string{"a1", "a2", "a3", "b1", "b2", "c1"} {
			s.come(t.Context(), name, name[:1])
		}
		s.leave()
		if order := s.rest(); order != "a1 b1 c1 a2 b2 a3" {
			t.Errorf("the order is %s", order)
		}
		checkEmpty(t, s.Queue, 1)
	})
	t.Run("Full", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, 4)
		for _, name := range []string{"f1", "f2", "f3", "a1"} {
			s.come(t.Context(), name, name[:1])
		}
		s.come(t.Context(), "b1", "b") // for whom f3 goes
		if _, err := s.Enter(t.Context(), "f"); !errors.Is(err, ErrBusy) {
			t.Errorf("one more of the flood got %v", err)
		}
		if _, err := s.Enter(t.Context(), "b"); !errors.Is(err, ErrBusy) { // would be as many as the flood's
			t.Errorf("one more of another got %v", err)
		}
		s.leave()
		if order := s.rest(); order != "-f3 f1 a1 b1 f2" {
			t.Errorf("the order is %s", order)
		}
		checkEmpty(t, s.Queue, 1)
	})
	t.Run("WhoGivesUp", func(t *testing.T) {
		t.Parallel()
		s := newStand(t, 100)
		ctx, cancel := context.WithCancel(t.Context())
		s.come(t.Context(), "a1", "a")
		s.come(ctx, "b1", "b")
		s.come(t.Context(), "c1", "c")
		cancel()
		awaitWaiting(s.Queue, 2)
		s.leave()
		order := strings.Fields(s.rest())
		if !slices.Contains(order, "gone") || !slices.Contains(order, "a1") || !slices.Contains(order, "c1") {
			t.Errorf("nobody gave up: %v", order)
		}
		checkEmpty(t, s.Queue, 1)
	})
}

// TestQueueAtMost has one person want all places, from many addresses: there is one for others at once, and where the
// person is at an address of their own they are next, however many wait elsewhere.
func TestQueueAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(3, 1000).AtMost(2)
		end := make(chan struct{})
		var mu sync.Mutex
		var went []string
		come := func(address, who, name string) {
			go func() {
				leave, err := q.EnterAs(t.Context(), address, who)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				went = append(went, name)
				mu.Unlock()
				<-end
				leave()
			}()
			synctest.Wait()
		}
		for i := range 40 {
			come(fmt.Sprint("elsewhere ", i%2), "ann", "thief")
		}
		if len(went) != 2 {
			t.Errorf("one person has %d places", len(went))
		}
		come("office", "ben", "ben")
		come("office", "carl", "carl") // for whom there is none
		come("home", "ann", "ann")
		if fmt.Sprint(went) != "[thief thief ben]" {
			t.Errorf("went: %v", went)
		}
		for range 43 {
			end <- struct{}{}
			synctest.Wait()
		}
		if len(went) != 43 || slices.Index(went, "carl") > 5 || slices.Index(went, "ann") > 6 {
			t.Errorf("went: %v", went)
		}
		checkEmpty(t, q, 3)
	})
}

// TestQueueKnowsLater makes an address known while somebody waits there: theirs is every other turn from then on.
func TestQueueKnowsLater(t *testing.T) {
	t.Parallel()
	s := newStand(t, 100)
	for i := range 50 {
		s.come(t.Context(), fmt.Sprint("f", i), fmt.Sprint("flood ", i))
	}
	for i := range 3 {
		s.come(t.Context(), fmt.Sprint("ann", i), "home")
	}
	s.Know("home", "ann")
	s.leave()
	order := strings.Fields(s.rest())
	if len(order) != 53 || slices.Index(order, "ann0") > 1 || slices.Index(order, "ann2") > 5 {
		t.Errorf("the order is %v", order)
	}
	checkEmpty(t, s.Queue, 1)
}

// TestQueueGivenAndGone gives a place to who gives up at that moment: it goes to the next, or is free.
func TestQueueGivenAndGone(t *testing.T) {
	t.Parallel()
	s := newStand(t, 100)
	_, w, err := s.join("a", "")
	if err != nil {
		t.Fatal(err)
	}
	s.come(t.Context(), "b1", "b")
	s.leave() // to w
	if err := s.giveUp(w, context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	if order := s.rest(); order != "b1" {
		t.Errorf("the order is %s", order)
	}
	checkEmpty(t, s.Queue, 1)
}

// TestQueueAtOnce comes, waits and gives up from many addresses at once: no place is lost, and no more are taken than
// there are.
func TestQueueAtOnce(t *testing.T) {
	t.Parallel()
	const places = 3
	q := NewQueue(places, 20).AtMost(2)
	var mu sync.Mutex
	working, most, mostOfOne, served, of := 0, 0, 0, 0, map[string]int{}
	var all sync.WaitGroup
	for i := range 2000 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%3 == 0 {
				go cancel()
			}
			who := []string{"", "ann", "ben"}[i%3]
			leave, err := q.EnterAs(ctx, fmt.Sprint(i%7), who)
			if err != nil {
				return
			}
			mu.Lock()
			working, served = working+1, served+1
			of[who]++
			most, mostOfOne = max(most, working), max(mostOfOne, of["ann"], of["ben"])
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
			working--
			of[who]--
			mu.Unlock()
			leave()
		})
	}
	all.Wait()
	if most > places || mostOfOne > 2 || served == 0 {
		t.Errorf("%d worked at once in %d places, %d of one person, %d in all", most, places, mostOfOne, served)
	}
	checkEmpty(t, q, places)
}
