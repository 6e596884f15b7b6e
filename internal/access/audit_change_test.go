package access_test

import (
	"encoding/json"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

func TestAnEventSaysWhatWasBeforeAndAfter(t *testing.T) {
	c := access.Change{State: access.ChangeDraft, Version: 3, Title: "Open Tokyo", Edits: []access.Edit{{Op: access.EditRemoveEntry, ID: "al-1", Key: "12.148.72.0/23"}}}
	before := c.Snapshot()
	c.Version, c.Edits = 4, nil
	actor := access.Actor{Kind: access.ActorToken, PersonID: 2, Name: "Edda", TokenID: 9}
	e := access.NewAuditEvent(actor, time.Now(), "change.edit", "change/1", map[string]any{"edits": 0}).Between(before, c.Snapshot())
	var got struct {
		Before, After access.ChangeSnapshot
		Edits, Token  int
	}
	if err := json.Unmarshal(e.Detail, &got); err != nil {
		t.Fatal(err)
	}
	if got.Before != before || got.After != c.Snapshot() || got.Token != 9 {
		t.Errorf("detail %s", e.Detail)
	}
	if got.Before.Edits == got.After.Edits || got.Before.Edits == "" {
		t.Errorf("the digests of the edits are %q and %q, want two", got.Before.Edits, got.After.Edits)
	}
	said := access.NewAuditEvent(actor, time.Now(), "x.y", "", map[string]any{"before": "mine"}).Between("theirs", nil)
	if string(said.Detail) != `{"before":"mine","token":9}` {
		t.Errorf("detail %s, want what was said to stay", said.Detail)
	}
}
