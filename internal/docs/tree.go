package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// tree is a JSON object that keeps the order of its members, so that what is served reads in the order it
// was written in. Members are objects, []any, strings, or json.RawMessage for numbers and the like.
type tree struct {
	keys   []string
	values map[string]any
}

func newTree() *tree { return &tree{values: map[string]any{}} }

func (o *tree) get(key string) any { return o.values[key] }

// set adds or replaces a member and returns o.
func (o *tree) set(key string, value any) *tree {
	if _, there := o.values[key]; !there {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
	return o
}

// take removes a member and returns it, nil if it is not there.
func (o *tree) take(key string) any {
	value := o.values[key]
	delete(o.values, key)
	o.keys = slices.DeleteFunc(o.keys, func(k string) bool { return k == key })
	return value
}

// object returns a member that is an object, an empty one if it is not there.
func (o *tree) object(key string) *tree {
	if member, ok := o.values[key].(*tree); ok {
		return member
	}
	return newTree()
}

// part is object, but what is not there is made.
func (o *tree) part(key string) *tree {
	member := o.object(key)
	o.set(key, member)
	return member
}

// text returns a member that is a string, or "".
func (o *tree) text(key string) string {
	s, _ := o.values[key].(string)
	return s
}

// list returns a member that is a list of strings.
func (o *tree) list(key string) (words []string) {
	list, _ := o.values[key].([]any)
	for _, v := range list {
		words = append(words, v.(string))
	}
	return words
}

// merge adds the members of another object, none of which may be there.
func (o *tree) merge(other *tree) {
	for _, key := range other.keys {
		if _, there := o.values[key]; there {
			panic("docs: " + key + " is described twice")
		}
		o.set(key, other.values[key])
	}
}

// clone returns a copy that shares its members.
func (o *tree) clone() *tree {
	c := newTree()
	c.merge(o)
	return c
}

// MarshalJSON writes the members in their order.
func (o *tree) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := plainJSON(o.values[key])
		if err != nil {
			return nil, err
		}
		b.WriteString(strconv.Quote(key) + ":")
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plainJSON writes JSON with < and > as they are.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// indented writes JSON for people.
func indented(v any) []byte {
	compact, err := plainJSON(v)
	must(err)
	var b bytes.Buffer
	must(json.Indent(&b, compact, "", "  "))
	b.WriteByte('\n')
	return b.Bytes()
}

// readYAML reads one of the sources.
func readYAML(name string) any {
	b, err := sources.ReadFile(name)
	must(err)
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		panic("docs: " + name + ": " + err.Error())
	}
	return fromYAML(doc.Content[0])
}

// fromYAML keeps numbers as they are written: 168.00 stays so.
func fromYAML(n *yaml.Node) any {
	switch n.Kind {
	case yaml.AliasNode:
		return fromYAML(n.Alias)
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, fromYAML(item))
		}
		return list
	case yaml.MappingNode:
		o := newTree()
		for i := 0; i < len(n.Content); i += 2 {
			key, value := n.Content[i], fromYAML(n.Content[i+1])
			if key.Tag == "!!merge" {
				o = value.(*tree).clone() // a merge stands first, what follows replaces
				continue
			}
			o.set(key.Value, value)
		}
		return o
	}
	switch n.Tag {
	case "!!str", "!!timestamp":
		return n.Value
	case "!!int", "!!float", "!!bool":
		return json.RawMessage(n.Value)
	case "!!null":
		return nil
	}
	panic(fmt.Sprintf("docs: line %d: %s is of no kind that JSON has", n.Line, n.Tag))
}
