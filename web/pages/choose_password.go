package pages

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// PasswordChooser stores the password that the holder of a link chose.
type PasswordChooser interface {
	ChoosePassword(ctx context.Context, secret, password string, addr netip.Addr, userAgent, requestID string) error
}

func (s *signInPages) choosePasswordRoutes() {
	s.Visitor(http.MethodGet, view.ChoosePasswordURL(), s.showChoosePassword)
	s.Visitor(http.MethodPost, view.ChoosePasswordURL(), s.choosePassword)
}

func (s *signInPages) choosePasswordProps(c echo.Context) view.ChoosePasswordProps {
	return view.ChoosePasswordProps{Shell: s.shell(c, access.Actor{}, "Choose a password", "")}
}

func (s *signInPages) showChoosePassword(c echo.Context) error {
	return s.ok(c, view.ChoosePassword(s.choosePasswordProps(c)))
}

// choosePassword leads to the sign-in form. If it is refused, neither the code nor the password is sent back: the code
// is in the link.
func (s *signInPages) choosePassword(c echo.Context) error {
	var err error
	if c.FormValue("again") != c.FormValue("password") {
		err = access.Invalid("again", "the two new passwords differ")
	} else {
		err = s.chooser.ChoosePassword(c.Request().Context(), c.FormValue("secret"), c.FormValue("password"),
			transport.ClientAddr(c), c.Request().UserAgent(), transport.RequestID(c))
	}
	if err == nil {
		s.Flash(c, "Your password is set. Sign in with it.")
		return s.See(c, view.SignInURL())
	}
	status := transport.KindStatus(access.KindOf(err))
	if status == 0 {
		return err
	}
	transport.NoteCause(c, err)
	props := s.choosePasswordProps(c)
	props.Problems = view.NewProblems(err)
	return s.page(c, status, view.ChoosePassword(props))
}
