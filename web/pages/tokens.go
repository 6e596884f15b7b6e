package pages

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// TokenService keeps API tokens.
type TokenService interface {
	Tokens(ctx context.Context, actor access.Actor) ([]access.Token, error)
	CreateToken(ctx context.Context, actor access.Actor, personID int64, n authn.NewToken) (access.Token, string, error)
	RevokeToken(ctx context.Context, actor access.Actor, id int64) error
}

// tokenPages are the pages of API tokens.
type tokenPages struct {
	*site
	tokens TokenService
}

func (s *tokenPages) routes() {
	s.Get("/tokens", authz.Read, s.showTokens)
	s.Post("/tokens", authz.Read, s.makeToken, "scopes")
	s.Post("/tokens/:id/revoke", authz.Read, s.revokeToken)
}

func (s *tokenPages) showTokens(c echo.Context, actor access.Actor) error {
	p, err := s.tokensPage(c, actor)
	if err != nil {
		return err
	}
	p.Scopes, p.Life = defaultToken()
	return s.ok(c, view.Tokens(p))
}

// makeToken answers with the page itself: the secret is kept nowhere, so a page that the
// browser is sent to could not show it.
func (s *tokenPages) makeToken(c echo.Context, actor access.Actor) error {
	wanted, err := s.newToken(c)
	secret := ""
	if err == nil {
		_, secret, err = s.tokens.CreateToken(c.Request().Context(), actor, actor.PersonID, wanted)
	}
	if err != nil {
		return s.refill(c, err, func(problems view.Problems) (templ.Component, error) {
			p, err := s.tokensPage(c, actor)
			p.Name, p.Scopes, p.Life, p.Problems = wanted.Name, wanted.Scopes, c.FormValue("expires"), problems
			return view.Tokens(p), err
		})
	}
	p, err := s.tokensPage(c, actor)
	if err != nil {
		return err
	}
	p.Secret = secret
	p.Scopes, p.Life = defaultToken()
	return s.page(c, http.StatusCreated, view.Tokens(p))
}

// defaultToken has the choices that the form begins with.
func defaultToken() (scopes []access.TokenScope, days string) {
	return []access.TokenScope{access.ScopeRead}, strconv.Itoa(int(access.DefaultTokenLife.Hours() / 24))
}

// newToken reads the form of a new token.
func (s *tokenPages) newToken(c echo.Context) (authn.NewToken, error) {
	days := c.FormValue("expires")
	n := authn.NewToken{Name: c.FormValue("name"), Never: days == "never"}
	var err error
	if n.Scopes, err = access.ParseScopes(c.Request().PostForm["scopes"]); err != nil {
		return n, err
	}
	if len(n.Scopes) == 0 {
		return n, access.Invalid("scopes", "choose at least one scope: a token without any can do nothing")
	}
	if n.Never {
		return n, nil
	}
	count, err := strconv.Atoi(days)
	if err != nil || count < 1 || count > 10000 {
		return n, access.Invalid("expires", "choose when the token ends")
	}
	n.Expires = s.now().AddDate(0, 0, count)
	return n, nil
}

func (s *tokenPages) revokeToken(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	if err := s.tokens.RevokeToken(c.Request().Context(), actor, id); err != nil {
		return err
	}
	s.Flash(c, "The token is revoked. Whoever still sends it is refused.")
	return s.See(c, transport.OwnPath(cmp.Or(c.FormValue("next"), view.TokensURL())))
}

func (s *tokenPages) tokensPage(c echo.Context, actor access.Actor) (view.TokensPage, error) {
	tokens, err := s.tokens.Tokens(c.Request().Context(), actor)
	if err != nil {
		return view.TokensPage{}, err
	}
	p := view.TokensPage{Now: s.now(), Admin: authz.Can(actor, authz.ManagePeople)}
	for _, t := range tokens {
		if t.PersonID == actor.PersonID {
			p.Own = append(p.Own, t)
		} else {
			p.Others = append(p.Others, t)
		}
	}
	slices.SortStableFunc(p.Own, func(a, b access.Token) int {
		return strings.Compare(string(a.State(p.Now)), string(b.State(p.Now)))
	})
	p.Shell = s.shell(c, actor, "API tokens", "tokens").With("A token lets a program act for you over the HTTP API, within the scopes that you give it.", nil)
	return p, nil
}
