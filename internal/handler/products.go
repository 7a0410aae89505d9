package handler

import (
	"context"
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
	return a.respondPage(w, r, func(ctx context.Context, asker model.Asker) (content, error) {
		q, err := readQuery(r)
		if err != nil {
			return content{}, err
		}
		filter := q.productFilter()
		if err := q.err(&filter); err != nil {
			return content{}, err
		}
		filter.Asker = asker
		list, err := a.Services.Products.List(ctx, filter)
		return content{list.Items, listHeader(r, list), list.Read, list.Long}, err
	})
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
	return a.respondPage(w, r, func(ctx context.Context, asker model.Asker) (content, error) {
		categories, err := a.Services.Products.ListCategories(ctx, asker)
		return content{v: categories}, err
	})
}

func (a *API) getProduct(w http.ResponseWriter, r *http.Request) error {
	return a.respondPage(w, r, func(ctx context.Context, asker model.Asker) (content, error) {
		id, err := pathID(r)
		if err != nil {
			return content{}, err
		}
		product, err := a.Services.Products.Get(ctx, id, asker)
		return content{v: product}, err
	})
}

func (a *API) createProduct(w http.ResponseWriter, r *http.Request) error {
	var in model.ProductInput
	if err := a.decode(r, &in); err != nil {
		return err
	}
	in.ImageURL = withoutOrigin(r, in.ImageURL)
	product, err := a.Services.Products.Create(r.Context(), actor(r), in)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/products/"+strconv.FormatInt(product.ID, 10))
	return respondPictured(w, r, http.StatusCreated, struct {
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
	if err := a.decode(r, &in); err != nil {
		return err
	}
	in.ImageURL = withoutOrigin(r, in.ImageURL)
	product, err := a.Services.Products.Update(r.Context(), actor(r), id, in, precondition(r))
	if err != nil {
		return err
	}
	return respondPictured(w, r, http.StatusOK, productAnswer{message{"The product is updated."}, product})
}

func (a *API) patchProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var in model.ProductPatch
	if err := a.decode(r, &in); err != nil {
		return err
	}
	in.ImageURL.Value = withoutOrigin(r, in.ImageURL.Value)
	product, err := a.Services.Products.Patch(r.Context(), actor(r), id, in, precondition(r))
	if err != nil {
		return err
	}
	return respondPictured(w, r, http.StatusOK, productAnswer{message{"The product is updated."}, product})
}

func (a *API) deleteProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := a.Services.Products.Delete(r.Context(), actor(r), id); err != nil {
		return err
	}
	return respond(w, http.StatusOK, message{"The product has left the shop. Past orders keep it."})
}
