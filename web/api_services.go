package web

import (
	"context"
	"time"

	"portcullis/internal/access"
)

// apiChanges is what the API needs of the change service.
type apiChanges interface {
	apiAccountReader
	apiAllowlistService
	apiMappingReader
	apiAuditReader
	apiChangeReader
	apiChangeEditor
	apiChangeReviewer
	apiScheduler
	apiPusher
	apiAdopter
	apiExplainer
	apiStateExporter
}

// apiRollouts is what the API needs of the rollout service.
type apiRollouts interface {
	apiRolloutViewer
	apiRolloutController
	apiTargetController
	apiStrategyStore
}

// apiOrganization is what the API needs of the drift service.
type apiOrganization interface {
	apiSyncer
	apiFindingService
}

// apiIdentity is what the API needs of the sign-in service.
type apiIdentity interface {
	apiPeopleService
}

// apiReplies keeps the answers to requests with an idempotency key.
type apiReplies interface {
	BeginReply(ctx context.Context, tokenID int64, key string, fingerprint []byte, at time.Time) (kept access.Reply, fresh bool, err error)
	FinishReply(ctx context.Context, tokenID int64, key string, r access.Reply) error
	DropReply(ctx context.Context, tokenID int64, key string) error
}
