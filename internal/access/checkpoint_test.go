package access_test

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

func auditKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func TestCheckpointHolds(t *testing.T) {
	key := auditKey(1)
	c := access.SignCheckpoint(key, 12, strings.Repeat("ab", 32), time.Date(2026, 11, 2, 9, 0, 0, 123456789, time.UTC))
	found, err := access.ReadCheckpoints(strings.NewReader("\n" + string(c.Line()) + "\n"))
	if err != nil || len(found) != 1 {
		t.Fatalf("read %d checkpoints, %v; want the one that was written", len(found), err)
	}
	if found[0] != c {
		t.Errorf("got %+v, want %+v", found[0], c)
	}
	if err := found[0].Check([]string{access.PublicKeyText(auditKey(2)), access.PublicKeyText(key)}); err != nil {
		t.Error(err)
	}
}

func TestCheckpointThatWasTouched(t *testing.T) {
	ours := access.PublicKeyText(auditKey(1))
	tests := []struct {
		name  string
		touch func(*access.Checkpoint)
		want  string
	}{
		{"another event", func(c *access.Checkpoint) { c.Seq++ }, "false signature"},
		{"another hash", func(c *access.Checkpoint) { c.Hash = strings.Repeat("cd", 32) }, "false signature"},
		{"another time", func(c *access.Checkpoint) { c.At = c.At.Add(time.Microsecond) }, "false signature"},
		{"no signature", func(c *access.Checkpoint) { c.Signature = "" }, "false signature"},
		{"our name on another's signature", func(c *access.Checkpoint) {
			*c = access.SignCheckpoint(auditKey(2), c.Seq, c.Hash, c.At)
			c.Key = ours
		}, "false signature"},
		{"another key", func(c *access.Checkpoint) { *c = access.SignCheckpoint(auditKey(2), c.Seq, c.Hash, c.At) }, "not one that is trusted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := access.SignCheckpoint(auditKey(1), 12, strings.Repeat("ab", 32), time.Now())
			tt.touch(&c)
			if err := c.Check([]string{ours}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestReadCheckpointsRefuses(t *testing.T) {
	for _, text := range []string{"{}", "hello", `{"seq":1,"hash":"x","more":1}`, `{"seq":0,"hash":"x"}`} {
		if _, err := access.ReadCheckpoints(strings.NewReader("\n" + text)); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: got %v, want line 2 refused", text, err)
		}
	}
}
