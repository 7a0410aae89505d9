package handler

import (
	"net/http"

	"hexamart/internal/model"
)

func (a *API) dashboard(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	filter := model.DashboardFilter{Days: int(min(q.number("days", 1), model.MaxDays+1))}
	if err := q.err(&filter); err != nil {
		return err
	}
	dashboard, err := whileMay(a, r, filter, a.Services.Admin.Dashboard)
	if err != nil {
		return err
	}
	return respondPictured(w, r, http.StatusOK, struct {
		message
		model.Dashboard
	}{message{"Welcome to the admin dashboard."}, dashboard})
}

func (a *API) listAllProducts(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	filter := q.productFilter()
	filter.Archived = q.flag("archived")
	if err := q.err(&filter); err != nil {
		return err
	}
	filter.Asker = model.Asker{Address: clientAddr(r), Begin: a.stillMay(r)}
	list, err := whileMay(a, r, filter, a.Services.Products.ListAll)
	if err != nil {
		return err
	}
	return respondList(w, r, list)
}

func (a *API) listAudit(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	filter := model.AuditFilter{
		ActorID: q.number("actor", 1),
		Action:  q.text("action"),
		From:    q.moment("from", false),
		To:      q.moment("to", true),
		Page:    q.page(),
	}
	if err := q.err(&filter); err != nil {
		return err
	}
	list, err := whileMay(a, r, filter, a.Services.Admin.ListAudit)
	if err != nil {
		return err
	}
	return respondList(w, r, list)
}

func (a *API) listAllOrders(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	filter := model.OrderFilter{
		Status: model.Status(q.text("status")),
		UserID: q.number("user_id", 1),
		From:   q.moment("from", false),
		To:     q.moment("to", true),
		Page:   q.page(),
	}
	if err := q.err(&filter); err != nil {
		return err
	}
	list, err := whileMay(a, r, filter, a.Services.Admin.ListOrders)
	if err != nil {
		return err
	}
	return respondList(w, r, list)
}
