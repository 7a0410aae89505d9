package database

// Up applies migrations of a test's own.
var Up = up

// PoolMegabytes and MachineMemory size the private server's cache.
var (
	PoolMegabytes = poolMegabytes
	MachineMemory = machineMemory
)

// ReadParts is readParts.
var ReadParts = readParts

// WithoutTexts is withoutTexts.
var WithoutTexts = withoutTexts
