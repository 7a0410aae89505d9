package database

// Up applies migrations of a test's own.
var Up = up
