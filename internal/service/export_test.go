package service

// TakeStock is takeStock for its test: what it guards against, PlaceOrder has judged before.
var TakeStock = takeStock
