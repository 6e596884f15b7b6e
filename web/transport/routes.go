package transport

import (
	"context"
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// Route is one line of the route table. Permission is what its service demands; a
// Public route needs nobody to be signed in. An API route takes a bearer token in place
// of a session.
type Route struct {
	Method     string
	Path       string
	Permission authz.Permission
	Public     bool
	API        bool
	Stream     bool
}

// The limits of one request.
const (
	requestTimeout = 30 * time.Second
	maxBody        = 4 << 20 // a paste of 10,000 lines with notes fits
)

// Handler answers a request of somebody who is signed in and has the route's permission.
type Handler func(c echo.Context, actor access.Actor) error

// Routes lists every route, for tests that walk over all of them.
func (s *Server) Routes() []Route { return slices.Clone(s.routes) }

// Get adds a page.
func (s *Server) Get(path string, p authz.Permission, h Handler) {
	s.add(Route{Method: http.MethodGet, Path: path, Permission: p}, s.asActor(p, h), s.session, limits)
}

// Stream adds a page that stays open: it has no timeout.
func (s *Server) Stream(path string, p authz.Permission, h Handler) {
	s.add(Route{Method: http.MethodGet, Path: path, Permission: p, Stream: true}, s.asActor(p, s.limitStreams(h)),
		s.session)
}

// Post adds a form's target. Requests that a foreign page makes a browser send are
// refused before anything else looks at them. lists names the fields that may be sent several times.
func (s *Server) Post(path string, p authz.Permission, h Handler, lists ...string) {
	route := Route{Method: http.MethodPost, Path: path, Permission: p}
	s.add(route, s.asActor(p, withForm(h, lists)), s.sameOrigin, s.session, limits)
}

// Open adds a route that needs no session at all.
func (s *Server) Open(path string, h echo.HandlerFunc) {
	s.add(Route{Method: http.MethodGet, Path: path, Public: true}, h, limits)
}

// Visitor adds a page for a person who is not signed in, or its form's target.
func (s *Server) Visitor(method, path string, h echo.HandlerFunc) {
	if show := h; method == http.MethodPost {
		h = func(c echo.Context) error {
			if err := readForm(c, nil); err != nil {
				return err
			}
			return show(c)
		}
	}
	s.add(Route{Method: method, Path: path, Public: true}, h, s.sameOrigin, s.session, limits)
}

// API adds a route for programs, which sign in with a bearer token.
func (s *Server) API(method, path string, p authz.Permission, h Handler) {
	s.add(Route{Method: method, Path: path, Permission: p, API: true}, s.asToken(p, h), s.sameOrigin, s.paceAddr, limits)
}

// APIStream adds a route for programs that stays open: it has no timeout.
func (s *Server) APIStream(path string, p authz.Permission, h Handler) {
	s.add(Route{Method: http.MethodGet, Path: path, Permission: p, API: true, Stream: true},
		s.asToken(p, s.limitStreams(h)), s.sameOrigin, s.paceAddr)
}

func (s *Server) add(r Route, h echo.HandlerFunc, guards ...echo.MiddlewareFunc) {
	s.routes = append(s.routes, r)
	s.echo.Add(r.Method, r.Path, h, guards...)
}

// asActor finds out who asks, and refuses early what the service would refuse anyway.
func (s *Server) asActor(p authz.Permission, h Handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		actor, err := s.Actor(c)
		if err != nil {
			return err
		}
		if err := s.paceForm(c, actor); err != nil {
			return err
		}
		return permitted(c, actor, p, h)
	}
}

func (s *Server) asToken(p authz.Permission, h Handler) echo.HandlerFunc {
	return func(c echo.Context) error {
		actor, err := s.tokenActor(c)
		if err != nil {
			return err
		}
		return s.paceToken(func(c echo.Context, actor access.Actor) error { return permitted(c, actor, p, h) })(c, actor)
	}
}

func permitted(c echo.Context, actor access.Actor, p authz.Permission, h Handler) error {
	SetActor(c, actor)
	if err := authz.Require(actor, p); err != nil {
		return err
	}
	return h(c, actor)
}

// withForm has the form read before the handler.
func withForm(h Handler, lists []string) Handler {
	return func(c echo.Context, actor access.Actor) error {
		if err := readForm(c, lists); err != nil {
			return err
		}
		return h(c, actor)
	}
}

// limits bounds the time and the size of a request. An error that comes back is answered
// outside, when the bounded context is over: so the request is put back as it was.
func limits(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		whole := c.Request()
		defer c.SetRequest(whole)
		ctx, cancel := context.WithTimeout(whole.Context(), requestTimeout)
		defer cancel()
		r := whole.WithContext(ctx)
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxBody)
		c.SetRequest(r)
		return next(c)
	}
}

var errForeignReferer = errors.New("cross-origin request detected, and/or browser is out of date: foreign Referer, " +
	"no Origin")

// sameOrigin refuses a request that a page of another site makes a browser send.
func (s *Server) sameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := s.origin.Check(c.Request())
		if err == nil && s.isForeignReferer(c.Request()) {
			err = errForeignReferer
		}
		if err != nil {
			return access.Wrap(access.KindForbidden, err, "This request came from another site, so it was not carried out. Open the page in this console and try again.")
		}
		return next(c)
	}
}

func isAPI(path string) bool { return strings.HasPrefix(path, "/api/") }

// pageOf is the page that a form's target belongs to. A form that was refused is shown at
// the address of its target: whoever loads that anew asks for a page that there is not.
func (s *Server) pageOf(target string) string {
	for target != "/" && !s.routed(http.MethodGet, target) {
		target = path.Dir(target)
	}
	return target
}

// routed reports whether there is a page, or a form's target, at an address.
func (s *Server) routed(method, at string) bool { return slices.Contains(s.methodsAt(at), method) }

// methodsAt lists the methods that an address takes.
func (s *Server) methodsAt(at string) []string {
	parts := strings.Split(at, "/")
	var methods []string
	for _, r := range s.routes {
		if slices.EqualFunc(strings.Split(r.Path, "/"), parts, fits) {
			methods = append(methods, r.Method)
		}
	}
	return methods
}

// fits reports whether a part of an address fits that of a route.
func fits(pattern, part string) bool {
	return pattern == part || strings.HasPrefix(pattern, ":") && part != ""
}

// notTaken says which methods an address takes, where it takes any.
func notTaken(c echo.Context, methods []string) error {
	if len(methods) == 0 {
		return echo.ErrNotFound
	}
	slices.Sort(methods)
	c.Response().Header().Set(echo.HeaderAllow, strings.Join(slices.Compact(methods), ", "))
	return echo.ErrMethodNotAllowed
}

// notFound answers addresses that no page has, with the navigation for whoever is signed
// in. The address of a form's target leads back to the form.
func (s *Server) notFound(c echo.Context) error {
	if r := c.Request(); isAPI(r.URL.Path) {
		return notTaken(c, s.methodsAt(r.URL.Path))
	}
	actor, err := s.Actor(c)
	if err != nil || !authz.Can(actor, authz.Read) {
		return echo.ErrNotFound
	}
	if r := c.Request(); r.Method == http.MethodGet && s.routed(http.MethodPost, r.URL.Path) {
		return s.See(c, s.pageOf(r.URL.Path))
	}
	SetActor(c, actor)
	return echo.ErrNotFound
}
