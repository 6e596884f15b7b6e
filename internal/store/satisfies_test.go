package store_test

import (
	"portcullis/internal/authn"
	"portcullis/internal/change"
	"portcullis/internal/drift"
	"portcullis/internal/rollout"
	"portcullis/internal/store"
)

var (
	_ change.Store  = (*store.Store)(nil)
	_ rollout.Store = (*store.Store)(nil)
	_ drift.Store   = (*store.Store)(nil)
	_ authn.Store   = (*store.Store)(nil)
)
