package handler

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"hexamart/internal/model"
)

// message is an answer that is only a sentence for people.
type message struct {
	Message string `json:"message"`
}

// respond writes v as JSON. It fails before anything was written.
func respond(w http.ResponseWriter, status int, v any) error {
	return encode(v, func(body []byte) { write(w, status, "application/json", body) })
}

// respondPictured is respond for what has products in it.
func respondPictured(w http.ResponseWriter, r *http.Request, status int, v any) error {
	return encode(v, func(body []byte) { write(w, status, "application/json", withPictures(r, body)) })
}

// buffers are where answers are built: a list's, which grows a dozen times, was a sixth of the garbage of its request.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const maxBuffer = 256 << 10 // bytes, beyond which a buffer is not kept

// encode calls use with v as JSON, which is there until use returns.
func encode(v any, use func(body []byte)) error {
	body := buffers.Get().(*bytes.Buffer)
	defer func() {
		if body.Cap() <= maxBuffer {
			body.Reset()
			buffers.Put(body)
		}
	}()
	enc := json.NewEncoder(body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	use(body.Bytes())
	return nil
}

// created is respond for something new, which from now on is at location.
func created(w http.ResponseWriter, location string, v any) error {
	w.Header().Set("Location", location)
	return respond(w, http.StatusCreated, v)
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // #nosec G705 -- JSON, and nosniff; an error means that the client has gone
}

// respondList writes a page as a bare array, with the way to the next one in the headers.
func respondList[T any](w http.ResponseWriter, r *http.Request, list model.List[T]) error {
	maps.Copy(w.Header(), listHeader(r, list))
	return respondPictured(w, r, http.StatusOK, list.Items)
}

// listParameters are what lists know beside the cursor. Nothing else goes into the address of the next page: a proxy has little
// room for the headers of an answer, and takes a shop for broken that does not keep to it.
var listParameters = []string{"action", "actor", "archived", "category", "count", "from", "in_stock", "limit", "max_price", "min_price", "search", "sort_by",
	"status", "to", "user_id"}

// listHeader says how many there are, if that was asked, and where the next page is, if there is one.
func listHeader[T any](r *http.Request, list model.List[T]) http.Header {
	h := http.Header{}
	if list.Next != "" {
		sent, query := r.URL.Query(), url.Values{"cursor": {list.Next}}
		for _, name := range listParameters {
			if value := strings.TrimSpace(sent.Get(name)); value != "" {
				query.Set(name, value)
			}
		}
		next := url.URL{Path: routePath(r), RawQuery: query.Encode()}
		h.Set("Link", "<"+next.String()+`>; rel="next"`)
	}
	if list.Total != nil {
		h.Set("X-Total-Count", strconv.FormatInt(*list.Total, 10))
	}
	return h
}
