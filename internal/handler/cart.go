package handler

import (
	"net/http"

	"hexamart/internal/model"
)

// cartAnswer is what writes of a line answer; a removed line is left out.
type cartAnswer struct {
	message
	CartItem *model.CartItem `json:"cart_item,omitempty"`
}

func (a *API) listCart(w http.ResponseWriter, r *http.Request) error {
	page, err := pageOf(r)
	if err != nil {
		return err
	}
	list, err := a.Services.Cart.List(r.Context(), caller(r).UserID, page)
	if err != nil {
		return err
	}
	return respondList(w, r, list)
}

func (a *API) addToCart(w http.ResponseWriter, r *http.Request) error {
	var in model.CartInput
	if err := a.decode(r, &in); err != nil {
		return err
	}
	item, err := a.Services.Cart.Add(r.Context(), caller(r).UserID, in)
	if err != nil {
		return err
	}
	return respondPictured(w, r, http.StatusOK, cartAnswer{message{item.Name + " is in your cart."}, &item})
}

func (a *API) updateCart(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var in model.QuantityInput
	if err := a.decode(r, &in); err != nil {
		return err
	}
	item, err := a.Services.Cart.Update(r.Context(), caller(r).UserID, id, in)
	if err != nil {
		return err
	}
	if item == nil {
		return respond(w, http.StatusOK, cartAnswer{message: message{"The product is out of your cart."}})
	}
	return respondPictured(w, r, http.StatusOK, cartAnswer{message{"Your cart is updated."}, item})
}

func (a *API) decreaseInCart(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	left, err := a.Services.Cart.Decrease(r.Context(), caller(r).UserID, id)
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, struct {
		message
		NewQuantity int64 `json:"new_quantity"`
	}{message{"Your cart is updated."}, left})
}

func (a *API) removeFromCart(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := a.Services.Cart.Remove(r.Context(), caller(r).UserID, id); err != nil {
		return err
	}
	return respond(w, http.StatusOK, message{"The product is out of your cart."})
}

func (a *API) clearCart(w http.ResponseWriter, r *http.Request) error {
	if err := a.Services.Cart.Clear(r.Context(), caller(r).UserID); err != nil {
		return err
	}
	return respond(w, http.StatusOK, message{"Your cart is empty."})
}
