package model

// Asker is who asks for what many may ask for. Those of one address wait in turn, and so does one account that asks from many.
type Asker struct {
	Address string
	UserID  int64        // 0 for nobody who is known
	Begin   func() error // is called when a turn has come, which is given back where it fails; nil for none
}
