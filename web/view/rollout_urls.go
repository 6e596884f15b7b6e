package view

import "portcullis.internal/portcullis/internal/access"

// ApproveWaveURL approves a wave, so that the next one starts.
func ApproveWaveURL(id int64, wave int) string {
	return RolloutURL(id) + "/waves/" + number(int64(wave)) + "/approve"
}

// ConfirmRolloutURL confirms a rollout that is rolled back otherwise.
func ConfirmRolloutURL(id int64) string { return RolloutURL(id) + "/confirm" }

// SkipQueueURL lets a rollout skip the queue.
func SkipQueueURL(id int64) string { return RolloutURL(id) + "/skip-queue" }

// OverrideWindowURL lets a rollout work outside its maintenance window.
func OverrideWindowURL(id int64) string { return RolloutURL(id) + "/override-window" }

// OpenUnverifiedURL accepts that user policies open roles without proof.
func OpenUnverifiedURL(id int64) string { return RolloutURL(id) + "/open-unverified" }

// CheckAgainURL looks once more at the health of a wave.
func CheckAgainURL(id int64) string { return RolloutURL(id) + "/recheck" }

// MaxInFlightURL changes how many accounts are in flight at once.
func MaxInFlightURL(id int64) string { return RolloutURL(id) + "/max-in-flight" }

// UndoRolloutByHandURL is the script that undoes a rollout without the console.
func UndoRolloutByHandURL(id int64) string { return RolloutURL(id) + "/undo-by-hand" }

// RollBackURL puts back what a rollout has written.
func RollBackURL(id int64) string { return RolloutURL(id) + "/rollback" }

// RetryTargetURL retries one account of a rollout.
func RetryTargetURL(id int64, account access.AccountID) string {
	return TargetURL(id, account) + "/retry"
}

// SkipTargetURL leaves out one account that waits.
func SkipTargetURL(id int64, account access.AccountID) string {
	return TargetURL(id, account) + "/skip"
}

// ResolveURL decides about documents of an account that somebody else has edited.
func ResolveURL(id int64, account access.AccountID) string {
	return TargetURL(id, account) + "/resolve"
}

// AdoptURL composes a change that makes the desired state follow an adopted edit.
func AdoptURL(id int64, account access.AccountID) string { return TargetURL(id, account) + "/adopt" }
