// Package docs is what explains the shop from within: the API's description for programs (OpenAPI), pages to
// read and to try it, a page for each error, and collections of calls for Postman and for editors. All of it
// stands in the YAML files and templates beside the code and is put together when it is first asked for. It knows
// no HTTP and no database; the handler package serves it.
//
// A new endpoint is described in api/NOUN.yaml and called in tour.yaml; a new error code is explained in
// problems.yaml. Tests in internal/handler and here say what is missing.
package docs

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"strings"
	"sync"

	"github.com/swaggest/swgui/v5/static"
)

//go:embed api/*.yaml problems.yaml tour.yaml
var sources embed.FS

//go:embed pages
var pages embed.FS

// Base is where the shop is unless ADDR says otherwise. The examples have it for the address of the server.
const Base = "http://127.0.0.1:8000"

// Document is something to serve.
type Document struct {
	Type string // media type
	Body []byte
}

const (
	typeHTML = "text/html; charset=utf-8"
	typeText = "text/plain; charset=utf-8"
	typeJSON = "application/json"
)

// files are what belongs to /docs, by name.
var files = map[string]func() Document{
	"docs.css":             page("docs.css", "text/css; charset=utf-8"),
	"docs.js":              page("docs.js", "text/javascript; charset=utf-8"),
	"swagger-ui.css":       swagger("swagger-ui.css.gz", "text/css; charset=utf-8"),
	"swagger-ui-bundle.js": swagger("swagger-ui-bundle.js.gz", "text/javascript; charset=utf-8"),
	"favicon.png":          swagger("favicon-32x32.png", "image/png"),
	"postman.json":         sync.OnceValue(func() Document { return Document{typeJSON, postman()} }),
	"hexamart.http":        sync.OnceValue(func() Document { return Document{typeText, httpFile()} }),
}

// At returns a document whose examples are of the server at an origin.
func (d Document) At(origin string) Document {
	if origin == "" {
		return d
	}
	return Document{d.Type, bytes.ReplaceAll(d.Body, []byte(Base), []byte(origin))}
}

// File returns a file that belongs to the documents; false if there is none of this name.
func File(name string) (Document, bool) {
	file, ok := files[name]
	if !ok {
		return Document{}, false
	}
	return file(), true
}

func page(name, contentType string) func() Document {
	return sync.OnceValue(func() Document {
		body, err := pages.ReadFile("pages/" + name)
		must(err)
		return Document{contentType, body}
	})
}

// swagger reads a file of Swagger UI, which its module keeps compressed.
func swagger(name, contentType string) func() Document {
	return sync.OnceValue(func() Document {
		body, err := static.FS.ReadFile(name)
		must(err)
		if strings.HasSuffix(name, ".gz") {
			plain, err := gzip.NewReader(bytes.NewReader(body))
			must(err)
			body, err = io.ReadAll(plain)
			must(err)
		}
		return Document{contentType, body}
	})
}

// must is for the files of the binary itself: what is wrong with them every test finds.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
