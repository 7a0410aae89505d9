package model

// CommonPasswords is the list that ships with the program.
var CommonPasswords = commonPasswords
