package handler

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"hexamart/internal/security"
)

// Routes returns the whole API. Every path also answers with a trailing slash and doubled slashes.
func (a *API) Routes() http.Handler {
	a.pages, a.library, a.sending = newPages(), newLibrary(), newSending()
	a.largeBodies = security.NewQueue(maxLargeBodies, 0).AtMost(largeBodiesOfOne)
	a.largeHeads = security.NewQueue(MaxLargeHeads, 0).AtMost(LargeHeadsOfOne)
	a.findClient = a.clientIP()
	r := chi.NewRouter()
	r.Use(a.identify)
	if a.Trace != nil {
		r.Use(a.Trace)
	}
	r.Use(answerArrives, a.logRequests, a.recoverPanics, a.cors(), a.refuseForeignPages, a.limitHead, cleanPath, middleware.GetHead)
	r.NotFound(a.compress(a.handle(notFound)).ServeHTTP)
	r.MethodNotAllowed(a.compress(a.handle(methodNotAllowed)).ServeHTTP)

	// What is the same for everybody and asked for most: respondPage does by itself what is used below.
	r.Get("/products", a.handle(a.listProducts))
	r.Get("/products/categories", a.handle(a.listCategories))
	r.Get("/products/{id}", a.handle(a.getProduct))

	each := chi.Middlewares{a.findClient, a.compress, a.limitBody, limitTime}
	r.Group(func(r chi.Router) { // everybody
		r.Use(each...)
		r.Get("/healthz", a.handle(a.alive))
		r.Get("/readyz", a.handle(a.ready))
		r.With(a.receive).Post("/auth/register", a.handle(a.register))
		r.With(a.receive).Post("/auth/login", a.handle(a.login))
		r.With(a.receive).Post("/auth/refresh", a.handle(a.refresh))
		r.With(a.receive).Post("/auth/logout", a.handle(a.logout)) // asks for either token by itself
		r.Get("/", a.handle(a.welcome))
		r.Get("/pictures/{file}", a.handle(a.getPicture))
		r.Get("/openapi.json", a.handle(a.openAPI))
		r.Get("/docs", a.handle(a.docsPage))
		r.Get("/docs/{file}", a.handle(a.docsFile))
		r.Get("/redoc", a.handle(a.reference))
		r.Get("/errors", a.handle(a.listErrors))
		r.Get("/errors/{code}", a.handle(a.getError))
	})
	known := append(each, a.readToken, a.receive)
	r.With(known...).With(a.authenticate).Put("/users/change-password", a.handle(a.changePassword)) // which waits for a processor, in turn
	r.With(known...).With(a.takeListTurn, a.authenticate).Get("/orders", a.handle(a.listOrders))
	r.Group(func(r chi.Router) { // users
		r.Use(known...)
		r.Use(a.takeTurn, a.authenticate)
		r.Get("/auth/sessions", a.handle(a.listSessions))
		r.Delete("/auth/sessions/{id}", a.handle(a.endSession))
		r.Get("/cart", a.handle(a.listCart))
		r.Post("/cart", a.handle(a.addToCart))
		r.Delete("/cart", a.handle(a.clearCart))
		r.Put("/cart/{id}", a.handle(a.updateCart))
		r.Put("/cart/{id}/decrease", a.handle(a.decreaseInCart))
		r.Delete("/cart/{id}", a.handle(a.removeFromCart))
		r.Post("/orders", a.handle(a.placeOrder))
		r.Get("/orders/{id}", a.handle(a.getOrder))
		r.Post("/orders/{id}/cancel", a.handle(a.cancelOrder))
		r.Get("/users/profile", a.handle(a.getProfile))
		r.Put("/users/profile", a.handle(a.updateProfile))
		r.Get("/users/address", a.handle(a.getAddress))
		r.Put("/users/address", a.handle(a.updateAddress))
	})
	r.Group(func(r chi.Router) { // admins
		r.Use(known...)
		r.Use(a.authenticate, a.requireAdmin)
		r.Post("/products", a.handle(a.createProduct))
		r.Put("/products/{id}", a.handle(a.updateProduct))
		r.Patch("/products/{id}", a.handle(a.patchProduct))
		r.Delete("/products/{id}", a.handle(a.deleteProduct))
		r.Put("/orders/{id}/status", a.handle(a.updateOrderStatus))
		r.Get("/admin/dashboard", a.handle(a.dashboard))
		r.Get("/admin/products", a.handle(a.listAllProducts))
		r.Get("/admin/orders", a.handle(a.listAllOrders))
		r.Get("/admin/audit", a.handle(a.listAudit))
		r.Put("/admin/orders/{id}/status", a.handle(a.updateOrderStatus))
	})
	return r
}
