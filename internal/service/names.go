package service

import (
	"bytes"
	"slices"
	"sort"
)

// name is a product's name as a text of letters, in which characters are the same that the database takes for equal.
type name struct {
	id   int64
	text []byte // without zeros
}

// nameIndex finds the products whose names have a text in them. Its blocks are of ascending ids. It never changes:
// replace makes another one, which shares what is the same.
type nameIndex struct {
	blocks []*nameBlock
	bytes  int
}

const (
	namesPerBlock = 64
	gramBits      = 4096 // a power of two: of what 64 names have, about a quarter of them is set
)

// nameBlock is some names, and which runs of two and three letters these have, by a hash: most blocks without a text
// are told from that.
type nameBlock struct {
	ids   []int64
	texts []byte // each with a zero after it
	grams [gramBits / 64]uint64
}

func newNameBlock(names []name) *nameBlock {
	size := len(names)
	for _, n := range names {
		size += len(n.text)
	}
	b := &nameBlock{ids: make([]int64, len(names)), texts: make([]byte, 0, size)}
	for i, n := range names {
		b.ids[i] = n.id
		b.texts = append(append(b.texts, n.text...), 0)
		for j := range n.text {
			for _, length := range []int{2, 3} {
				if j+length <= len(n.text) {
					bit := gramBit(n.text[j : j+length])
					b.grams[bit/64] |= 1 << (bit % 64)
				}
			}
		}
	}
	return b
}

func gramBit(gram []byte) uint32 {
	hash := uint32(len(gram)) // #nosec G115 -- two or three bytes
	for _, c := range gram {
		hash = (hash ^ uint32(c)) * 0x9E3779B1
		hash ^= hash >> 15
	}
	return hash % gramBits
}

// gramsOf returns the bits that a block with the text has, the longest runs of letters that are hashed.
func gramsOf(text []byte) (bits []uint32) {
	length := min(len(text), 3)
	for i := 0; length > 1 && i+length <= len(text); i++ {
		bits = append(bits, gramBit(text[i:i+length]))
	}
	return bits
}

func (b *nameBlock) has(bits []uint32) bool {
	for _, bit := range bits {
		if b.grams[bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}

func (b *nameBlock) last() int64 { return b.ids[len(b.ids)-1] }

// find appends the ids of the names that have a text.
func (b *nameBlock) find(ids []int64, text []byte) []int64 {
	rest, n := b.texts, 0
	for {
		at := bytes.Index(rest, text)
		if at < 0 {
			return ids
		}
		n += bytes.Count(rest[:at], []byte{0})
		ids = append(ids, b.ids[n])
		rest = rest[at+len(text):]
		rest = rest[bytes.IndexByte(rest, 0)+1:]
		n++
	}
}

// names returns the block's names from some id to another.
func (b *nameBlock) names(from, to int64) (list []name) {
	rest := b.texts
	for _, id := range b.ids {
		end := bytes.IndexByte(rest, 0)
		if from <= id && id <= to {
			list = append(list, name{id, rest[:end]})
		}
		rest = rest[end+1:]
	}
	return list
}

// find returns the ids of names that have a text, in ascending or descending order, up to as many as most. All is
// whether there are no more. Where after is not zero they start behind that id.
func (x *nameIndex) find(text []byte, after int64, descending bool, most int) (ids []int64, all bool) {
	blocks := x.blocks
	switch {
	case after != 0 && descending:
		blocks = blocks[:min(x.from(after)+1, len(blocks))]
	case after != 0:
		blocks = blocks[x.from(after):]
	}
	ids = []int64{}
	bits := gramsOf(text)
	var inBlock []int64
	for i := range blocks {
		if descending {
			i = len(blocks) - 1 - i
		}
		if !blocks[i].has(bits) {
			continue
		}
		inBlock = blocks[i].find(inBlock[:0], text)
		if descending {
			slices.Reverse(inBlock)
		}
		for _, id := range inBlock {
			if after != 0 && (!descending && id <= after || descending && id >= after) {
				continue
			}
			if len(ids) == most {
				return ids, false
			}
			ids = append(ids, id)
		}
	}
	return ids, true
}

// from returns the number of the first block that ends with an id or a later one.
func (x *nameIndex) from(id int64) int {
	return sort.Search(len(x.blocks), func(i int) bool { return x.blocks[i].last() >= id })
}

// get returns the name of an id, or nil.
func (x *nameIndex) get(id int64) []byte {
	if i := x.from(id); i < len(x.blocks) {
		for _, n := range x.blocks[i].names(id, id) {
			return n.text
		}
	}
	return nil
}

// lastID returns the highest id, or zero.
func (x *nameIndex) lastID() int64 {
	if len(x.blocks) == 0 {
		return 0
	}
	return x.blocks[len(x.blocks)-1].last()
}

// replace returns an index in which the names from some id to another are these, in ascending order of ids.
func (x *nameIndex) replace(from, to int64, names []name) *nameIndex {
	low := x.from(from)
	high := max(low, sort.Search(len(x.blocks), func(i int) bool { return x.blocks[i].ids[0] > to }))
	if low > 0 && len(x.blocks[low-1].ids) < namesPerBlock {
		low-- // a block at the end gets full before there is another one
	}
	var before, behind []name
	size := x.bytes
	for _, b := range x.blocks[low:high] {
		before = append(before, b.names(0, from-1)...)
		if to < maxID {
			behind = append(behind, b.names(to+1, maxID)...)
		}
		size -= b.size()
	}
	var blocks []*nameBlock
	for all := slices.Concat(before, names, behind); len(all) > 0; {
		n := len(all)
		if n > 2*namesPerBlock {
			n = namesPerBlock
		}
		b := newNameBlock(all[:n])
		blocks, all = append(blocks, b), all[n:]
		size += b.size()
	}
	return &nameIndex{slices.Concat(x.blocks[:low], blocks, x.blocks[high:]), size}
}

// size is what a block takes of memory, about.
func (b *nameBlock) size() int { return len(b.texts) + 8*len(b.ids) + gramBits/8 + 64 }
