package sandbox

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"
)

// sessions has the valid temporary credentials, by access key id.
type sessions struct {
	mu        sync.Mutex
	byKey     map[string]*session
	nextSweep time.Time
}

func (s *sessions) get(keyID string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byKey[keyID]
}

// put keeps a session and, now and then, forgets those that are long over. An expired
// session stays a while so that its use is answered with ExpiredToken.
func (s *sessions) put(keyID string, now time.Time, one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byKey == nil {
		s.byKey = map[string]*session{}
	}
	if now.After(s.nextSweep) {
		for k, old := range s.byKey {
			if now.Sub(old.expires) > time.Hour {
				delete(s.byKey, k)
			}
		}
		s.nextSweep = now.Add(time.Minute)
	}
	s.byKey[keyID] = one
}

func (s *sessions) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byKey = nil
}

// newCredentials makes a key id, a secret and a token that nobody can guess, so that a
// wrong client cannot pass by luck.
func newCredentials() (keyID, secret, token string) {
	raw := make([]byte, 96)
	rand.Read(raw) // never fails; it would end the process
	text := base64.RawURLEncoding.EncodeToString(raw)
	return uniqueID("ASIA", 20, text), text[:40], "sandbox-" + text[40:]
}
