package sandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// call is one request on its way through.
type call struct {
	org      *Organization
	request  *http.Request
	id       string
	started  time.Time
	service  string     // "iam", "sts", "organizations"
	name     string     // "GetRole"
	form     url.Values // of a query request
	body     []byte     // of a JSON request
	caller   *caller
	network  network
	keys     map[string]string
	account  access.AccountID // where it has its effect: for AssumeRole the role's account
	resource string
	effect   effect

	xml xmlWriter // the result of a query action
	out any       // the result of a JSON action
}

// action is something that can be asked for.
type action struct {
	write      bool                 // needs the write lock
	free       bool                 // decides by itself who may
	management bool                 // only for callers of the management account
	resource   func(c *call) string // the ARN that policies see; nil for "*"
	run        func(c *call) *apiError
}

func (c *call) action() string { return c.service + ":" + c.name }

// arg returns a parameter of a query request.
func (c *call) arg(name string) string { return c.form.Get(name) }

// in reads the body of a JSON request.
func (c *call) in(into any) *apiError {
	if err := json.Unmarshal(c.body, into); err != nil {
		return invalidInput("The request body is not the JSON that %s expects.", c.name)
	}
	return nil
}

const (
	maxBody      = 1 << 20
	targetPrefix = "AWSOrganizationsV20161128."
)

// serveAPI answers one request of AWS's API and records it.
func (o *Organization) serveAPI(w http.ResponseWriter, r *http.Request) {
	c := &call{org: o, request: r, started: o.now(), id: requestID()}
	refusal := o.handle(c)
	if c.effect.lose {
		o.record(c, refusal, "answer lost")
		loseAnswer(w, c.effect.cut)
		return
	}
	o.record(c, refusal, c.effect.name())
	c.respond(w, refusal)
}

// handle checks a request and carries it out; it returns the refusal.
func (o *Organization) handle(c *call) *apiError {
	body, err := io.ReadAll(io.LimitReader(c.request.Body, maxBody))
	if err != nil {
		return invalidInput("The request's body could not be read.")
	}
	if refusal := c.read(body); refusal != nil {
		return refusal
	}
	act, known := actions[c.action()]
	if !known {
		return refuse(http.StatusBadRequest, "InvalidAction", "Could not find operation %s of %s. The sandbox has only the part of AWS that the console uses.", c.name, c.service)
	}
	c.effect = o.faults.decide(c.action(), c.account)
	wait(c.request.Context(), c.effect.latency)
	if c.effect.refusal != nil {
		return c.effect.refusal
	}
	if s := c.caller.session; s != nil && c.effect.life > 0 && o.now().Sub(s.issued) > c.effect.life {
		return expiredToken()
	}
	return o.execute(c, act)
}

// read finds out who asks for what.
func (c *call) read(body []byte) *apiError {
	sig, ok := readSignature(c.request.Header.Get("Authorization"))
	if !ok {
		return refuse(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	c.service = sig.service
	if name, found := strings.CutPrefix(c.request.Header.Get("X-Amz-Target"), targetPrefix); found {
		c.name, c.body = name, body
	} else {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return invalidInput("The request's body is not a form.")
		}
		c.name, c.form = form.Get("Action"), form
	}
	c.org.mu.RLock()
	defer c.org.mu.RUnlock()
	who, refusal := c.org.authenticate(c.request, body, sig)
	if refusal != nil {
		return refusal
	}
	c.caller, c.account = who, who.account.ID
	if id := accountOf(c.arg("RoleArn")); id != "" {
		c.account = id
	}
	return c.locate()
}

func (c *call) locate() *apiError {
	n, refusal := networkOf(c.request)
	if refusal != nil {
		return refusal
	}
	c.network = n
	c.keys = c.caller.keys(c.org)
	n.addKeys(c.keys)
	return nil
}

// accountOf returns the account id of an ARN, empty when it is none.
func accountOf(arn string) access.AccountID {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return ""
	}
	return access.AccountID(parts[4])
}

// execute authorizes and runs an action under the lock.
func (o *Organization) execute(c *call, act action) *apiError {
	if act.write {
		o.mu.Lock()
		defer o.mu.Unlock()
	} else {
		o.mu.RLock()
		defer o.mu.RUnlock()
	}
	if refusal := c.limitToken(); refusal != nil {
		return refusal
	}
	c.resource = "*"
	if act.resource != nil {
		c.resource = act.resource(c)
	}
	if act.management && c.caller.account.ID != o.company.ManagementID {
		return accessDenied("You don't have permissions to access this resource.")
	}
	if !act.free {
		if reason := o.refusalReason(c); reason != "" {
			return accessDenied("User: %s is not authorized to perform: %s on resource: %s %s", c.caller.arn(), c.action(), c.resource, reason)
		}
	}
	if refusal := act.run(c); refusal != nil {
		return refusal
	}
	if act.write {
		o.saver.requestSave()
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// loseAnswer keeps the answer from the client: by cutting the connection, or by a 500
// that says nothing.
func loseAnswer(w http.ResponseWriter, cut bool) {
	if cut {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
			return
		}
	}
	http.Error(w, "Internal Server Error", http.StatusInternalServerError)
}

func requestID() string {
	raw := make([]byte, 16)
	rand.Read(raw) // never fails; it would end the process
	h := hex.EncodeToString(raw)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
