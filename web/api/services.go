package api

import (
	"context"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Changes is what the API needs of the change service.
type Changes interface {
	AccountReader
	AllowlistService
	MappingReader
	AuditReader
	ChangeReader
	ChangeEditor
	ChangeReviewer
	Scheduler
	Pusher
	Adopter
	Explainer
	StateExporter
	StrategyReader
}

// Rollouts is what the API needs of the rollout service.
type Rollouts interface {
	RolloutViewer
	RolloutController
	TargetController
}

// Organization is what the API needs of the drift service.
type Organization interface {
	Syncer
	OrganizationService
	FindingService
}

// Identity is what the API needs of the sign-in service.
type Identity interface {
	PeopleService
}

// Replies keeps the answers to requests with an idempotency key.
type Replies interface {
	BeginReply(ctx context.Context, tokenID int64, key string, fingerprint []byte, at time.Time) (kept access.IdempotentReply, fresh bool, err error)
	FinishReply(ctx context.Context, tokenID int64, key string, r access.IdempotentReply) error
	DropReply(ctx context.Context, tokenID int64, key string) error
}
