package pages

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// ExplainService answers whether a user can assume a role, and knows the names to ask about.
type ExplainService interface {
	Explain(ctx context.Context, actor access.Actor, r change.ExplainRequest) (change.Explanation, error)
	Mappings(ctx context.Context, actor access.Actor, q access.MappingQuery) (access.Page[access.Mapping], error)
	AccountPage(ctx context.Context, actor access.Actor, ou string, q access.PageQuery) (access.Page[access.Account], error)
}

// explainPage asks and answers whether a user can assume a role.
type explainPage struct {
	*site
	changes ExplainService
}

func (s *explainPage) routes() {
	s.Get("/explain", authz.Read, s.showExplain)
}

// showExplain asks, and once something was asked, answers below the question. The
// question stands in the address, so that an answer can be passed on.
func (s *explainPage) showExplain(c echo.Context, actor access.Actor) error {
	form := readExplainForm(c.QueryParams())
	shell := s.shell(c, actor, "Explain", "explain").With("Check whether a user can assume a role from a given network, and which statement decides.", nil)
	known, err := s.explainSuggestions(c, actor)
	if err != nil {
		return err
	}
	props := view.ExplainProps{Shell: shell, Form: form, Mine: transport.ClientAddr(c).String(), Known: known}
	if !form.Asked() {
		return s.ok(c, view.Explain(props))
	}
	request, err := explainQuestion(form)
	var answer change.Explanation
	if err == nil {
		answer, err = s.changes.Explain(c.Request().Context(), actor, request)
	}
	if err != nil {
		return s.refill(c, err, func(p view.Problems) (templ.Component, error) {
			props.Problems = p
			return view.Explain(props), nil
		})
	}
	props.Answer = &view.ExplainAnswer{
		Verdict: string(answer.Verdict), Sentence: answer.Sentence, Statement: answer.Statement, Document: answer.Document,
		Revision: answer.Revision, ChangeID: request.ChangeID, TrustPolicy: answer.TrustPolicy, UserPolicy: answer.UserPolicy,
	}
	if request.Revision != change.Head || !request.At.IsZero() {
		props.Answer.At = answer.At
	}
	return s.ok(c, view.Explain(props))
}

// explainSuggestions are the first of the roles, users and accounts that there are, for
// the fields to offer. They are a help, not a limit.
func (s *explainPage) explainSuggestions(c echo.Context, actor access.Actor) (view.ExplainSuggestions, error) {
	ctx := c.Request().Context()
	mappings, err := s.changes.Mappings(ctx, actor, access.MappingQuery{})
	if err != nil {
		return view.ExplainSuggestions{}, err
	}
	accounts, err := s.changes.AccountPage(ctx, actor, "", access.PageQuery{})
	if err != nil {
		return view.ExplainSuggestions{}, err
	}
	known := view.ExplainSuggestions{Accounts: accounts.Items}
	for _, m := range mappings.Items {
		known.Roles = append(known.Roles, m.Role.String())
		for _, u := range m.Users {
			known.Users = append(known.Users, u.String())
		}
	}
	known.Roles, known.Users = distinct(known.Roles), distinct(known.Users)
	return known, nil
}

func distinct(texts []string) []string { return slices.Compact(slices.Sorted(slices.Values(texts))) }

func readExplainForm(q url.Values) view.ExplainForm {
	return view.ExplainForm{
		Account: q.Get("account"), Role: q.Get("role"), User: q.Get("user"), SourceIP: q.Get("source_ip"), SourceVPC: q.Get("source_vpc"),
		SourceVPCE: q.Get("source_vpce"), MFA: q.Get("mfa") != "", SessionName: q.Get("session_name"), SourceIdentity: q.Get("source_identity"),
		Revision: q.Get("revision"), At: q.Get("at"), Change: q.Get("change"),
	}
}

func explainQuestion(f view.ExplainForm) (change.ExplainRequest, error) {
	r := change.ExplainRequest{
		Account: access.AccountID(strings.TrimSpace(f.Account)), Role: f.Role, User: f.User, SourceIP: f.SourceIP, SourceVPC: f.SourceVPC,
		SourceVPCE: f.SourceVPCE, MFA: f.MFA, SessionName: f.SessionName, SourceIdentity: f.SourceIdentity, Revision: change.Head,
	}
	var wrong []access.FieldError
	if text := strings.TrimSpace(f.Revision); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			wrong = append(wrong, access.FieldError{Field: "revision", Message: "A revision is a number; leave it empty for the newest."})
		}
		r.Revision = n
	}
	if text := strings.TrimPrefix(strings.TrimSpace(f.Change), "#"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n <= 0 {
			wrong = append(wrong, access.FieldError{Field: "change", Message: "A change is named by its number, for example 12."})
		}
		r.ChangeID = n
	}
	at, err := transport.ParseMoment("at", f.At)
	if err != nil {
		wrong = append(wrong, access.FieldsOf(err)...)
	}
	r.At = at
	return r, access.InvalidFields(wrong)
}
