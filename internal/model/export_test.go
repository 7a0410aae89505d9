package model

// CommonPasswords is the list that ships with the program.
var CommonPasswords = commonPasswords

// Disguised is what a password may be a disguise of.
var Disguised = disguised
