package database_test

import (
	"runtime"
	"testing"

	"hexamart/internal/database"
)

// TestPoolFitsTheMachine wants a cache of a sixteenth of the memory, within bounds.
func TestPoolFitsTheMachine(t *testing.T) {
	t.Parallel()
	for memory, want := range map[uint64]uint64{0: 192, 256 << 20: 192, 3 << 30: 192, 4 << 30: 256, 8 << 30: 512, 16 << 30: 1024, 1 << 40: 1024} {
		if got := database.PoolMegabytes(memory); got != want {
			t.Errorf("%d MB for %d bytes, want %d", got, memory, want)
		}
	}
	if memory := database.MachineMemory(); runtime.GOOS == "linux" && memory < 64<<20 || memory > 1<<50 {
		t.Errorf("this machine has %d bytes", memory)
	}
}
