package authn

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"golang.org/x/crypto/argon2"
)

// HashParams are the costs of one argon2id hash. Memory is in KiB.
type HashParams struct {
	Memory  uint32
	Time    uint32
	Threads uint8
}

// DefaultHashParams cost about a fifth of a second and 19 MiB: with that much memory OWASP asks for
// two passes over it, and there are ten. More memory in fewer passes would guard a password as
// well, and would be most of the memory of the console.
func DefaultHashParams() HashParams { return HashParams{Memory: 19 * 1024, Time: 10, Threads: 2} }

// The lengths of salt and digest, and the largest costs believed of a stored hash: a damaged row
// must not use all memory.
const (
	saltLen   = 16
	digestLen = 32
	maxMemory = 1 << 20 // KiB
	maxTime   = 64
)

var errNotHash = errors.New("the stored password hash is not an argon2id hash")

// hash is a password hash as the PHC string format writes it.
type hash struct {
	params HashParams
	salt   []byte
	digest []byte
}

func newHash(password string, p HashParams) hash {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt) // never fails
	return hash{params: p, salt: salt, digest: derive(password, salt, p)}
}

// decoy is a hash that no password has. To check one against it takes as long as
// against a real one.
func decoy(p HashParams) hash {
	h := hash{params: p, salt: make([]byte, saltLen), digest: make([]byte, digestLen)}
	_, _ = rand.Read(h.salt)
	_, _ = rand.Read(h.digest)
	return h
}

// largeHash is the memory of a hash, in KiB, from which on it is freed at once.
const largeHash = 8 * 1024

// derive makes a digest. Its memory would otherwise stay garbage until the next collection, and the
// next sign-in comes earlier: four of them would use four times as much, in a process that needs a
// quarter of it.
func derive(password string, salt []byte, p HashParams) []byte {
	if p.Memory >= largeHash {
		defer debug.FreeOSMemory()
	}
	return argon2.IDKey([]byte(password), salt, p.Time, p.Memory, p.Threads, digestLen)
}

func (h hash) matches(password string) bool {
	return subtle.ConstantTimeCompare(derive(password, h.salt, h.params), h.digest) == 1
}

func (h hash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.params.Memory, h.params.Time, h.params.Threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.digest))
}

func parseHash(s string) (hash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return hash{}, errNotHash
	}
	var version int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return hash{}, fmt.Errorf("%w of version %d", errNotHash, argon2.Version)
	}
	var h hash
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.params.Memory, &h.params.Time, &h.params.Threads); err != nil {
		return hash{}, fmt.Errorf("%w: %w", errNotHash, err)
	}
	if h.params.Memory > maxMemory || h.params.Time == 0 || h.params.Time > maxTime || h.params.Threads == 0 {
		return hash{}, fmt.Errorf("%w: its costs are out of range", errNotHash)
	}
	var errSalt, errDigest error
	h.salt, errSalt = base64.RawStdEncoding.DecodeString(parts[4])
	h.digest, errDigest = base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(errSalt, errDigest); err != nil {
		return hash{}, fmt.Errorf("%w: %w", errNotHash, err)
	}
	if len(h.salt) < 8 || len(h.digest) != digestLen {
		return hash{}, fmt.Errorf("%w: its salt or digest is cut short", errNotHash)
	}
	return h, nil
}

// hashSlots limits how many hashes are computed at the same time, since each uses much memory.
type hashSlots chan struct{}

func (g hashSlots) enter(ctx context.Context) (leave func(), err error) {
	select {
	case g <- struct{}{}:
		return func() { <-g }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
