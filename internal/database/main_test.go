package database_test

import (
	"os"
	"testing"

	"hexamart/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }
