package access

import "time"

// IdempotentReplyLife is how long the answer to a request with an idempotency key is kept.
const IdempotentReplyLife = 24 * time.Hour

// IdempotentReply is the answer to a request of the API that bore an idempotency key. Status is 0
// while the request is under way, and for ever when it was interrupted: whether it took
// effect is not known then.
type IdempotentReply struct {
	Fingerprint []byte // of the request: the same key with another request is refused
	Status      int
	ContentType string
	ETag        string
	Location    string
	Body        []byte
	At          time.Time // when the request came
}
