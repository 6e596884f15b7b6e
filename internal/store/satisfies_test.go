package store_test

import (
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/drift"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/internal/store"
)

var (
	_ change.Store  = (*store.Store)(nil)
	_ rollout.Store = (*store.Store)(nil)
	_ drift.Store   = (*store.Store)(nil)
	_ authn.Store   = (*store.Store)(nil)
)
