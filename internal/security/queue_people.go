package security

import "slices"

// person is one of those of whom most is asked.
type person struct {
	name          string
	working, here int
	waiting       map[string]int // by address; nil while nobody does
}

// waitingOfOne is how many of one person may wait for each that works: a load test's, and not all connections of a proxy.
const waitingOfOne = 128

// comes finds the person, nil where it does not matter who it is.
func (q *Queue) comes(who string) *person {
	if who == "" || q.most == 0 {
		return nil
	}
	p, ok := q.people[who]
	if !ok {
		p = &person{name: who}
		q.people[who] = p
	}
	p.here++
	return p
}

func (q *Queue) goes(p *person) {
	if p == nil {
		return
	}
	if p.here--; p.here == 0 {
		delete(q.people, p.name)
	}
}

func (q *Queue) may(p *person) bool { return p == nil || p.working < q.most }

func (q *Queue) begin(p *person) {
	q.free--
	if p != nil {
		p.working++
	}
}

func (q *Queue) leave(p *person) {
	q.free++
	if p != nil {
		p.working--
		q.goes(p)
	}
	q.pass()
}

// mayWait makes room for one more of a person to wait, if need be: the last of theirs at the address with most of them goes,
// unless the newcomer's would then have most. For the first at a known address any of theirs at a strange one goes: who has a person's
// token elsewhere can't keep them out.
func (q *Queue) mayWait(p *person, address string) bool {
	if p == nil || p.here-p.working <= waitingOfOne*q.most {
		return true
	}
	longest, own, from := 0, p.waiting[address], ""
	known := own == 0 && q.homes.has(address)
	for a, n := range p.waiting {
		if n > longest && (n > own+1 || known && !q.homes.has(a)) {
			longest, from = n, a
		}
	}
	if longest == 0 {
		return false
	}
	for l := range q.inTurn {
		for _, w := range slices.Backward(l.waiters) {
			if w.person == p && w.address == from {
				q.sendAway(w)
				return true
			}
		}
	}
	return false
}
