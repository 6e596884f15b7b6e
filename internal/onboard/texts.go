package onboard

import (
	"fmt"
)

// composeOrOverwrite ends the refusal of a live document that no change can follow.
const composeOrOverwrite = "Compose a change yourself, or overwrite the edit."

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
