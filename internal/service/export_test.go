package service

// TakeStock is takeStock for its test: what it guards against, PlaceOrder has judged before.
var TakeStock = takeStock

// BoundedSelect is boundedSelect.
const BoundedSelect = boundedSelect

// FillSearches takes all turns to search until the returned function is called.
func FillSearches(p *Products) (leave func()) {
	for range maxSearches {
		p.searches <- struct{}{}
	}
	return func() {
		for range maxSearches {
			<-p.searches
		}
	}
}
