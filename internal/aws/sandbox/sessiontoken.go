package sandbox

import (
	"strconv"
	"time"
)

// How long the credentials of GetSessionToken last, in seconds.
const (
	defaultToken = 43_200
	minToken     = 900
	maxToken     = 129_600
)

// getSessionToken gives a user temporary credentials. It needs no permission, and only access keys
// of a user may ask (docs/aws-facts.md, "Limits of temporary credentials").
func getSessionToken(c *call) *apiError {
	if c.caller.user == nil || c.caller.token != nil {
		return accessDenied("Cannot call GetSessionToken with session credentials")
	}
	seconds := defaultToken
	if given := c.arg("DurationSeconds"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < minToken || n > maxToken {
			return invalidInput("1 validation error detected: Value '%s' at 'durationSeconds' failed to satisfy constraint: "+
				"Member must have value between %d and %d", given, minToken, maxToken)
		}
		seconds = n
	}
	mfa, refusal := c.checkMFA()
	if refusal != nil {
		return refusal
	}
	keyID, secret, token := newCredentials()
	now := c.org.now()
	s := &session{
		account: c.caller.account, user: c.caller.user, mfa: mfa, secret: secret, token: token,
		issued: now, expires: now.Add(time.Duration(seconds) * time.Second),
	}
	c.org.sessions.put(keyID, now, s)
	c.writeCredentials(keyID, s)
	return nil
}

func (c *call) writeCredentials(keyID string, s *session) {
	c.xml.in("Credentials", func() {
		c.xml.el("AccessKeyId", keyID)
		c.xml.el("SecretAccessKey", s.secret)
		c.xml.el("SessionToken", s.token)
		c.xml.time("Expiration", s.expires)
	})
}

// limitToken refuses what credentials of GetSessionToken cannot do: call IAM without MFA.
func (c *call) limitToken() *apiError {
	if t := c.caller.token; t != nil && c.service == "iam" && !t.mfa {
		return invalidToken()
	}
	return nil
}

// addKeys adds the condition keys of credentials of GetSessionToken. AWS sends
// aws:MultiFactorAuthPresent with all temporary credentials of a user.
func (s *session) addKeys(keys map[string]string, now time.Time) {
	if s == nil {
		return
	}
	keys["aws:tokenissuetime"] = s.issued.UTC().Format(time.RFC3339)
	keys["aws:multifactorauthpresent"] = strconv.FormatBool(s.mfa)
	if s.mfa {
		keys["aws:multifactorauthage"] = strconv.Itoa(int(now.Sub(s.issued).Seconds()))
	}
}
