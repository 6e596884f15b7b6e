package view

import (
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// Tone is the colour in which something is said. Colour never says it alone.
type Tone string

// The tones.
const (
	Neutral Tone = "neutral"
	Info    Tone = "info"
	Good    Tone = "good"
	Caution Tone = "caution"
	Bad     Tone = "bad"
	Accent  Tone = "accent"
)

func words(state string) string { return strings.ReplaceAll(strings.ToLower(state), "_", " ") }

// label is a state as it stands alone: "In review".
func label(state string) string {
	w := words(state)
	if w == "" {
		return ""
	}
	return strings.ToUpper(w[:1]) + w[1:]
}

func changeTone(s access.ChangeState) Tone {
	switch s {
	case access.ChangeInReview:
		return Info
	case access.ChangeApproved:
		return Accent
	case access.ChangeApplied:
		return Good
	case access.ChangeRejected:
		return Bad
	case access.ChangeConflicted:
		return Caution
	default:
		return Neutral
	}
}

func dangerTone(d access.Danger) Tone {
	if d == access.DangerWholeInternet {
		return Bad
	}
	return Caution
}

func rolloutTone(s access.RolloutState) Tone {
	switch s {
	case access.RolloutRunning, access.RolloutRollingBack:
		return Info
	case access.RolloutCompleted, access.RolloutRolledBack:
		return Good
	case access.RolloutPaused:
		return Caution
	case access.RolloutHalted, access.RolloutAborted:
		return Bad
	default:
		return Neutral
	}
}

func targetTone(s access.TargetState) Tone {
	switch s {
	case access.TargetRunning:
		return Info
	case access.TargetSucceeded:
		return Good
	case access.TargetFailed:
		return Bad
	case access.TargetConflict:
		return Caution
	default:
		return Neutral
	}
}

func operationTone(s access.OperationState) Tone {
	switch s {
	case access.OperationIntended:
		return Info
	case access.OperationWritten:
		return Good
	case access.OperationFailed:
		return Bad
	case access.OperationConflict:
		return Caution
	default:
		return Neutral
	}
}

func accountTone(s access.AccountState) Tone {
	switch s {
	case access.AccountActive, "":
		return Good
	case access.AccountSuspended, access.AccountClosed:
		return Bad
	default:
		return Caution
	}
}

func accountState(s access.AccountState) string {
	if s == "" {
		return "Active"
	}
	return label(string(s))
}
