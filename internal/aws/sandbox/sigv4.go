package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// signature is what the Authorization header of a signed request says.
type signature struct {
	keyID   string
	date    string
	region  string
	service string
	headers []string
	value   string
}

const (
	algorithm = "AWS4-HMAC-SHA256"
	timeForm  = "20060102T150405Z"
	maxSkew   = 15 * time.Minute
)

// readSignature parses the header; ok is false when it is not one of SigV4.
func readSignature(header string) (signature, bool) {
	var s signature
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return s, false
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[4] != "aws4_request" {
				return s, false
			}
			s.keyID, s.date, s.region, s.service = scope[0], scope[1], scope[2], scope[3]
		case "SignedHeaders":
			s.headers = strings.Split(value, ";")
		case "Signature":
			s.value = value
		}
	}
	return s, s.keyID != "" && s.value != "" && slices.Contains(s.headers, "host")
}

// verify computes the signature anew and compares.
func (s signature) verify(r *http.Request, body []byte, secret string, now time.Time) *apiError {
	stamp := r.Header.Get("X-Amz-Date")
	signed, err := time.Parse(timeForm, stamp)
	if err != nil || !strings.HasPrefix(stamp, s.date) {
		return refuse(http.StatusForbidden, "IncompleteSignature", "Date must be in ISO-8601 'basic format'. Got '%s'.", stamp)
	}
	if skew := now.Sub(signed); skew > maxSkew || skew < -maxSkew {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "Signature expired or not yet current: %s is more than 15 min. away from %s.", stamp, now.UTC().Format(timeForm))
	}
	scope := strings.Join([]string{s.date, s.region, s.service, "aws4_request"}, "/")
	toSign := strings.Join([]string{algorithm, stamp, scope, hash([]byte(s.canonical(r, body)))}, "\n")
	want := hex.EncodeToString(sign(s.key(secret), toSign))
	if !hmac.Equal([]byte(want), []byte(s.value)) {
		return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// key derives the signing key of a day, region and service.
func (s signature) key(secret string) []byte {
	k := sign([]byte("AWS4"+secret), s.date)
	k = sign(k, s.region)
	k = sign(k, s.service)
	return sign(k, "aws4_request")
}

// canonical is the form of the request that both sides sign.
func (s signature) canonical(r *http.Request, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL) + "\n" + canonicalQuery(r.URL) + "\n")
	for _, name := range s.headers {
		b.WriteString(name + ":" + strings.Join(strings.Fields(headerValue(r, name)), " ") + "\n")
	}
	b.WriteString("\n" + strings.Join(s.headers, ";") + "\n" + hash(body))
	return b.String()
}

// canonicalPath escapes the path as it was sent once more, which is how all services
// but S3 are signed.
func canonicalPath(u *url.URL) string {
	sent := u.EscapedPath()
	if sent == "" {
		return "/"
	}
	var b strings.Builder
	for i := range len(sent) {
		if c := sent[i]; c == '/' || strings.IndexByte(unreserved, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

func canonicalQuery(u *url.URL) string {
	return strings.ReplaceAll(u.Query().Encode(), "+", "%20")
}

// headerValue finds a header where Go's server keeps it.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	default:
		return strings.Join(r.Header.Values(name), ",")
	}
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
