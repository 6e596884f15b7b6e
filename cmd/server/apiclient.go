package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// apiFlags say which console is spoken to, and as whom.
type apiFlags struct {
	URL   string `name:"url" env:"PORTCULLIS_URL" default:"http://127.0.0.1:8080" placeholder:"URL" help:"The console's address."`
	Token string `name:"token" env:"PORTCULLIS_TOKEN" secret:"" placeholder:"TOKEN" help:"An API token. Best given in the environment: a command line can be seen by others on the machine."`
}

// client speaks the HTTP API.
type client struct {
	ctx   context.Context //nolint:containedctx // one command is one run of the program
	base  *url.URL
	token string
	http  *http.Client
}

func (f apiFlags) client(c *console) (*client, error) {
	if f.Token == "" {
		return nil, usagef("no API token is given: set PORTCULLIS_TOKEN, or use --token")
	}
	base, err := url.Parse(f.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, usagef("--url: %q is no address of a console, such as https://portcullis.example.com", f.URL)
	}
	if base.Scheme == "http" && !onThisMachine(base.Hostname()) {
		return nil, usagef("--url: %s is plain HTTP, over which the token could be read on the way; use https", f.URL)
	}
	return &client{ctx: c.ctx, base: base, token: f.Token, http: &http.Client{
		Timeout:       60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for this host alone
	}}, nil
}

func onThisMachine(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// page is the address of a page of the console.
func (c *client) page(path string) string { return c.base.JoinPath(path).String() }

// refusal is what the console says when it does not do what it was asked.
type refusal struct {
	Type   string
	Status int
	Detail string
	Errors []struct{ Pointer, Detail string }
	after  time.Duration
}

func (r *refusal) Error() string {
	var b strings.Builder
	b.WriteString(r.Detail)
	for _, e := range r.Errors {
		if e.Detail != r.Detail {
			fmt.Fprintf(&b, "\n%s: %s", e.Pointer, e.Detail)
		}
	}
	return b.String()
}

// is reports whether an error is a refusal of a kind, such as "unchanged".
func refused(err error, kind string) bool {
	var r *refusal
	return errors.As(err, &r) && r.Type == "/problems/"+kind
}

// passing reports whether asking again may help: the console starts, or is busy, or the
// way to it is broken.
func passing(err error) bool {
	var r *refusal
	var network net.Error
	if errors.As(err, &r) {
		return r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable
	}
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// get reads one thing.
func (c *client) get(path string, into any) error {
	return c.call(http.MethodGet, path, nil, into, nil)
}

// attempts is how often a request is sent when its answer does not come.
const attempts = 4

// post does something. Under one idempotency key it is done once, however often the
// request has to be sent.
func (c *client) post(path string, body, into any, header http.Header) error {
	if header == nil {
		header = http.Header{}
	}
	header.Set("Idempotency-Key", rand.Text())
	var err error
	for n := range attempts {
		if err = c.call(http.MethodPost, path, body, into, header); err == nil || !passing(err) || n == attempts-1 {
			return err
		}
		if err := c.pause(retryAfter(err)); err != nil {
			return err
		}
	}
	return err
}

func retryAfter(err error) time.Duration {
	var r *refusal
	if errors.As(err, &r) && r.after > 0 {
		return min(r.after, time.Minute)
	}
	return time.Second
}

func (c *client) pause(d time.Duration) error {
	select {
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	case <-time.After(d):
		return nil
	}
}

func (c *client) call(method, path string, body, into any, header http.Header) error {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
		sent = bytes.NewReader(text)
	}
	target := c.base.JoinPath("api/v1").String() + path
	r, err := http.NewRequestWithContext(c.ctx, method, target, sent)
	if err != nil {
		return fmt.Errorf("asking %s: %w", target, err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("User-Agent", "portcullis/"+version)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("the console at %s does not answer: %w. Is the address right (--url, PORTCULLIS_URL)?", c.base, unwrapURL(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("the answer of %s broke off: %w", c.base, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return problem(resp, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s answers what this program does not understand: %w. Is it a Portcullis of this version?", target, err)
	}
	return nil
}

// unwrapURL leaves out the address, which the message has already.
func unwrapURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

func problem(resp *http.Response, text []byte) error {
	r := &refusal{Status: resp.StatusCode}
	if err := json.Unmarshal(text, r); err != nil || r.Detail == "" {
		r.Detail = "the console answers " + resp.Status
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		r.after = time.Duration(seconds) * time.Second
	}
	return r
}
