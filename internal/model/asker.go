package model

// Asker is who asks for what many may ask for. Those of one address wait in turn.
type Asker struct {
	Address string
	Begin   func() error // is called when a turn has come, which is given back where it fails; nil for none
}
