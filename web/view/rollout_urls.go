package view

import "portcullis/internal/access"

// ApproveWaveURL lets a rollout go on after a wave.
func ApproveWaveURL(id int64) string { return RolloutURL(id) + "/gate" }

// ConfirmRolloutURL confirms a rollout that is rolled back otherwise.
func ConfirmRolloutURL(id int64) string { return RolloutURL(id) + "/confirm" }

// SkipQueueURL lets a rollout go ahead of an older one.
func SkipQueueURL(id int64) string { return RolloutURL(id) + "/overtake" }

// StartNowURL lets a rollout work outside of its hours.
func StartNowURL(id int64) string { return RolloutURL(id) + "/start" }

// CheckAgainURL looks once more at the health of a wave.
func CheckAgainURL(id int64) string { return RolloutURL(id) + "/recheck" }

// MaxInFlightURL changes how many accounts are in flight at once.
func MaxInFlightURL(id int64) string { return RolloutURL(id) + "/window" }

// RollBackURL puts back what a rollout has written.
func RollBackURL(id int64) string { return RolloutURL(id) + "/rollback" }

// RetryTargetURL takes up one account of a rollout once more.
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
