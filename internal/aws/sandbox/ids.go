package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// What the sandbox hands out is derived by hashing, so the same company has the same
// ids and keys on every start.

// accountNumber spreads the accounts over the 12-digit numbers without ever meeting
// itself: the step and the range have no common factor.
func accountNumber(i int) access.AccountID {
	const span, step = 900_000_000_000, 48_271_073_011
	n := (uint64(i+1) * step) % span
	return access.AccountID(fmt.Sprintf("%012d", 100_000_000_000+n))
}

// uniqueID makes an id such as AROA… (role), AIDA… (user), AKIA… (access key).
func uniqueID(prefix string, length int, parts ...string) string {
	sum := sha256.Sum256([]byte(prefix + "|" + strings.Join(parts, "|")))
	return (prefix + base32.StdEncoding.EncodeToString(sum[:]))[:length]
}

func roleID(a access.AccountID, name, serial string) string {
	return uniqueID("AROA", 21, string(a), name, serial)
}

func userID(a access.AccountID, name, serial string) string {
	return uniqueID("AIDA", 21, string(a), name, serial)
}

// lowerID makes the tail of an organization's, root's or OU's id.
func lowerID(length int, parts ...string) string {
	return strings.ToLower(uniqueID("", length, parts...))
}

// secretFor makes the 40 characters of a secret key. There is nothing to keep secret:
// the organization is made up, and its keys are printed.
func secretFor(keyID string) string {
	mac := hmac.New(sha256.New, []byte("portcullis sandbox"))
	mac.Write([]byte(keyID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))[:40]
}

func keyFor(a access.AccountID, user, serial string) accessKey {
	id := uniqueID("AKIA", 20, string(a), user, serial)
	return accessKey{ID: id, Secret: secretFor(id)}
}
