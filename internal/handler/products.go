package handler

import (
	"net/http"
	"strconv"

	"hexamart/internal/model"
)

// productAnswer is what writes of a product answer.
type productAnswer struct {
	message
	Product model.Product `json:"product"`
}

func (a *API) listProducts(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	filter := q.productFilter()
	if err := q.err(&filter); err != nil {
		return err
	}
	list, err := a.Services.Products.List(r.Context(), filter)
	if err != nil {
		return err
	}
	setListHeaders(w, r, list)
	return respondTagged(w, r, list.Items)
}

// productFilter reads what everybody may filter by.
func (q *query) productFilter() model.ProductFilter {
	return model.ProductFilter{
		Category: q.text("category"),
		Search:   q.text("search"),
		MinPrice: q.money("min_price"),
		MaxPrice: q.money("max_price"),
		InStock:  q.flag("in_stock"),
		SortBy:   q.text("sort_by"),
		Page:     q.page(),
	}
}

func (a *API) listCategories(w http.ResponseWriter, r *http.Request) error {
	categories, err := a.Services.Products.ListCategories(r.Context())
	if err != nil {
		return err
	}
	return respondTagged(w, r, categories)
}

func (a *API) getProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	product, err := a.Services.Products.Get(r.Context(), id)
	if err != nil {
		return err
	}
	return respondTagged(w, r, product)
}

func (a *API) createProduct(w http.ResponseWriter, r *http.Request) error {
	var in model.ProductInput
	if err := decode(r, &in); err != nil {
		return err
	}
	product, err := a.Services.Products.Create(r.Context(), caller(r).UserID, in)
	if err != nil {
		return err
	}
	return created(w, "/products/"+strconv.FormatInt(product.ID, 10), struct {
		productAnswer
		ProductID int64 `json:"product_id"`
	}{productAnswer{message{"The product is in the shop."}, product}, product.ID})
}

func (a *API) updateProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var in model.ProductInput
	if err := decode(r, &in); err != nil {
		return err
	}
	product, err := a.Services.Products.Update(r.Context(), caller(r).UserID, id, in, precondition(r))
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, productAnswer{message{"The product is updated."}, product})
}

func (a *API) patchProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var in model.ProductPatch
	if err := decode(r, &in); err != nil {
		return err
	}
	product, err := a.Services.Products.Patch(r.Context(), caller(r).UserID, id, in, precondition(r))
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, productAnswer{message{"The product is updated."}, product})
}

func (a *API) deleteProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := a.Services.Products.Delete(r.Context(), id); err != nil {
		return err
	}
	return respond(w, http.StatusOK, message{"The product has left the shop. Past orders keep it."})
}
