package model

import "strings"

// User is a person with an account, as shown to themselves.
type User struct {
	ID      int64   `db:"id" json:"id"`
	Name    string  `db:"name" json:"name"`
	Email   string  `db:"email" json:"email"`
	Address *string `db:"address" json:"address"`
	IsAdmin bool    `db:"is_admin" json:"is_admin"`
}

// Principal is who is asking: the user that a token names, as the database knows them now.
type Principal struct {
	UserID  int64
	IsAdmin bool
	Session string // that the token belongs to; empty if it is from before there were any
}

// RegisterInput is the body of a registration.
type RegisterInput struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Validate trims name and e-mail and collects every broken field.
func (in *RegisterInput) Validate() error {
	c := in.check()
	c.guessable("password", in.Password, in.Name, in.Email)
	return c.err()
}

// ValidateForm is Validate without the question whether the password is easy to guess, for one that
// may have been set before that was asked.
func (in *RegisterInput) ValidateForm() error {
	c := in.check()
	return c.err()
}

func (in *RegisterInput) check() (c check) {
	c.text("name", &in.Name, 255)
	c.email("email", &in.Email)
	c.password("password", in.Password)
	return c
}

// LoginInput is the body of a login: OAuth2's username, or email, which is the same here.
type LoginInput struct {
	Username string `json:"username"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Validate asks for both parts and judges neither: whatever is wrong with them is a failed login.
func (in *LoginInput) Validate() error {
	var c check
	if in.Username == "" {
		in.Username = in.Email
	}
	in.Username, in.Email = beginning(strings.TrimSpace(in.Username)), ""
	if in.Username == "" {
		c.bad("username", "is required")
	}
	if in.Password == "" {
		c.bad("password", "is required")
	}
	in.Password = beginning(in.Password)
	return c.err()
}

// longGuess is more than what any database has of an e-mail, and more than what any hash has of a password, in bytes.
const longGuess = 4 << 10

// beginning of a text that is longer is all that is kept of it while others have their turn: it fits nothing either way.
func beginning(text string) string {
	if len(text) <= longGuess {
		return text
	}
	return strings.ToValidUTF8(text[:longGuess], "") + "/" // databases overlook spaces at the end
}

// Login is the answer to a successful login.
type Login struct {
	Token
	IsAdmin bool   `json:"is_admin"`
	UserID  int64  `json:"user_id"`
	Name    string `json:"name"`
	Email   string `json:"email"`
}

// ProfileInput is the body of a profile change; an absent address stays, null or "" removes it.
type ProfileInput struct {
	Name    string           `json:"name"`
	Email   string           `json:"email"`
	Address Nullable[string] `json:"address"`
}

// Validate trims the fields and collects every broken one.
func (in *ProfileInput) Validate() error { return in.ValidateFor(User{}) }

// ValidateFor is Validate for a user, who may keep the e-mail as it is, whatever the rules have become.
func (in *ProfileInput) ValidateFor(u User) error {
	var c check
	c.text("name", &in.Name, 255)
	if in.Email != u.Email || in.Email == "" {
		c.email("email", &in.Email)
	}
	if in.Address.Value != nil && strings.TrimSpace(*in.Address.Value) == "" {
		in.Address.Value = nil
	}
	if in.Address.Value != nil {
		c.address("address", in.Address.Value)
	}
	return c.err()
}

// AddressInput is the body of an address change; "" removes it.
type AddressInput struct {
	Address *string `json:"address"`
}

// Validate trims the address and checks its length.
func (in *AddressInput) Validate() error {
	var c check
	switch {
	case in.Address == nil:
		c.bad("address", "is required")
	case strings.TrimSpace(*in.Address) == "":
		*in.Address = ""
	default:
		c.address("address", in.Address)
	}
	return c.err()
}

// PasswordInput is the body of a password change.
type PasswordInput struct {
	OldPassword string `json:"old_password"`
	NewPassword string `json:"new_password"`
}

// Validate applies the password rule to the new one; the old one may be from before the rule.
func (in *PasswordInput) Validate() error {
	var c check
	if in.OldPassword == "" {
		c.bad("old_password", "is required")
	}
	c.password("new_password", in.NewPassword)
	if len(c.fields) == 0 && in.OldPassword == in.NewPassword {
		c.bad("new_password", "must differ from the old one")
	}
	c.guessable("new_password", in.NewPassword)
	in.OldPassword = beginning(in.OldPassword)
	return c.err()
}

// ValidateFor refuses a new password that is the user's own name or e-mail. It comes after Validate.
func (in *PasswordInput) ValidateFor(u User) error {
	var c check
	c.guessable("new_password", in.NewPassword, u.Name, u.Email)
	return c.err()
}

// CheckPassword applies the rules for a user's new password.
func CheckPassword(u User, password string) error {
	var c check
	c.password("password", password)
	c.guessable("password", password, u.Name, u.Email)
	return c.err()
}
