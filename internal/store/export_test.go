package store

// Gathered is how many works wait for the next transaction.
func Gathered(s *Store) int {
	s.works.mu.Lock()
	defer s.works.mu.Unlock()
	return len(s.works.waiting)
}

// Committing reports whether a goroutine commits works.
func Committing(s *Store) bool {
	s.works.mu.Lock()
	defer s.works.mu.Unlock()
	return s.works.busy
}

// ScramVerifier is scramVerifier.
var ScramVerifier = scramVerifier
