package handler

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"hexamart/internal/model"
)

// orderAnswer is what changes of an order answer.
type orderAnswer struct {
	message
	Order model.Order `json:"order"`
}

func (a *API) placeOrder(w http.ResponseWriter, r *http.Request) error {
	var in model.OrderInput
	if keys := r.Header["Idempotency-Key"]; keys != nil {
		key := strings.Join(keys, ", ") // more than one is none that is good
		in.IdempotencyKey = &key
	}
	if err := a.decode(r, &in); err != nil {
		return err
	}
	placed, err := a.Services.Orders.PlaceOrder(r.Context(), caller(r).UserID, in)
	if err != nil {
		return err
	}
	if placed.Replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	} else if a.Observe.Order != nil {
		a.Observe.Order(placed.TotalPrice)
	}
	w.Header().Set("Location", "/orders/"+strconv.FormatInt(placed.ID, 10))
	write(w, http.StatusCreated, "application/json", placed.Answer)
	return nil
}

func (a *API) listOrders(w http.ResponseWriter, r *http.Request) error {
	page, err := pageOf(r)
	if err != nil {
		return err
	}
	list, err := a.Services.Orders.List(r.Context(), caller(r).UserID, page)
	if err != nil {
		return err
	}
	return respondList(w, r, list)
}

func (a *API) getOrder(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	order, err := a.Services.Orders.Get(r.Context(), caller(r).UserID, id)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, order)
}

func (a *API) cancelOrder(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	order, err := a.Services.Orders.Cancel(r.Context(), caller(r).UserID, id)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, orderAnswer{message{"Your order is cancelled."}, order})
}

// updateOrderStatus takes the status from the query, as the earlier storefront sends it beside a
// body of no meaning, or from the body.
func (a *API) updateOrderStatus(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	var in model.StatusInput
	if status := q.text("status"); status != "" {
		in.Status = model.Status(status)
	} else if err := a.decode(r, &in); err != nil && !errors.Is(err, errNoBody) { // without one the status is what is missing
		return err
	}
	order, err := a.Services.Orders.UpdateStatus(r.Context(), actor(r), id, in)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, orderAnswer{message{"The order is " + string(order.Status) + "."}, order})
}
